import { Badge, Table, Text, VisuallyHidden } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LiveCall, LiveQueue, LiveView } from '../../desk/live-types.ts';
import { WaitingMenu } from './call-menu.tsx';
import { CallerCells } from './caller-cells.tsx';
import { duration } from './time.ts';

/** Whether an agent has answered, or has had, the caller. */
export function hasAgent({ state }: LiveCall): boolean {
  return state === 'answered' || state === 'talking' || state === 'served';
}

/** Callers in line, the first of each queue, in the order in which they are served. */
export function WaitingTable({ view, nowMs }: { view: LiveView; nowMs: number }) {
  const { t } = useTranslation();
  const { calls = [], queues } = view;
  const waiting = inOrder(
    calls.filter((call) => !hasAgent(call)),
    queues,
  );
  if (waiting.length === 0) return <Text c="dimmed">{t('overview.noWaiting')}</Text>;
  const more = queues
    .map((queue) => ({
      queue: queue.name,
      count: queue.waiting - waiting.filter(({ queueId }) => queueId === queue.queueId).length,
    }))
    .filter(({ count }) => count > 0);
  return (
    <>
      <Table verticalSpacing={5} className="digits rows">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('overview.place')}</Table.Th>
            <Table.Th>{t('overview.account')}</Table.Th>
            <Table.Th>{t('overview.caller')}</Table.Th>
            <Table.Th>{t('overview.state')}</Table.Th>
            <Table.Th ta="right">{t('overview.waited')}</Table.Th>
            <Table.Th>
              <VisuallyHidden>{t('overview.actions')}</VisuallyHidden>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {waiting.map((call) => (
            <WaitingRow key={call.callId} call={call} view={view} nowMs={nowMs} />
          ))}
        </Table.Tbody>
      </Table>
      {more.map((one) => (
        <Text key={one.queue} size="sm" c="dimmed" ta="right">
          {t('overview.moreWaiting', one)}
        </Text>
      ))}
    </>
  );
}

/** Queue by queue; who is out of the line for the moment comes last. */
function inOrder(calls: LiveCall[], queues: LiveQueue[]): LiveCall[] {
  const queueOf = ({ queueId }: LiveCall) => queues.findIndex((queue) => queue.queueId === queueId);
  const placeOf = ({ position = Number.MAX_SAFE_INTEGER }: LiveCall) => position;
  return calls.toSorted((one, other) => queueOf(one) - queueOf(other) || placeOf(one) - placeOf(other));
}

function WaitingRow({ call, view, nowMs }: { call: LiveCall; view: LiveView; nowMs: number }) {
  const { t } = useTranslation();
  const { queues, agents = [] } = view;
  const ringing = agents.filter(({ callId }) => callId === call.callId).map(({ displayName }) => displayName);
  return (
    <Table.Tr>
      <Table.Td data-label={t('overview.place')}>{call.position ?? '–'}</Table.Td>
      <CallerCells call={call} queues={queues} />
      <Table.Td>
        <Badge className="whole" color={call.state === 'held' ? 'red' : 'orange'} variant="light" tt="none" radius="sm">
          {t(`overview.callState.${call.state}`)}
        </Badge>{' '}
        {call.isCallBack && (
          <Badge className="whole" color="grape" variant="light" tt="none" radius="sm">
            {t('ring.callBack')}
          </Badge>
        )}
        {ringing.length > 0 && <Text size="xs">{ringing.join(', ')}</Text>}
      </Table.Td>
      <Table.Td data-label={t('overview.waited')} ta="right">
        {duration(nowMs - call.waitingSinceMs)}
      </Table.Td>
      <Table.Td ta="right">
        <WaitingMenu call={call} queues={queues} />
      </Table.Td>
    </Table.Tr>
  );
}
