import { Badge, Button, Group, Stack, Table, Text, Title } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Attention } from '../../desk/attention.ts';
import { AttentionAccountButtons, RetryButton } from './attention-buttons.tsx';
import { useMe } from './me.ts';
import { dateAndTime, duration } from './time.ts';
import { useAttention } from './use-attention.ts';

const shownMost = 6;

/** What somebody has to see to: complaints, forms that nobody finished, reports that did not arrive. */
export function AttentionPanel({ nowMs }: { nowMs: number }) {
  const { t } = useTranslation();
  const { data, isError } = useAttention();
  const isOperator = useMe().data?.user.role === 'operator';
  const [showsAll, setShowsAll] = useState(false);
  const rows = useRows(data, nowMs, isOperator);
  const shown = showsAll ? rows : rows.slice(0, shownMost);
  return (
    <Stack
      className="panel"
      p="md"
      gap="xs"
      component="section"
      aria-label={t('attention.title')}
      {...(rows.length > 0 ? { style: { boxShadow: 'inset 6px 0 0 var(--mantine-color-orange-6)' } } : {})}
    >
      <Group gap="sm">
        <Title order={2} size="h5">
          {t('attention.title')}
        </Title>
        {rows.length > 0 && (
          <Badge color="orange.8" variant="filled" circle={rows.length < 10}>
            {rows.length}
          </Badge>
        )}
        {data && rows.length === 0 && <Text c="dimmed">{t('attention.none')}</Text>}
        {isError && (
          <Text c="red" size="sm" role="status">
            {t('attention.stale')}
          </Text>
        )}
      </Group>
      {shown.length > 0 && (
        <Table verticalSpacing={5} className="digits rows">
          <Table.Tbody>{shown}</Table.Tbody>
        </Table>
      )}
      {rows.length > shownMost && (
        <Group>
          <Button size="compact-sm" variant="subtle" onClick={() => setShowsAll(!showsAll)} aria-expanded={showsAll}>
            {showsAll ? t('attention.less') : t('attention.more', { count: rows.length })}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

/** The gravest first. */
function useRows(attention: Attention | undefined, nowMs: number, isOperator: boolean): ReactNode[] {
  const { t } = useTranslation();
  if (!attention) return [];
  const { accounts, unfinished, nowhere, givenUp } = attention;
  const nameOf = (outcome: Attention['nowhere'][number]['outcomes'][number]['outcome']) =>
    outcome === null ? t('attention.noOutcome') : t(`form.outcomes.${outcome}`);
  return [
    ...accounts.map((account) => (
      <Row
        key={`complaints ${account.accountId}`}
        kind="complaints"
        name={account.name}
        what={<Complaints account={account} isOperator={isOperator} />}
        actions={isOperator && <AttentionAccountButtons account={account} />}
      />
    )),
    ...givenUp.map(({ accountId, name, channel, newestAtMs, outboxIds }) => (
      <Row
        key={`given-up ${channel} ${accountId}`}
        kind="givenUp"
        name={name}
        what={t('attention.givenUp', { count: outboxIds.length, channel: t(`attention.channel.${channel}`) })}
        when={dateAndTime(newestAtMs)}
        actions={isOperator && <RetryButton name={name} outboxIds={outboxIds} />}
      />
    )),
    ...nowhere.map(({ accountId, name, newestAtMs, outcomes }) => (
      <Row
        key={`nowhere ${accountId}`}
        kind="nowhere"
        name={name}
        what={t('attention.nowhere', {
          count: outcomes.reduce((sum, { count }) => sum + count, 0),
          outcomes: outcomes
            .map(({ outcome, count }) => t('attention.outcome', { outcome: nameOf(outcome), count }))
            .join(', '),
        })}
        when={dateAndTime(newestAtMs)}
      />
    )),
    ...unfinished.map(({ intakeId, name, agentName, leftAtMs }) => (
      <Row
        key={intakeId}
        kind="unfinished"
        name={name}
        what={t('attention.unfinished', { agent: agentName })}
        when={t('attention.unfinishedFor', { duration: duration(nowMs - leftAtMs) })}
      />
    )),
  ];
}

function Complaints({ account, isOperator }: { account: Attention['accounts'][number]; isOperator: boolean }) {
  const { t } = useTranslation();
  const { complaints, limit, answeringService } = account;
  const mark = (color: string, text: string) => (
    <Badge className="whole" color={color} variant="light" tt="none" radius="sm">
      {text}
    </Badge>
  );
  return (
    <Group gap="xs">
      {t('attention.complaints', { complaints, limit })}
      {answeringService === 'suspended' && mark('red', t('attention.suspended'))}
      {answeringService === 'active' && !isOperator && mark('gray', t('attention.undecided'))}
    </Group>
  );
}

const colours = { complaints: 'red', givenUp: 'red', nowhere: 'orange', unfinished: 'blue' } as const;

function Row(props: {
  kind: keyof typeof colours;
  name: string;
  what: ReactNode;
  when?: ReactNode;
  actions?: ReactNode;
}) {
  const { t } = useTranslation();
  const { kind, name, what, when, actions } = props;
  return (
    <Table.Tr>
      <Table.Td w={170}>
        <Badge className="whole" color={colours[kind]} variant="light" tt="none" radius="sm">
          {t(`attention.kind.${kind}`)}
        </Badge>
      </Table.Td>
      <Table.Td w={240} fw={600} lang="ja">
        {name}
      </Table.Td>
      <Table.Td>{what}</Table.Td>
      <Table.Td w={1} ta="right" className="whole">
        {when}
      </Table.Td>
      <Table.Td w={1} ta="right">
        {actions}
      </Table.Td>
    </Table.Tr>
  );
}
