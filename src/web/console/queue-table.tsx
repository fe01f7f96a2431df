import { Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LiveQueue } from '../../desk/live-types.ts';
import { duration } from './time.ts';

/** How it stands with queues: now, and today. */
export function QueueTable({ queues, nowMs }: { queues: readonly LiveQueue[]; nowMs: number }) {
  const { t } = useTranslation();
  if (queues.length === 0) return <Text c="dimmed">{t('queue.none')}</Text>;
  return (
    <Table verticalSpacing={6} className="digits rows">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('ring.queue')}</Table.Th>
          <Table.Th ta="right">{t('queue.waiting')}</Table.Th>
          <Table.Th ta="right">{t('queue.longest')}</Table.Th>
          <Table.Th ta="right">{t('queue.free')}</Table.Th>
          <Table.Th ta="right">{t('queue.talking')}</Table.Th>
          <Table.Th ta="right">{t('queue.others')}</Table.Th>
          <Table.Th ta="right">{t('queue.handling')}</Table.Th>
          <Table.Th ta="right">{t('queue.answered')}</Table.Th>
          <Table.Th ta="right">{t('queue.left')}</Table.Th>
          <Table.Th ta="right">{t('queue.averageWait')}</Table.Th>
          <Table.Th ta="right">{t('queue.level')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {queues.map((queue) => (
          <QueueRow key={queue.queueId} queue={queue} nowMs={nowMs} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function QueueRow({ queue, nowMs }: { queue: LiveQueue; nowMs: number }) {
  const { t } = useTranslation();
  const { name, waiting, oldestAtMs, agents, handlingMs, today } = queue;
  const sum = (...counts: (number | undefined)[]) => counts.reduce<number>((total, count) => total + (count ?? 0), 0);
  const isPressing = waiting > 0;
  return (
    <Table.Tr>
      <Table.Td fw={600}>{name}</Table.Td>
      <Table.Td
        data-label={t('queue.waiting')}
        ta="right"
        fw={isPressing ? 700 : 400}
        {...(isPressing ? { c: 'var(--desk-ring-text)' } : {})}
      >
        {waiting}
      </Table.Td>
      <Table.Td data-label={t('queue.longest')} ta="right">
        {oldestAtMs === undefined ? '–' : duration(nowMs - oldestAtMs)}
      </Table.Td>
      <Table.Td data-label={t('queue.free')} ta="right">
        {sum(agents.available)}
      </Table.Td>
      <Table.Td data-label={t('queue.talking')} ta="right">
        {sum(agents.talking, agents.ringing, agents.reserved)}
      </Table.Td>
      <Table.Td data-label={t('queue.others')} ta="right">
        {sum(agents['wrap-up'], agents.break)}
      </Table.Td>
      <Table.Td data-label={t('queue.handling')} ta="right">
        {handlingMs === undefined ? '–' : duration(handlingMs)}
      </Table.Td>
      <Table.Td data-label={t('queue.answered')} ta="right">
        {today.answered}
      </Table.Td>
      <Table.Td data-label={t('queue.left')} ta="right">
        {today.left}
      </Table.Td>
      <Table.Td data-label={t('queue.averageWait')} ta="right">
        {today.answered === 0 ? '–' : duration(today.waitMs / today.answered)}
      </Table.Td>
      <Table.Td data-label={t('queue.level')} ta="right">
        {levelOf([queue])}
      </Table.Td>
    </Table.Tr>
  );
}

/** How many of all callers were answered in time, in percent. */
export function levelOf(queues: readonly LiveQueue[]): string {
  const total = queues.reduce((sum, { today }) => sum + today.answered + today.left, 0);
  const inTime = queues.reduce((sum, { today }) => sum + today.inTime, 0);
  return total === 0 ? '–' : `${Math.round((100 * inTime) / total)}%`;
}
