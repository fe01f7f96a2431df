import { Table, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LiveCall, LiveQueue } from '../../desk/live-types.ts';
import { writtenNumber } from './time.ts';

/** For whom and by whom a call is: two cells of a row. */
export function CallerCells({ call, queues }: { call: LiveCall; queues: LiveQueue[] }) {
  const { t } = useTranslation();
  return (
    <>
      <Table.Td>
        <Text size="sm" fw={600}>
          {call.account.name}
        </Text>
        <Text size="xs" c="dimmed">
          {queues.find(({ queueId }) => queueId === call.queueId)?.name ?? call.queueId}
        </Text>
      </Table.Td>
      <Table.Td className="whole">
        {call.callerNumber === undefined ? t('ring.withheld') : writtenNumber(call.callerNumber)}
      </Table.Td>
    </>
  );
}
