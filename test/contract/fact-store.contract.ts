import { expect, it } from 'vitest';
import { type FactIndex, type FactStore, isFactRejected } from '../../src/ledger/ledger.ts';
import { baseMs, entered, fact, offered } from '../support/facts.ts';

/** What every FactStore owes its users. `make` gives an empty store. */
export function factStoreContract(make: () => Promise<FactStore & FactIndex>): void {
  it('gives facts back as they were written, in order of seq', async () => {
    const store = await make();
    const facts = [
      offered('c1'),
      fact('c1', 2, { type: 'answered', legId: 'l' }),
      fact('c1', 3, { type: 'digits', legId: 'l', nodeId: 'ask "name"', digits: '12*#' }),
      fact('c1', 4, { type: 'fault', legId: 'l', message: "quote ' and 電話番 \u0000 \ud83d\ude00 \ud800" }),
      fact('c1', 5, { type: 'ended', legId: 'l', cause: 'caller-hangup', sipStatus: 200 }, { accountId: null }),
    ];
    expect(await store.append([...facts].reverse())).toBe(5);
    expect(await store.factsOfCall('c1')).toEqual(facts);
    expect(await store.factsOfCall('other')).toEqual([]);
  });

  it('passes over facts it has: in the store, and twice in one batch', async () => {
    const store = await make();
    const [first, second, third] = [offered('c1'), entered('c1', 2), entered('c1', 3)];
    expect(await store.append([first, second, first])).toBe(2);
    expect(await store.append([first, second, third])).toBe(1);
    expect(await store.append([first, second, third])).toBe(0);
    expect(await store.append([])).toBe(0);
    expect((await store.factsOfCall('c1')).map(({ factId }) => factId)).toEqual([
      first.factId,
      second.factId,
      third.factId,
    ]);
  });

  it('takes all or none, and says that another fact in the same place is refused for good', async () => {
    const store = await make();
    await store.append([offered('c1')]);
    const attempt = store.append([entered('c2', 1), entered('c1', 1, 'impostor'), entered('c2', 2)]);
    await expect(attempt.catch(isFactRejected)).resolves.toBe(true);
    expect(await store.factsOfCall('c2')).toEqual([]);
    expect((await store.factsOfCall('c1')).map(({ type }) => type)).toEqual(['offered']);
  });

  it('takes all or none of a batch larger than one statement', async () => {
    const store = await make();
    const many = Array.from({ length: 1_200 }, (_, index) => entered('big', index + 1));
    const clash = entered('big', 1_100, 'impostor');
    await expect(store.append([...many, clash]).catch(isFactRejected)).resolves.toBe(true);
    expect(await store.factsOfCall('big')).toEqual([]);
    expect(await store.append(many)).toBe(1_200);
    expect((await store.factsOfCall('big')).map(({ seq }) => seq)).toEqual(many.map(({ seq }) => seq));
  });

  it('lists calls newest first, each once, whatever legs they have', async () => {
    const store = await make();
    const dialled = (callId: string, atMs: number) =>
      fact(
        callId,
        9,
        { type: 'offered', legId: 'out', kind: 'transfer', direction: 'outbound', from: 'a', to: 'b' },
        { atMs },
      );
    await store.append([
      offered('old', { atMs: baseMs }),
      offered('new', { atMs: baseMs + 20 }),
      offered('mid', { atMs: baseMs + 10, accountId: 'other' }),
      offered('unknown', { atMs: baseMs + 5, accountId: null }),
      dialled('old', baseMs + 99),
    ]);
    expect(await store.listCallIds({ limit: 10 })).toEqual(['new', 'mid', 'unknown', 'old']);
    expect(await store.listCallIds({ limit: 2 })).toEqual(['new', 'mid']);
    const before = { callId: 'mid', atMs: baseMs + 10 };
    expect(await store.listCallIds({ limit: 2, before })).toEqual(['unknown', 'old']);
    await store.append(['mid-a', 'mid-b'].map((callId) => offered(callId, { atMs: baseMs + 10, accountId: 'momo' })));
    const page = (at: typeof before) => store.listCallIds({ limit: 2, before: at });
    expect(await page({ callId: 'new', atMs: baseMs + 20 })).toEqual(['mid-b', 'mid-a']);
    expect(await page({ callId: 'mid-a', atMs: baseMs + 10 })).toEqual(['mid', 'unknown']);
    expect(await store.listCallIds({ limit: 10, accountId: 'sakura' })).toEqual(['new', 'old']);
    expect(await store.listCallIds({ limit: 10, accountId: 'nobody' })).toEqual([]);
  });

  it('pages through the calls offered in a span of time, oldest first', async () => {
    const store = await make();
    await store.append([
      offered('before', { atMs: baseMs - 1 }),
      offered('b', { atMs: baseMs }),
      offered('a', { atMs: baseMs }),
      offered('c', { atMs: baseMs + 5 }),
      entered('c', 2),
      offered('after', { atMs: baseMs + 10 }),
    ]);
    const span = { fromMs: baseMs, toMs: baseMs + 10, limit: 2 };
    const first = await store.callsOffered(span);
    expect(first).toEqual([
      { callId: 'a', atMs: baseMs },
      { callId: 'b', atMs: baseMs },
    ]);
    expect(await store.callsOffered({ ...span, after: { callId: 'b', atMs: baseMs } })).toEqual([
      { callId: 'c', atMs: baseMs + 5 },
    ]);
    expect(await store.callsOffered({ ...span, after: { callId: 'c', atMs: baseMs + 5 } })).toEqual([]);
    expect((await store.factsOfCalls(['c', 'a', 'none'])).map(({ callId, seq }) => `${callId}${seq}`)).toEqual([
      'a1',
      'c1',
      'c2',
    ]);
    expect(await store.factsOfCalls([])).toEqual([]);
    const many = Array.from({ length: 1_100 }, (_, index) => `n${index}`);
    expect(await store.factsOfCalls([...many, 'a'])).toHaveLength(1);
  });

  it('knows which legs are on record, and which have not ended', async () => {
    const store = await make();
    const dialled = (callId: string, legId: string, seq: number) =>
      fact(callId, seq, { type: 'offered', legId, kind: 'transfer', direction: 'outbound', from: 'a', to: 'b' });
    await store.append([
      offered('open', { atMs: baseMs }),
      offered('over', { atMs: baseMs }),
      dialled('over', 'left', 2),
      fact('over', 3, { type: 'ended', legId: 'over-caller', cause: 'caller-hangup' }),
    ]);
    expect(await store.knownLegs(['open-caller', 'over-caller', 'left', 'none'])).toEqual(
      new Set(['open-caller', 'over-caller', 'left']),
    );
    expect(await store.knownLegs([])).toEqual(new Set());
    const span = { fromMs: baseMs, toMs: baseMs + 10_000, limit: 10 };
    expect((await store.openLegs(span)).map(({ legId }) => legId)).toEqual(['open-caller', 'left']);
    expect((await store.openLegs({ ...span, limit: 1 })).map(({ legId }) => legId)).toEqual(['open-caller']);
    expect(await store.openLegs({ ...span, toMs: baseMs })).toEqual([]);
  });

  it('keeps each fact once however many write it at once', async () => {
    const store = await make();
    const facts = Array.from({ length: 300 }, (_, index) => entered('c1', index + 1));
    const added = await Promise.all([1, 2, 3, 4].map(() => store.append(facts)));
    expect(added.reduce((sum, count) => sum + count, 0)).toBe(300);
    expect(await store.factsOfCall('c1')).toHaveLength(300);
  });
}
