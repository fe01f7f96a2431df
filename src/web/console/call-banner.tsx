import { Badge, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveAgent, LiveCall } from '../../desk/live-types.ts';
import { PhoneIcon } from './icons.tsx';
import { WithReading } from './reading.tsx';
import { duration, writtenNumber } from './time.ts';

/** The call that rings, or that the agent has: whose name to announce, and who is there. */
export function CallBanner({
  call,
  me,
  queueName,
  nowMs,
}: {
  call: LiveCall;
  me: LiveAgent;
  queueName: string;
  nowMs: number;
}) {
  const { t } = useTranslation();
  const isRinging = me.state === 'ringing' || me.state === 'reserved';
  const { account, callerNumber, waitingSinceMs, isCallBack } = call;
  const title =
    me.state === 'reserved' ? t('ring.reserved') : call.state === 'talking' ? t('state.talking') : t('ring.title');
  const isConnecting = me.state === 'ringing' && call.state === 'answered';
  return (
    <Group
      component="section"
      className={isRinging ? 'panel ringing' : 'panel'}
      px="lg"
      py={isRinging ? 'md' : 4}
      justify="space-between"
      align={isRinging ? 'end' : 'center'}
      aria-live="assertive"
      data-testid="call"
    >
      <Group
        gap={isRinging ? 0 : 'lg'}
        {...(isRinging ? { style: { flexDirection: 'column', alignItems: 'start' } } : {})}
      >
        <Group gap="xs" c={isRinging ? 'orange.8' : 'blue.7'}>
          <PhoneIcon />
          <Text fw={700}>{isConnecting ? t('ring.connecting') : title}</Text>
          {isCallBack && <Badge color="grape">{t('ring.callBack')}</Badge>}
        </Group>
        <div className={isRinging ? 'announced large' : 'announced small'} lang="ja">
          <WithReading name={account.name} reading={account.reading} />
        </div>
      </Group>
      <Group gap="xl" className="digits" pb={isRinging ? 4 : 0}>
        <Fact label={t('ring.from')}>
          {callerNumber === undefined ? t('ring.withheld') : writtenNumber(callerNumber)}
        </Fact>
        <Fact label={t('ring.queue')}>{queueName}</Fact>
        {me.state === 'talking' ? (
          <Fact label={t('ring.talk')}>{duration(nowMs - me.sinceMs)}</Fact>
        ) : (
          <Fact label={t('ring.waiting')}>{duration(nowMs - waitingSinceMs)}</Fact>
        )}
      </Group>
    </Group>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text size="xl" fw={600}>
        {children}
      </Text>
    </div>
  );
}
