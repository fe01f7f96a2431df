import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import type { AgentState } from '../../desk/desk-store.ts';
import { find, send } from './api.ts';
import { IntakeKeeper, type KeeperServer } from './intake-keeper.ts';
import type { IntakeForm, IntakeHints, IntakeView } from './intake-types.ts';

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

/** The form of an intake, kept as it is typed: for the life of the component, whatever is fetched again later. */
export function useKeeper(view: IntakeView): IntakeKeeper {
  const [keeper] = useState(() => new IntakeKeeper(view, serverOf(view.intakeId)));
  useSyncExternalStore(keeper.subscribe, () => keeper.state);
  useEffect(() => {
    const leave = () => void keeper.flush();
    window.addEventListener('pagehide', leave);
    return () => {
      window.removeEventListener('pagehide', leave);
      keeper.stop();
    };
  }, [keeper]);
  return keeper;
}

function serverOf(intakeId: string): KeeperServer {
  const path = `/intakes/${intakeId}`;
  return {
    keep: (version, form) => send<{ version: number; hints: IntakeHints }>('PATCH', path, { version, form }),
    read: () => send<{ version: number; form: IntakeForm; state: string }>('GET', path),
    report: (version) => send('POST', `${path}/save`, { version }),
  };
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
