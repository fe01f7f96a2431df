import { Button, Menu, Table, Text, VisuallyHidden } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { LiveAgent } from '../../desk/live-types.ts';
import { MenuEntries } from './menu-entries.tsx';
import { breakReasons, useReasonText } from './reason-text.ts';
import { StateBadge } from './state-badge.tsx';
import { duration } from './time.ts';
import { useAgentState } from './use-agent-state.ts';

/** Everybody who takes calls, and what they do; their states can be set. */
export function AgentTable({ agents, nowMs }: { agents: readonly LiveAgent[]; nowMs: number }) {
  const { t } = useTranslation();
  if (agents.length === 0) return <Text c="dimmed">{t('overview.noAgents')}</Text>;
  return (
    <Table verticalSpacing={5} className="digits rows">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('overview.name')}</Table.Th>
          <Table.Th>{t('overview.state')}</Table.Th>
          <Table.Th ta="right">{t('overview.since')}</Table.Th>
          <Table.Th>
            <VisuallyHidden>{t('overview.actions')}</VisuallyHidden>
          </Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {agents.map((agent) => (
          <AgentRow key={agent.agentId} agent={agent} nowMs={nowMs} />
        ))}
      </Table.Tbody>
    </Table>
  );
}

function AgentRow({ agent, nowMs }: { agent: LiveAgent; nowMs: number }) {
  const { t } = useTranslation();
  const reasonText = useReasonText();
  const { displayName, state, reason, sinceMs, wanted, missesInRow } = agent;
  const isBusy = ['reserved', 'ringing', 'talking', 'wrap-up'].includes(state);
  return (
    <Table.Tr>
      <Table.Td fw={600} className="whole">
        {displayName}
      </Table.Td>
      <Table.Td>
        <StateBadge state={state} />
        {reason !== '' && <Text size="xs">{reasonText(reason)}</Text>}
        {isBusy && wanted !== 'available' && (
          <Text size="xs" className="whole">
            {t('own.afterCall', { state: t(`state.${wanted}`) })}
          </Text>
        )}
        {agent.hasPhone === false && state !== 'offline' && (
          <Text size="xs" c="red" fw={600}>
            {t('own.phoneMissing')}
          </Text>
        )}
        {missesInRow > 0 && (
          <Text size="xs" c="red">
            {t('overview.misses', { count: missesInRow })}
          </Text>
        )}
      </Table.Td>
      <Table.Td data-label={t('overview.since')} ta="right">
        {duration(nowMs - sinceMs)}
      </Table.Td>
      <Table.Td ta="right">
        <StateMenu agent={agent} />
      </Table.Td>
    </Table.Tr>
  );
}

function StateMenu({ agent }: { agent: LiveAgent }) {
  const { t } = useTranslation();
  const reasonText = useReasonText();
  const set = useAgentState(agent.agentId);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button
          size="compact-sm"
          variant="default"
          loading={set.isBusy}
          aria-label={`${t('overview.set')}: ${agent.displayName}`}
        >
          {t('overview.set')}
        </Button>
      </Menu.Target>
      <MenuEntries>
        {agent.state === 'wrap-up' && <Menu.Item onClick={set.ready}>{t('own.ready')}</Menu.Item>}
        <Menu.Item onClick={set.available}>{t('state.available')}</Menu.Item>
        <Menu.Item onClick={set.offline}>{t('state.offline')}</Menu.Item>
        <Menu.Label>{t('state.break')}</Menu.Label>
        {[...breakReasons, 'other'].map((reason) => (
          <Menu.Item key={reason} onClick={() => set.rest(reason)}>
            {reasonText(reason)}
          </Menu.Item>
        ))}
      </MenuEntries>
    </Menu>
  );
}
