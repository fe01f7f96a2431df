import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { AnsweringService } from '../../accounts/accounts.ts';
import type { Attention } from '../../desk/attention.ts';
import { send } from './api.ts';
import { useFailureText } from './failure-text.ts';

const everyMs = 5_000;
const queryKey = ['attention'];

/** What needs attention, read again every 5 s. */
export function useAttention() {
  return useQuery({
    queryKey,
    queryFn: () => send<Attention>('GET', '/attention'),
    refetchInterval: everyMs,
    refetchIntervalInBackground: true,
    retry: false,
  });
}

/** What an operator does about it; the list shows what came of it. */
export function useAttentionOrders() {
  const client = useQueryClient();
  const failureText = useFailureText();
  const options = {
    onError: (error: unknown) => notifications.show({ color: 'red', message: failureText(error) }),
    onSettled: () => client.invalidateQueries({ queryKey }),
  };
  const answering = useMutation({
    ...options,
    mutationFn: ({ accountId, to }: { accountId: string; to: AnsweringService }) =>
      send('PUT', `/accounts/${accountId}/answering-service`, { answeringService: to }),
  });
  const retrying = useMutation({
    ...options,
    mutationFn: async (outboxIds: readonly string[]) => {
      for (const outboxId of outboxIds) await send('POST', `/outbox/${outboxId}/retry`);
    },
  });
  return {
    isBusy: answering.isPending || retrying.isPending,
    setAnswering: answering.mutate,
    retry: (outboxIds: readonly string[], onDone: () => void) => retrying.mutate(outboxIds, { onSuccess: onDone }),
  };
}
