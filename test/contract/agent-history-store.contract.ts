import { expect, it } from 'vitest';
import type { AgentHistoryStore } from '../../src/desk/agent-history.ts';
import type { AgentChange } from '../../src/desk/desk-store.ts';
import { baseMs } from '../support/facts.ts';

export const agentChange = (number: number, rest: Partial<AgentChange> = {}): AgentChange => ({
  changeId: `${baseMs + Math.floor(number / 3)}-${String(number % 3).padStart(6, '0')}`,
  agentId: 'ann',
  from: 'available',
  state: 'break',
  reason: '昼休み',
  atMs: baseMs + Math.floor(number / 3),
  callId: undefined,
  byUserId: undefined,
  ...rest,
});

/** What every AgentHistoryStore owes its users. `make` gives an empty store. */
export function agentHistoryStoreContract(make: () => Promise<AgentHistoryStore>): void {
  it('gives changes back as they were added, newest first, of one agent, from a time on', async () => {
    const store = await make();
    const changes = [0, 1, 2, 3].map((number) => agentChange(number));
    const talking = agentChange(4, { state: 'talking', reason: '', callId: 'c1', byUserId: 'user_boss' });
    expect(await store.add([...changes, talking, agentChange(5, { agentId: 'bob' })])).toBe(6);
    const of = { agentId: 'ann', fromMs: 0, limit: 10 };
    expect(await store.list(of)).toEqual([talking, ...changes.toReversed()]);
    expect(await store.list({ ...of, fromMs: baseMs + 1 })).toEqual([talking, changes[3]]);
    expect(await store.list({ ...of, agentId: 'nobody' })).toEqual([]);
  });

  it('pages through them, each once', async () => {
    const store = await make();
    const changes = Array.from({ length: 10 }, (_, number) => agentChange(number));
    await store.add(changes);
    const seen: AgentChange[] = [];
    for (let page = 0; page < 10; page++) {
      const last = seen.at(-1);
      const options = { agentId: 'ann', fromMs: baseMs + 1, limit: 2 };
      const found = await store.list(last ? { ...options, before: last.changeId } : options);
      if (found.length === 0) break;
      seen.push(...found);
    }
    expect(seen).toEqual(changes.slice(3).reverse());
    expect(await store.list({ agentId: 'ann', fromMs: 0, limit: 2, before: 'unknown' })).toEqual([]);
  });

  it('keeps each change once, also when many add it at once', async () => {
    const store = await make();
    const changes = Array.from({ length: 1_200 }, (_, number) => agentChange(number));
    const orders = [changes, [...changes].reverse(), changes, [...changes].reverse()];
    const added = await Promise.all(orders.map((order) => store.add(order)));
    expect(added.reduce((sum, count) => sum + count, 0)).toBe(1_200);
    expect(await store.add([agentChange(0, { reason: 'another' })])).toBe(0);
    expect((await store.list({ agentId: 'ann', fromMs: 0, limit: 2_000 })).at(-1)?.reason).toBe('昼休み');
    expect(await store.add([])).toBe(0);
  });

  it('takes whatever reason an agent typed', async () => {
    const store = await make();
    await store.add([agentChange(0, { reason: 'a\0b\u0007☕' })]);
    expect((await store.list({ agentId: 'ann', fromMs: 0, limit: 1 }))[0]?.reason).toBe('ab\u0007☕');
  });
}
