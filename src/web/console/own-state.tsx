import { Badge, Button, Group, Kbd, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveAgent } from '../../desk/live-types.ts';
import { BreakDialog } from './break-dialog.tsx';
import { useKeys } from './keys.ts';
import { useReasonText } from './reason-text.ts';
import { StateBadge } from './state-badge.tsx';
import { stateColors } from './theme.ts';
import { duration } from './time.ts';
import { useAgentState } from './use-agent-state.ts';

/** The agent's own state: what it is, since when, and what it can be. `marks`: of the call; `children`: the call. */
export function OwnState(props: {
  me: LiveAgent;
  nowMs: number;
  className?: string;
  marks?: ReactNode;
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  const { me, nowMs, className = '', marks, children } = props;
  return (
    <Stack className={`panel ${className}`} px="lg" py={6} gap={4} aria-label={t('own.title')} component="section">
      <Group justify="space-between" gap="xs">
        <Group gap="md">
          <StateBadge state={me.state} size="lg" />
          <Text size="lg" fw={600} className="digits" data-testid="own-timer">
            {duration(nowMs - me.sinceMs)}
          </Text>
          <About me={me} nowMs={nowMs} />
          <PhoneState me={me} />
          {marks}
        </Group>
        <Choices me={me} />
      </Group>
      {children}
    </Stack>
  );
}

/** Why, until when, and what follows. */
function About({ me, nowMs }: { me: LiveAgent; nowMs: number }) {
  const { t } = useTranslation();
  const reasonText = useReasonText();
  return (
    <Group gap="xs">
      {me.reason !== '' && <Text size="sm">{reasonText(me.reason)}</Text>}
      {me.untilMs !== undefined && (
        <Text size="sm" fw={600} className="digits" role="timer">
          {t('own.left', { time: duration(me.untilMs - nowMs + 999) })}
        </Text>
      )}
      {isBusy(me) && me.wanted !== 'available' && (
        <Badge color={stateColors[me.wanted]} tt="none" radius="sm">
          {t('own.afterCall', { state: t(`state.${me.wanted}`) })}
        </Badge>
      )}
    </Group>
  );
}

/** Whether the agent can be rung, and how often that was in vain. */
function PhoneState({ me }: { me: LiveAgent }) {
  const { t } = useTranslation();
  const { hasPhone, missesInRow } = me;
  return (
    <Group gap="xs" role="status">
      {hasPhone !== undefined && (
        <Badge color={hasPhone ? 'teal' : 'red'} variant="light" tt="none" radius="sm" className="whole">
          {hasPhone ? t('own.phoneReady') : t('own.phoneMissing')}
        </Badge>
      )}
      {missesInRow > 0 && (
        <Badge color="red" variant="light" tt="none" radius="sm" className="whole">
          {t('own.misses', { count: missesInRow })}
        </Badge>
      )}
    </Group>
  );
}

function Choices({ me }: { me: LiveAgent }) {
  const { t } = useTranslation();
  const state = useAgentState(me.agentId);
  const [breakShown, breakDialog] = useDisclosure(false);
  const isWrapUp = me.state === 'wrap-up';
  const isTakingCalls = me.state === 'available' || (isBusy(me) && !isWrapUp && me.wanted === 'available');
  const takeCalls = isWrapUp ? state.ready : state.available;
  useKeys({ F2: takeCalls, F4: breakDialog.open, F8: state.offline });
  return (
    <Group gap={6}>
      <Button
        color="teal"
        variant={isTakingCalls ? 'default' : 'filled'}
        disabled={isTakingCalls}
        loading={state.isBusy}
        onClick={takeCalls}
        rightSection={<Kbd>F2</Kbd>}
      >
        {isWrapUp ? t('own.ready') : t('own.available')}
      </Button>
      <Button variant="default" onClick={breakDialog.open} rightSection={<Kbd>F4</Kbd>}>
        {t('own.break')}
      </Button>
      <Button variant="default" disabled={me.state === 'offline'} onClick={state.offline} rightSection={<Kbd>F8</Kbd>}>
        {t('own.offline')}
      </Button>
      <BreakDialog opened={breakShown} onClose={breakDialog.close} onChosen={state.rest} />
    </Group>
  );
}

function isBusy({ state }: LiveAgent): boolean {
  return state === 'reserved' || state === 'ringing' || state === 'talking' || state === 'wrap-up';
}
