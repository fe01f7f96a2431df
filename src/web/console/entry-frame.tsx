import { Center, Group, Paper, Stack, Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Switches } from './switches.tsx';

/** A page before the desk: one panel in the middle, the name of the product and the switches above it. */
export function EntryFrame({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={420} gap="lg">
        <Group justify="space-between" align="end">
          <Title order={1} size="h2">
            <Group gap="sm" component="span">
              <img src="/icon.svg" width={36} height={36} alt="" />
              {t('product')}
            </Group>
          </Title>
          <Switches />
        </Group>
        <Paper className="panel" p="xl">
          {children}
        </Paper>
      </Stack>
    </Center>
  );
}
