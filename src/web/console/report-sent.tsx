import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { find } from './api.ts';

/** Where the report of a form that has just been finished goes; it may be nowhere. */
export function ReportSent({ intakeId }: { intakeId: string }) {
  const { t } = useTranslation();
  const { data, isPending } = useQuery({
    queryKey: ['report-sent', intakeId],
    queryFn: async () => (await find<{ deliveries?: number }>(`/intakes/${intakeId}`)) ?? null,
    // It may have been reported before, and otherwise.
    gcTime: 0,
  });
  if (isPending) return '…';
  const count = data?.deliveries;
  if (count === undefined) return t('form.sentUnknown');
  if (count > 0) return t('form.sentTo', { count });
  return (
    <Text size="sm" fw={700} c="orange.9">
      {t('form.sentNowhere')}
    </Text>
  );
}
