import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { AgentState } from '../../desk/desk-store.ts';
import { find, send } from './api.ts';
import type { IntakeKeeper } from './intake-keeper.ts';
import type { IntakeView } from './intake-types.ts';
import { useKeepers } from './use-keepers.ts';

const everyMs = 700;

/** What the agent has to fill in now: of the call on the line, else what is unfinished. */
export function useCurrentIntake(agentId: string, state: AgentState, callId: string | undefined) {
  const isBusy = state === 'talking' || state === 'wrap-up';
  return useQuery({
    queryKey: ['intake', agentId, isBusy ? callId : 'idle', isBusy],
    queryFn: async () => (await find<IntakeView>(`/agents/${agentId}/intake`)) ?? null,
    // It is made when the agent answers, and comes a moment later.
    refetchInterval: ({ state: { data } }) => (isBusy && !data ? everyMs : false),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

/** The form of an intake, kept as it is typed: for the life of the page, whatever is fetched again later. */
export function useKeeper(view: IntakeView): IntakeKeeper {
  const keepers = useKeepers();
  const [keeper] = useState(() => keepers.of(view));
  useSyncExternalStore(keeper.subscribe, () => keeper.state);
  useEffect(() => keepers.show(keeper), [keepers, keeper]);
  return keeper;
}

/** The text to read back to the caller, of what has been kept. */
export function useReadBack(intakeId: string, version: number, language: string) {
  return useQuery({
    queryKey: ['read-back', intakeId, language, version],
    queryFn: async () => (await send<{ text: string }>('GET', `/intakes/${intakeId}/text?language=${language}`)).text,
    placeholderData: (before) => before,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
