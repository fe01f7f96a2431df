import { Badge, Group, Table, Text, VisuallyHidden } from '@mantine/core';
import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveCall, LiveView } from '../../desk/live-types.ts';
import { TalkMenu } from './call-menu.tsx';
import { CallerCells } from './caller-cells.tsx';
import { duration, writtenNumber } from './time.ts';
import { hasAgent } from './waiting-table.tsx';

/** Calls that have an agent, the longest first; and who listens in. */
export function CallTable(props: { view: LiveView; nowMs: number; mayListen: boolean }) {
  const { view, nowMs, mayListen } = props;
  const { t } = useTranslation();
  const calls = (view.calls ?? []).filter(hasAgent);
  if (calls.length === 0) return <Text c="dimmed">{t('overview.noCalls')}</Text>;
  return (
    <Table verticalSpacing={5} className="digits rows">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('overview.account')}</Table.Th>
          <Table.Th>{t('overview.caller')}</Table.Th>
          <Table.Th>{t('overview.agent')}</Table.Th>
          <Table.Th>{t('overview.state')}</Table.Th>
          <Table.Th ta="right">{t('overview.since')}</Table.Th>
          <Table.Th>
            <VisuallyHidden>{t('overview.actions')}</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {calls.map((call) => (
          <CallRow key={call.callId} call={call} view={view} nowMs={nowMs} mayListen={mayListen} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function CallRow(props: { call: LiveCall; view: LiveView; nowMs: number; mayListen: boolean }) {
  const { call, view, nowMs, mayListen } = props;
  const { t } = useTranslation();
  const { agents = [], queues, me } = view;
  const agent = agents.find(({ agentId }) => agentId === call.agentId);
  const sinceMs = agent?.callId === call.callId ? agent.sinceMs : call.waitingSinceMs;
  return (
    <Table.Tr>
      <CallerCells call={call} queues={queues} />
      <Table.Td data-label={t('overview.agent')} className="whole">
        {agent?.displayName}
      </Table.Td>
      <Table.Td>
        <Marks call={call} view={view} />
      </Table.Td>
      <Table.Td data-label={t('overview.since')} ta="right">
        {duration(nowMs - sinceMs)}
      </Table.Td>
      <Table.Td ta="right">
        <TalkMenu call={call} listenerId={me?.agentId} mayListen={mayListen} />
      </Table.Td>
    </Table.Tr>
  );
}

function Marks({ call, view: { agents = [] } }: { call: LiveCall; view: LiveView }) {
  const { t } = useTranslation();
  const { state, held, transfer, recording, listeners = [] } = call;
  const nameOf = (id: string) => agents.find(({ agentId }) => agentId === id)?.displayName ?? id;
  const mark = (color: string, text: string, variant: 'filled' | 'light' = 'light') => (
    <Badge className="whole" color={color} variant={variant} tt="none" radius="sm">
      {text}
    </Badge>
  );
  return (
    <Group gap={4}>
      {transfer
        ? mark('orange', t('call.ringing', { to: writtenNumber(transfer.to) }))
        : held
          ? mark('yellow.5', t('call.held'), 'filled')
          : mark(state === 'served' ? 'gray' : 'blue', t(`overview.callState.${state}`))}
      {recording === 'on' && mark('red', `● ${t('call.recordingOn')}`)}
      {recording === 'paused' && mark('gray', `❚❚ ${t('call.recordingPaused')}`)}
      {listeners.map(({ agentId, mode }) => (
        <Fragment key={agentId}>{mark('grape', t(`overview.mode.${mode}`, { name: nameOf(agentId) }))}</Fragment>
      ))}
    </Group>
  );
}
