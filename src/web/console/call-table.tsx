import { Badge, Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LiveView } from '../../desk/live-types.ts';
import { duration, writtenNumber } from './time.ts';

const colors = { waiting: 'orange', offered: 'orange', answered: 'blue', talking: 'blue', held: 'red', served: 'gray' };

/** Calls with agents, and the first in each line: the longest first. */
export function CallTable({ view, nowMs }: { view: LiveView; nowMs: number }) {
  const { t } = useTranslation();
  const { calls = [], agents = [], queues } = view;
  if (calls.length === 0) return <Text c="dimmed">{t('overview.noCalls')}</Text>;
  const nameOf = (callId: string) =>
    agents.filter((agent) => agent.callId === callId).map(({ displayName }) => displayName);
  return (
    <Table verticalSpacing={6} className="digits">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('overview.account')}</Table.Th>
          <Table.Th>{t('overview.caller')}</Table.Th>
          <Table.Th>{t('ring.queue')}</Table.Th>
          <Table.Th>{t('overview.state')}</Table.Th>
          <Table.Th ta="right">{t('overview.since')}</Table.Th>
          <Table.Th>{t('overview.agent')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {calls.map((call) => (
          <Table.Tr key={call.callId}>
            <Table.Td fw={600}>{call.account.name}</Table.Td>
            <Table.Td>
              {call.callerNumber === undefined ? t('ring.withheld') : writtenNumber(call.callerNumber)}
            </Table.Td>
            <Table.Td>{queues.find(({ queueId }) => queueId === call.queueId)?.name ?? call.queueId}</Table.Td>
            <Table.Td>
              <Badge color={colors[call.state]} variant="light" tt="none">
                {t(`overview.callState.${call.state}`)}
              </Badge>
            </Table.Td>
            <Table.Td ta="right">{duration(nowMs - call.waitingSinceMs)}</Table.Td>
            <Table.Td>{nameOf(call.callId).join(', ')}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
