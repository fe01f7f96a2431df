import { Alert, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { find } from './api.ts';
import { CheckIcon } from './icons.tsx';

/** To how many places the report of a form that has just been finished goes; undefined: not known. */
function useDeliveries(intakeId: string): { deliveries: number | undefined; isPending: boolean } {
  const { data, isPending } = useQuery({
    queryKey: ['report-sent', intakeId],
    queryFn: async () => (await find<{ deliveries?: number }>(`/intakes/${intakeId}`)) ?? null,
    // It may have been reported before, and otherwise.
    gcTime: 0,
  });
  return { deliveries: data?.deliveries, isPending };
}

/** The form is finished; where the account does not get its report, the agent is told so. */
export function ReportSentAlert({ intakeId }: { intakeId: string }) {
  const { t } = useTranslation();
  const isNowhere = useDeliveries(intakeId).deliveries === 0;
  return (
    <Alert
      color={isNowhere ? 'orange' : 'teal'}
      {...(isNowhere ? {} : { icon: <CheckIcon /> })}
      title={t('form.finished')}
      role="status"
    >
      <ReportSent intakeId={intakeId} />
    </Alert>
  );
}

export function ReportSent({ intakeId }: { intakeId: string }) {
  const { t } = useTranslation();
  const { deliveries, isPending } = useDeliveries(intakeId);
  if (isPending) return '…';
  if (deliveries === undefined) return t('form.sentUnknown');
  if (deliveries > 0) return t('form.sentTo', { count: deliveries });
  return (
    <Text size="sm" fw={700}>
      {t('form.sentNowhere')}
    </Text>
  );
}
