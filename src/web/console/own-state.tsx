import { Badge, Button, Group, Kbd, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import type { LiveAgent } from '../../desk/live-types.ts';
import { BreakDialog } from './break-dialog.tsx';
import { useKeys } from './keys.ts';
import { useReasonText } from './reason-text.ts';
import { StateBadge } from './state-badge.tsx';
import { stateColors } from './theme.ts';
import { duration } from './time.ts';
import { useAgentState } from './use-agent-state.ts';

/** The agent's own state: what it is, since when, and what it can be. */
export function OwnState({ me, nowMs }: { me: LiveAgent; nowMs: number }) {
  const { t } = useTranslation();
  const reasonText = useReasonText();
  const state = useAgentState(me.agentId);
  const [breakShown, breakDialog] = useDisclosure(false);
  const isWrapUp = me.state === 'wrap-up';
  const isBusy = ['reserved', 'ringing', 'talking', 'wrap-up'].includes(me.state);
  const isTakingCalls = me.state === 'available' || (isBusy && !isWrapUp && me.wanted === 'available');
  const takeCalls = isWrapUp ? state.ready : state.available;
  useKeys({ F2: takeCalls, F4: breakDialog.open, F8: state.offline });
  return (
    <Group className="panel" px="lg" py="xs" justify="space-between" aria-label={t('own.title')} component="section">
      <Group gap="md">
        <StateBadge state={me.state} size="xl" />
        <Text size="xl" fw={600} className="digits" data-testid="own-timer">
          {duration(nowMs - me.sinceMs)}
        </Text>
        <Stack gap={0}>
          {me.reason !== '' && <Text size="sm">{reasonText(me.reason)}</Text>}
          {me.untilMs !== undefined && (
            <Text size="sm" fw={600} className="digits" role="timer">
              {t('own.left', { time: duration(me.untilMs - nowMs + 999) })}
            </Text>
          )}
          {isBusy && me.wanted !== 'available' && (
            <Badge color={stateColors[me.wanted]} tt="none">
              {t('own.afterCall', { state: t(`state.${me.wanted}`) })}
            </Badge>
          )}
        </Stack>
      </Group>
      <Group gap="sm">
        <Button
          color="teal"
          size="md"
          variant={isTakingCalls ? 'default' : 'filled'}
          disabled={isTakingCalls}
          loading={state.isBusy}
          onClick={takeCalls}
          rightSection={<Kbd>F2</Kbd>}
        >
          {isWrapUp ? t('own.ready') : t('own.available')}
        </Button>
        <Button size="md" variant="default" onClick={breakDialog.open} rightSection={<Kbd>F4</Kbd>}>
          {t('own.break')}
        </Button>
        <Button
          size="md"
          variant="default"
          disabled={me.state === 'offline'}
          onClick={state.offline}
          rightSection={<Kbd>F8</Kbd>}
        >
          {t('own.offline')}
        </Button>
      </Group>
      <BreakDialog opened={breakShown} onClose={breakDialog.close} onChosen={state.rest} />
    </Group>
  );
}
