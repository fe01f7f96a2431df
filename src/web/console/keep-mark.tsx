import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { CheckIcon } from './icons.tsx';
import type { KeepState } from './intake-keeper.ts';

/**
 * Whether what was typed is safe, and how far the report is. Said aloud only where something is wrong. `isRefused`: the
 * report was asked for, and not made.
 */
export function KeepMark({ state, isRefused = false }: { state: KeepState; isRefused?: boolean }) {
  const { t } = useTranslation();
  const marks = {
    kept: ['teal', t('form.kept')],
    typing: ['gray', t('form.typing')],
    saving: ['gray', t('form.saving')],
    failed: ['red', t('form.keepFailed')],
    reporting: ['gray', t('form.finishing')],
    'report-failed': ['red', t('form.reportFailed')],
    reported: ['teal', t('form.reported')],
    closed: ['red', t('form.closed')],
  } as const;
  const [color, label] = isRefused ? (['red', t('form.notReported')] as const) : marks[state];
  const isFailing = state === 'failed' || state === 'report-failed';
  return (
    <Badge
      color={color}
      variant={isFailing ? 'filled' : 'light'}
      size="lg"
      tt="none"
      data-testid="kept"
      data-state={state}
      leftSection={!isRefused && (state === 'kept' || state === 'reported') ? <CheckIcon /> : undefined}
      {...(isFailing ? { role: 'alert' } : {})}
    >
      {label}
    </Badge>
  );
}
