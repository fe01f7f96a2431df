import type { AgentChange } from './desk-store.ts';

/** What agents did when: every change of their states, kept for ever. */
export interface AgentHistoryStore {
  /** Keeps changes; one that is kept already is left as it is. Gives how many were new. */
  add(changes: readonly AgentChange[]): Promise<number>;
  /** Changes of one agent from `fromMs` on, newest first; `before`: the page after the one that ends with this id. */
  list(options: { agentId: string; fromMs: number; limit: number; before?: string }): Promise<AgentChange[]>;
}

/** How long a state lasted; undefined: it lasts. */
export type AgentSpell = AgentChange & { forMs: number | undefined };

const pageSize = 500;

/** An agent's states from `fromMs` on, oldest first: at most the latest `limit`. */
export async function agentSpells(
  store: Pick<AgentHistoryStore, 'list'>,
  { agentId, fromMs, limit }: { agentId: string; fromMs: number; limit: number },
): Promise<AgentSpell[]> {
  const changes: AgentChange[] = [];
  while (changes.length < limit) {
    const last = changes.at(-1);
    const page = Math.min(pageSize, limit - changes.length);
    const found = await store.list({ agentId, fromMs, limit: page, ...(last ? { before: last.changeId } : {}) });
    changes.push(...found);
    if (found.length < page) break;
  }
  return changes
    .map((change, index) => {
      const next = changes[index - 1];
      return { ...change, forMs: next === undefined ? undefined : Math.max(0, next.atMs - change.atMs) };
    })
    .reverse();
}
