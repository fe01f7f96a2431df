import { Center, Loader, Stack, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LiveAgent, LiveView } from '../../desk/live-types.ts';
import { CallBanner } from './call-banner.tsx';
import { CallBar, CallMarks } from './call-bar.tsx';
import { IntakePanel } from './intake-panel.tsx';
import { NoPhone } from './no-phone.tsx';
import { OwnState } from './own-state.tsx';
import { QueueTable } from './queue-table.tsx';
import { useNow } from './time.ts';
import type { Live } from './use-live.ts';
import { useTitle } from './use-title.ts';

/** An agent's desk. */
export function AgentPage({ live, agentId }: { live: Live; agentId: string }) {
  const { t } = useTranslation();
  const nowMs = useNow(live.offsetMs);
  const { view } = live;
  if (!view) {
    return (
      <Center h="50vh">
        <Loader />
      </Center>
    );
  }
  if (!view.me) return <Text c="dimmed">{t('own.notAgent')}</Text>;
  return <Desk me={view.me} view={view} nowMs={nowMs} agentId={agentId} />;
}

function Desk({ me, view, nowMs, agentId }: { me: LiveAgent; view: LiveView; nowMs: number; agentId: string }) {
  const { t } = useTranslation();
  const isRinging = me.state === 'ringing' || me.state === 'reserved';
  // In wrap-up the call goes on without the agent: it ends, or waits for somebody else.
  const call = isRinging || me.state === 'talking' ? view.call : undefined;
  useTitle(isRinging && call ? `● ${call.account.name}` : t('shell.myDesk'));
  const isHandedOn = me.state === 'wrap-up' && (view.call?.agentId ?? me.agentId) !== me.agentId;
  const queueName = view.queues.find(({ queueId }) => queueId === call?.queueId)?.name ?? call?.queueId ?? '';
  return (
    <Stack gap="sm" maw={1500} mx="auto">
      {call && !isRinging ? (
        <OwnState
          me={me}
          nowMs={nowMs}
          className={call.held || call.transfer ? 'held' : ''}
          marks={<CallMarks key={call.callId} call={call} nowMs={nowMs} />}
        >
          <CallBar key={call.callId} call={call} colleagues={view.colleagues ?? []} queueName={queueName} />
        </OwnState>
      ) : (
        <OwnState me={me} nowMs={nowMs} />
      )}
      {me.hasPhone === false && <NoPhone me={me} />}
      {call && isRinging && <CallBanner call={call} me={me} queueName={queueName} nowMs={nowMs} />}
      <IntakePanel agentId={agentId} me={me} call={call} isHandedOn={isHandedOn} nowMs={nowMs} />
      {!call && me.state !== 'wrap-up' && <Rest state={me.state} />}
      <section className="panel" aria-label={t('queue.title')} style={{ padding: 'var(--mantine-spacing-md)' }}>
        <QueueTable queues={view.queues} nowMs={nowMs} />
      </section>
    </Stack>
  );
}

function Rest({ state }: { state: LiveAgent['state'] }) {
  const { t } = useTranslation();
  const isThere = state === 'available';
  return (
    <Stack className="panel" align="center" justify="center" gap={4} mih={150} p="lg">
      <Title order={2} size="h3" {...(isThere ? {} : { c: 'dimmed' })}>
        {isThere ? t('own.idle') : t('own.away')}
      </Title>
      <Text c="dimmed">{isThere ? t('own.idleText') : t('own.awayText')}</Text>
    </Stack>
  );
}
