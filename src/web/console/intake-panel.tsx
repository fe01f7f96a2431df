import { Alert, Center, Grid, Loader, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { LiveAgent, LiveCall } from '../../desk/live-types.ts';
import { AccountCard, useDeskCard } from './account-card.tsx';
import { CallerFacts } from './caller-facts.tsx';
import { IntakeFields } from './intake-fields.tsx';
import type { IntakeView } from './intake-types.ts';
import { ReportSent } from './report-sent.tsx';
import { useCurrentIntake } from './use-intake.ts';

/** The account's card and the form: of the call on the line, in wrap-up, or left unfinished. */
export function IntakePanel(props: {
  agentId: string;
  me: LiveAgent;
  call: LiveCall | undefined;
  /** In wrap-up: another agent has the caller now. */
  isHandedOn: boolean;
  nowMs: number;
}) {
  const { agentId, me, call, isHandedOn, nowMs } = props;
  const { data } = useCurrentIntake(agentId, me.state, me.callId);
  const isBusy = me.state === 'talking' || me.state === 'wrap-up';
  const isRinging = me.state === 'ringing' || me.state === 'reserved';
  // While the next call rings its own card is what counts.
  const intake = data && (isBusy ? data.callId === me.callId : data.state === 'open' && !isRinging) ? data : undefined;
  if (intake) return <WithCard intake={intake} isBusy={isBusy} isHandedOn={isHandedOn} nowMs={nowMs} />;
  if (call) return <CardOnly accountId={call.account.accountId} isWaiting={me.state === 'talking'} nowMs={nowMs} />;
  return isHandedOn ? <HandedOn /> : null;
}

function HandedOn() {
  const { t } = useTranslation();
  return <Alert color="blue">{t('form.handedOn')}</Alert>;
}

function WithCard(props: { intake: IntakeView; isBusy: boolean; isHandedOn: boolean; nowMs: number }) {
  const { intake, isBusy, isHandedOn, nowMs } = props;
  const { t } = useTranslation();
  const client = useQueryClient();
  // Without a call the form makes room for the next thing to do.
  const onReported = () => {
    if (isBusy) return;
    notifications.show({ color: 'teal', message: <ReportSent intakeId={intake.intakeId} /> });
    client.invalidateQueries({ queryKey: ['intake'] });
  };
  return (
    <>
      {!isBusy && <Alert color="yellow">{t('form.unfinished')}</Alert>}
      <CallerFacts intake={intake} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5 }} order={{ base: 2, md: 1 }}>
          <AccountCard card={intake.card} nowMs={nowMs} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }} order={{ base: 1, md: 2 }}>
          <IntakeFields
            key={`${intake.intakeId} ${intake.answeredAtMs}`}
            intake={intake}
            isHandedOn={isHandedOn}
            onReported={onReported}
          />
        </Grid.Col>
      </Grid>
    </>
  );
}

/** Before the form is there: whom the agent is about to answer for. Laid out as it will be. */
function CardOnly(props: { accountId: string; isWaiting: boolean; nowMs: number }) {
  const { accountId, isWaiting, nowMs } = props;
  const { t } = useTranslation();
  const { data: card, isPending } = useDeskCard(accountId);
  if (isPending) return <Loader size="sm" />;
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: 5 }}>
        <AccountCard card={card ?? undefined} nowMs={nowMs} />
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Center className="panel faint" p="md" mih={200} h="100%">
          <Text c="dimmed">{isWaiting ? t('form.waiting') : t('form.onAnswer')}</Text>
        </Center>
      </Grid.Col>
    </Grid>
  );
}
