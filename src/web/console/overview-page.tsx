import { Center, Grid, Loader, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LiveView } from '../../desk/live-types.ts';
import { AgentTable } from './agent-table.tsx';
import { AttentionPanel } from './attention-panel.tsx';
import { CallTable } from './call-table.tsx';
import { levelOf, QueueTable } from './queue-table.tsx';
import { duration, useNow } from './time.ts';
import type { Live } from './use-live.ts';
import { useTitle } from './use-title.ts';
import { WaitingTable } from './waiting-table.tsx';

/** The whole desk, for those who look after it. */
export function OverviewPage({ live, mayListen }: { live: Live; mayListen: boolean }) {
  const { t } = useTranslation();
  const nowMs = useNow(live.offsetMs);
  useTitle(t('shell.overview'));
  const { view } = live;
  if (!view) {
    return (
      <Center h="50vh">
        <Loader />
      </Center>
    );
  }
  return (
    <Stack gap="md" maw={1700} mx="auto">
      <Figures view={view} nowMs={nowMs} />
      <AttentionPanel nowMs={nowMs} />
      <Panel title={t('overview.queues')}>
        <QueueTable queues={view.queues} nowMs={nowMs} />
      </Panel>
      <Grid gap="md" columns={24}>
        <Grid.Col span={{ base: 24, lg: 15 }}>
          <Stack gap="md">
            <Panel title={t('overview.waiting')}>
              <WaitingTable view={view} nowMs={nowMs} />
            </Panel>
            <Panel title={t('overview.calls')}>
              <CallTable view={view} nowMs={nowMs} mayListen={mayListen} />
            </Panel>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 24, lg: 9 }}>
          <Panel title={t('overview.agents')}>
            <AgentTable agents={view.agents ?? []} nowMs={nowMs} />
          </Panel>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function Figures({ view, nowMs }: { view: LiveView; nowMs: number }) {
  const { t } = useTranslation();
  const { queues, agents = [] } = view;
  const sum = (of: (queue: LiveView['queues'][number]) => number) =>
    queues.reduce((total, queue) => total + of(queue), 0);
  const count = (...states: string[]) => agents.filter(({ state }) => states.includes(state)).length;
  const waiting = sum((queue) => queue.waiting);
  const oldest = queues.flatMap(({ oldestAtMs }) => (oldestAtMs === undefined ? [] : [oldestAtMs]));
  return (
    <Grid gap="md" columns={14}>
      <Figure label={t('overview.waitingNow')} value={waiting} isPressing={waiting > 0} />
      <Figure
        label={t('overview.longestNow')}
        value={oldest.length > 0 ? duration(nowMs - Math.min(...oldest)) : '–'}
        isPressing={waiting > 0}
      />
      <Figure label={t('overview.freeNow')} value={count('available')} />
      <Figure label={t('overview.onCalls')} value={count('talking', 'ringing', 'reserved')} />
      <Figure label={`${t('overview.today')}: ${t('queue.answered')}`} value={sum(({ today }) => today.answered)} />
      <Figure label={`${t('overview.today')}: ${t('queue.left')}`} value={sum(({ today }) => today.left)} />
      <Figure label={`${t('overview.today')}: ${t('queue.levelLong')}`} value={levelOf(queues)} />
    </Grid>
  );
}

function Figure({ label, value, isPressing = false }: { label: string; value: ReactNode; isPressing?: boolean }) {
  return (
    <Grid.Col span={{ base: 7, sm: 2 }}>
      <Stack className="panel" px="md" py="xs" gap={2} h="100%" justify="space-between">
        <Text size="xs" c="dimmed">
          {label}
        </Text>
        <Text className="digits" fz={26} fw={700} lh={1.1} {...(isPressing ? { c: 'var(--desk-ring-text)' } : {})}>
          {value}
        </Text>
      </Stack>
    </Grid.Col>
  );
}

function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack className="panel" p="md" gap="xs" component="section" aria-label={title}>
      <Title order={2} size="h5">
        {title}
      </Title>
      {children}
    </Stack>
  );
}
