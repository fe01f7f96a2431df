import { Badge, type MantineSize } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { AgentState } from '../../desk/desk-store.ts';
import { stateColors } from './theme.ts';

export function StateBadge({ state, size = 'lg' }: { state: AgentState; size?: MantineSize }) {
  const { t } = useTranslation();
  const isQuiet = state === 'offline';
  return (
    <Badge size={size} color={stateColors[state]} variant={isQuiet ? 'light' : 'filled'} tt="none" radius="sm">
      {t(`state.${state}`)}
    </Badge>
  );
}
