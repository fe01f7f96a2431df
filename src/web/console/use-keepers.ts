import { notifications } from '@mantine/notifications';
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { createContext, createElement, useContext, useEffect, useState } from 'react';
import type { Clock } from '../../kernel/clock.ts';
import { ApiFailure, send } from './api.ts';
import { Drafts } from './drafts.ts';
import type { IntakeKeeper, KeeperServer } from './intake-keeper.ts';
import type { IntakeHints, IntakeView } from './intake-types.ts';
import { Keepers } from './keepers.ts';
import { ReportSent } from './report-sent.tsx';

const KeepersContext = createContext<Keepers | undefined>(undefined);
export const KeepersProvider = KeepersContext.Provider;

/** The forms of who is signed in. */
export function useKeepers(): Keepers {
  const keepers = useContext(KeepersContext);
  if (!keepers) throw new Error('nobody is signed in');
  return keepers;
}

/** For the life of a session. Whoever closes the page is asked while something would be lost with it. */
export function useOwnKeepers(userId: string): Keepers {
  const client = useQueryClient();
  const [keepers] = useState(() => {
    const onDone = ({ state, accountName, intakeId }: IntakeKeeper) => {
      if (state.state === 'reported') {
        const { company, callerName } = state.form;
        const title = [accountName, company, callerName].filter(Boolean).join(' ');
        notifications.show({ color: 'teal', title, message: createElement(ReportSent, { intakeId }) });
      }
      client.invalidateQueries({ queryKey: ['intake'] });
    };
    const drafts = new Drafts(window.sessionStorage, userId);
    return new Keepers({ drafts, clock: browserClock, serverOf: (intakeId) => serverOf(intakeId, client), onDone });
  });
  useEffect(() => {
    const leave = () => keepers.leave();
    const hide = () => {
      if (document.visibilityState === 'hidden') keepers.leave();
    };
    const ask = (event: BeforeUnloadEvent) => {
      if (keepers.isUnsafe) event.preventDefault();
    };
    keepers.start();
    window.addEventListener('pagehide', leave);
    document.addEventListener('visibilitychange', hide);
    window.addEventListener('beforeunload', ask);
    return () => {
      window.removeEventListener('pagehide', leave);
      document.removeEventListener('visibilitychange', hide);
      window.removeEventListener('beforeunload', ask);
      keepers.stop();
    };
  }, [keepers]);
  return keepers;
}

const browserClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimeout: (callback, delayMs) => ({ timer: window.setTimeout(callback, delayMs) }),
  clearTimeout: (handle) => window.clearTimeout(handle?.timer as number | undefined),
};

function serverOf(intakeId: string, client: QueryClient): KeeperServer {
  const path = `/intakes/${intakeId}`;
  const ask = async <T>(...request: Parameters<typeof send>): Promise<T> => {
    try {
      return await send<T>(...request);
    } catch (error) {
      // The session has ended: the page to sign in appears.
      if (error instanceof ApiFailure && error.status === 401) client.invalidateQueries({ queryKey: ['me'] });
      throw error;
    }
  };
  return {
    keep: (version, form) => ask<{ version: number; hints: IntakeHints }>('PATCH', path, { version, form }),
    read: () => ask<IntakeView>('GET', path),
    report: (version) => ask('POST', `${path}/save`, { version }),
  };
}
