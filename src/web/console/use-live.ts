import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { LiveView } from '../../desk/live-types.ts';
import { forgetUser } from './me.ts';

export interface Live {
  /** The newest there is; undefined until the first has come. */
  view: LiveView | undefined;
  /** False: what is shown may be old, and the page is trying to reach the server. */
  isConnected: boolean;
  /** How far this machine's clock is behind the server's, ms. */
  offsetMs: number;
}

const reopenMs = 2_000;

/** The desk as it changes. */
export function useLive(): Live {
  const client = useQueryClient();
  const [live, setLive] = useState<Live>({ view: undefined, isConnected: false, offsetMs: 0 });
  useEffect(() => {
    let timer: number | undefined;
    let source: EventSource | undefined;
    const open = () => {
      source = new EventSource('/api/v1/desk/live');
      source.addEventListener('desk', ({ data }) => {
        const view = JSON.parse(String(data)) as LiveView;
        setLive({ view, isConnected: true, offsetMs: view.nowMs - Date.now() });
      });
      source.addEventListener('open', () => setLive((before) => ({ ...before, isConnected: true })));
      source.addEventListener('signed-out', () => forgetUser(client));
      source.addEventListener('error', () => {
        setLive((before) => ({ ...before, isConnected: false }));
        // The browser tries again by itself, except after an answer that is no stream: then whether anybody is signed in.
        if (source?.readyState !== EventSource.CLOSED) return;
        client.invalidateQueries({ queryKey: ['me'] });
        timer = window.setTimeout(open, reopenMs);
      });
    };
    open();
    return () => {
      window.clearTimeout(timer);
      source?.close();
    };
  }, [client]);
  return live;
}
