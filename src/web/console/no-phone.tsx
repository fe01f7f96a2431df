import { Alert } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { LiveAgent } from '../../desk/live-types.ts';
import { send } from './api.ts';

/** No call can reach the agent: what to do about it. */
export function NoPhone({ me }: { me: LiveAgent }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ['phones', me.agentId],
    queryFn: () => send<{ phones: { username: string }[] }>('GET', `/agents/${me.agentId}/phones`),
    staleTime: 60_000,
  });
  const phones = data?.phones.map(({ username }) => username) ?? [];
  return (
    <Alert color="red" variant="filled" role="alert" title={t('own.noPhone')} data-testid="no-phone">
      {data && phones.length === 0 ? t('own.noPhoneKnown') : t('own.noPhoneText', { phones: phones.join(', ') })}
    </Alert>
  );
}
