import { notifications } from '@mantine/notifications';
import { useMutation } from '@tanstack/react-query';
import type { WantedState } from '../../desk/desk-store.ts';
import { send } from './api.ts';
import { useFailureText } from './failure-text.ts';

/** Sets what an agent does; the live view shows what came of it. */
export function useAgentState(agentId: string) {
  const failureText = useFailureText();
  const onError = (error: unknown) => notifications.show({ color: 'red', message: failureText(error) });
  const set = useMutation({
    mutationFn: (wanted: { state: WantedState; reason?: string }) => send('PUT', `/agents/${agentId}/state`, wanted),
    onError,
  });
  const ready = useMutation({
    mutationFn: async () => {
      await send('PUT', `/agents/${agentId}/state`, { state: 'available' });
      await send('DELETE', `/agents/${agentId}/wrap-up`);
    },
    onError,
  });
  return {
    isBusy: set.isPending || ready.isPending,
    available: () => set.mutate({ state: 'available' }),
    rest: (reason: string) => set.mutate({ state: 'break', reason }),
    offline: () => set.mutate({ state: 'offline' }),
    /** Wrap-up is done: the next call may come. */
    ready: () => ready.mutate(),
  };
}
