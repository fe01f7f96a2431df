import { Badge, Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveAgent, LiveCall } from '../../desk/live-types.ts';
import { useDeskCard } from './account-card.tsx';
import { PhoneIcon } from './icons.tsx';
import { WithReading } from './reading.tsx';
import { duration, writtenNumber } from './time.ts';

/** The call that rings for the agent: whose name to announce, and who is there. */
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
  const { callerNumber, waitingSinceMs, isCallBack } = call;
  const isConnecting = me.state === 'ringing' && call.state === 'answered';
  const title = isConnecting ? t('ring.connecting') : me.state === 'reserved' ? t('ring.reserved') : t('ring.title');
  return (
    <Group
      component="section"
      className="panel ringing"
      px="lg"
      py="md"
      justify="space-between"
      align="end"
      aria-live="assertive"
      data-testid="call"
    >
      <div>
        <Group gap="xs" c="var(--desk-ring-text)">
          <PhoneIcon />
          <Text fw={700}>{title}</Text>
          {isCallBack && <Badge color="grape">{t('ring.callBack')}</Badge>}
        </Group>
        <Announced call={call} size="large" />
      </div>
      <Group gap="xl" className="digits" pb={4}>
        <Fact label={t('ring.from')}>
          {callerNumber === undefined ? t('ring.withheld') : writtenNumber(callerNumber)}
        </Fact>
        <Fact label={t('ring.queue')}>{queueName}</Fact>
        <Fact label={t('ring.waiting')}>{duration(nowMs - waitingSinceMs)}</Fact>
      </Group>
    </Group>
  );
}

/** The name to announce: that of the account's card. */
export function Announced({ call: { account }, size }: { call: LiveCall; size: 'large' | 'small' }) {
  const { data: card } = useDeskCard(account.accountId);
  const { announceName, announceReading } = card ?? { announceName: account.name, announceReading: account.reading };
  return (
    <div className={`announced ${size}`} lang="ja">
      <WithReading name={announceName} reading={announceReading} />
    </div>
  );
}

/** One thing to know, under its name. */
export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <Text size="xs" c="dimmed" className="whole">
        {label}
      </Text>
      <Text size="xl" fw={600} className="digits whole">
        {children}
      </Text>
    </div>
  );
}
