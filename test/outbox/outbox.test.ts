import { afterEach, describe, expect, it } from 'vitest';
import type { Deliverer, DeliveryOutcome } from '../../src/outbox/delivery.ts';
import type { OutboxEntry } from '../../src/outbox/entry.ts';
import { createOutbox, type Outbox, type OutboxLimits } from '../../src/outbox/outbox.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { recordingLogger } from '../support/ledger-harness.ts';
import { MemoryOutboxStore } from '../support/memory-outbox-store.ts';
import { report } from './harness.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** A deliverer that does as it is told, and notes when it was asked. */
class Told implements Deliverer {
  readonly asked: { outboxId: string; atMs: number; host: string }[] = [];
  readonly aborted: string[] = [];
  readonly #clock: FakeClock;
  answer: (entry: OutboxEntry) => DeliveryOutcome | Promise<DeliveryOutcome> = () => ({ result: 'delivered' });

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async deliver(entry: OutboxEntry, signal: AbortSignal): Promise<DeliveryOutcome> {
    signal.addEventListener('abort', () => this.aborted.push(entry.outboxId));
    this.asked.push({ outboxId: entry.outboxId, atMs: this.#clock.nowMs(), host: new URL(entry.target).host });
    return this.answer(entry);
  }

  get ids(): string[] {
    return this.asked.map(({ outboxId }) => outboxId);
  }
}

const clock = new FakeClock();
const outboxes: Outbox[] = [];
afterEach(async () => {
  const stopped = Promise.all(outboxes.splice(0).map((outbox) => outbox.stop(0)));
  await clock.advance(hourMs);
  await stopped;
  expect(clock.pendingTimers).toBe(0);
});

function start({ store = new MemoryOutboxStore(), limits = {} as Partial<OutboxLimits> } = {}) {
  const told = new Told(clock);
  const logger = recordingLogger();
  const child = { ...logger, child: () => ({ ...logger, child: () => logger }) };
  const deliverers = { mail: undefined, slack: undefined, webhook: told };
  const outbox = createOutbox({ store, deliverers, clock, logger: child, limits, random: () => 0.5 });
  outboxes.push(outbox);
  const add = async (outboxId: string, target = 'https://a.example/', more: { accountId?: string } = {}) => {
    await store.add(report(outboxId, { target, createdAtMs: clock.nowMs(), ...more }));
    outbox.notify();
    await settle();
  };
  return { store, told, logger, outbox, add };
}

const never = () => new Promise<DeliveryOutcome>(() => undefined);
const busy: DeliveryOutcome = { result: 'failed', reason: 'http-status', detail: '503', statusCode: 503 };

describe('the outbox', () => {
  it('delivers what was waiting when it starts, and what is added at once', async () => {
    const { store, told, outbox, add } = start();
    await store.add(report('before', { createdAtMs: clock.nowMs() }));
    outbox.start();
    await settle();
    expect(told.ids).toEqual(['before']);
    await add('after');
    expect(told.ids).toEqual(['before', 'after']);
    expect(await store.find('after')).toMatchObject({ state: 'delivered', attempts: 1, endedAtMs: clock.nowMs() });
    expect(outbox.status()).toEqual({ underWay: 0, storeFailing: false });
  });

  it('finds what another process has added without being told', async () => {
    const { store, told, outbox } = start();
    outbox.start();
    await settle();
    await store.add(report('foreign', { createdAtMs: clock.nowMs() }));
    await clock.advance(5_000);
    expect(told.ids).toEqual(['foreign']);
  });

  it('sends what others report within a moment, although one account after the other has targets that all hang', async () => {
    const { store, told, outbox } = start({ limits: { attemptTimeoutMs: hourMs, giveUpAfterMs: hourMs } });
    told.answer = ({ target }) => (target.includes('hangs') ? never() : { result: 'delivered' });
    for (const account of ['one', 'two', 'three']) {
      for (let index = 0; index < 100; index++) {
        const target = `https://hangs-${account}-${index}.example/`;
        await store.add(report(`${account}-${index}`, { accountId: account, target, createdAtMs: clock.nowMs() }));
      }
    }
    outbox.start();
    await settle();
    expect(outbox.status().underWay).toBeLessThan(64);
    await store.add(report('honest', { accountId: 'four', createdAtMs: clock.nowMs() }));
    outbox.notify();
    await settle();
    expect(await store.find('honest')).toMatchObject({ state: 'delivered' });
  });

  it('waits for the time of what is not to go yet', async () => {
    const { store, told, outbox } = start();
    await store.add(report('tomorrow', { createdAtMs: clock.nowMs(), nextAttemptAtMs: clock.nowMs() + 86_400_000 }));
    outbox.start();
    await clock.advance(86_399_999);
    expect(told.ids).toEqual([]);
    await clock.advance(1);
    expect(told.ids).toEqual(['tomorrow']);
  });

  it('tries a target that is down for hours ever more seldom, and delivers when it is back', async () => {
    const { store, told, outbox, add } = start();
    told.answer = () => busy;
    outbox.start();
    const t0 = clock.nowMs();
    await add('r1');
    await clock.advance(6 * hourMs);
    const pausesSeconds = told.asked.slice(1).map(({ atMs }, index) => (atMs - (told.asked[index]?.atMs ?? 0)) / 1000);
    expect(pausesSeconds.slice(0, 9)).toEqual([7.5, 15, 30, 60, 120, 240, 480, 960, 1920]);
    expect(new Set(pausesSeconds.slice(9))).toEqual(new Set([2_700]));
    told.answer = () => ({ result: 'delivered', statusCode: 200 });
    await clock.advance(hourMs);
    const entry = await store.find('r1');
    expect(entry).toMatchObject({ state: 'delivered', lastError: undefined });
    const attempts = await store.attempts('r1');
    expect(attempts).toHaveLength(told.asked.length);
    expect(attempts[0]).toMatchObject({ atMs: t0, outcome: 'failed', statusCode: 503, error: 'http-status: 503' });
    expect(attempts.at(-1)).toMatchObject({ outcome: 'delivered', statusCode: 200 });
  });

  it('gives up after 72 hours, and takes it up again by hand', async () => {
    const { store, told, outbox, logger, add } = start({ limits: { maxIdleMs: hourMs } });
    told.answer = () => busy;
    outbox.start();
    const t0 = clock.nowMs();
    await add('r1');
    await clock.advance(80 * hourMs);
    expect(await store.find('r1')).toMatchObject({ state: 'given-up', endedAtMs: t0 + 72 * hourMs });
    expect(told.asked.at(-1)?.atMs).toBe(t0 + 72 * hourMs);
    expect(logger.lines.at(-1)).toMatchObject({ level: 'error', fields: { outboxId: 'r1', reason: 'http-status' } });
    const asked = told.asked.length;
    told.answer = () => ({ result: 'delivered' });
    expect(await outbox.retry('r1')).toBe('queued');
    await settle();
    expect(told.asked).toHaveLength(asked + 1);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered', attempts: asked + 1 });
    expect(await outbox.retry('r1')).toBe('delivered');
    expect(await outbox.retry('nothing')).toBe('unknown');
  });

  it('gives up at once what is refused', async () => {
    const { store, told, outbox, add } = start();
    told.answer = () => ({ result: 'refused', reason: 'http-status', detail: '410 gone', statusCode: 410 });
    outbox.start();
    await add('r1');
    expect(await store.find('r1')).toMatchObject({ state: 'given-up', lastError: 'http-status: 410 gone' });
    expect(await store.attempts('r1')).toMatchObject([{ outcome: 'refused', statusCode: 410 }]);
  });

  it('pauses as long as the receiver asks', async () => {
    const { told, outbox, add } = start();
    told.answer = () => ({ ...busy, retryAfterMs: 10 * minuteMs });
    outbox.start();
    await add('r1');
    await clock.advance(10 * minuteMs - 1);
    expect(told.ids).toHaveLength(1);
    await clock.advance(1);
    expect(told.ids).toHaveLength(2);
  });

  it('keeps a slow target from holding up the others', async () => {
    const { told, outbox, add, store } = start({ limits: { maxParallel: 5, maxParallelPerLane: 2 } });
    told.answer = (entry) => (entry.target.includes('slow') ? never() : { result: 'delivered' });
    for (let index = 0; index < 20; index++) await add(`slow${index}`, 'https://slow.example/');
    for (let index = 0; index < 10; index++) await add(`good${index}`, `https://good${index % 2}.example/`);
    outbox.start();
    await clock.advance(100);
    expect(told.ids.filter((id) => id.startsWith('good'))).toHaveLength(10);
    expect(told.ids.filter((id) => id.startsWith('slow'))).toEqual(['slow0', 'slow1']);
    expect(outbox.status().underWay).toBe(2);
    await clock.advance(30_000);
    expect(told.aborted).toEqual(['slow0', 'slow1']);
    expect(await store.attempts('slow0')).toMatchObject([{ outcome: 'failed', error: 'timeout', durationMs: 30_000 }]);
    expect(told.ids).toContain('slow3');
  });

  it('never has more under way than it may', async () => {
    const { told, outbox, add } = start({ limits: { maxParallel: 5, maxParallelPerLane: 2 } });
    let most = 0;
    const open: (() => void)[] = [];
    told.answer = () => {
      most = Math.max(
        most,
        open.push(() => undefined),
        outbox.status().underWay,
      );
      return new Promise((resolve) => {
        open[open.length - 1] = () => resolve({ result: 'delivered' });
      });
    };
    outbox.start();
    for (let index = 0; index < 30; index++) {
      await add(`r${index}`, `https://host${index % 10}.example/`, { accountId: `account-${index}` });
    }
    expect(outbox.status().underWay).toBe(5);
    for (let round = 0; round < 30; round++) {
      open.splice(0).forEach((end) => {
        end();
      });
      await settle();
    }
    expect(most).toBe(5);
    expect(new Set(told.ids).size).toBe(30);
  });

  it('lets a channel that is not set up wait, and a deliverer that breaks fail', async () => {
    const { store, told, outbox, add } = start();
    outbox.start();
    await store.add(report('mail', { channel: 'mail', target: 'a@example.com', createdAtMs: clock.nowMs() }));
    told.answer = () => Promise.reject(new Error('the secrets cannot be read'));
    await add('r1');
    expect(await store.find('mail')).toMatchObject({
      state: 'pending',
      lastError: 'not-configured: mail is not set up',
    });
    expect(await store.find('r1')).toMatchObject({ state: 'pending', lastError: 'fault: the secrets cannot be read' });
  });

  it('writes no target and no text to the log', async () => {
    const { told, outbox, logger, add } = start();
    told.answer = () => ({ ...busy, detail: '503 for owner@sakura.example' });
    outbox.start();
    await add('r1', 'https://secret.example/token');
    expect(logger.lines).toHaveLength(1);
    expect(JSON.stringify(logger.lines)).not.toMatch(/secret|sakura\.example|山田|折り返し/);
  });

  it('deletes what ended long ago', async () => {
    const { store, outbox, add } = start({ limits: { keepEndedMs: 10 * hourMs, maxIdleMs: hourMs } });
    outbox.start();
    await add('r1');
    await clock.advance(10 * hourMs);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered' });
    await clock.advance(2 * hourMs);
    expect(await store.find('r1')).toBeUndefined();
  });
});

describe('two outboxes on one store', () => {
  it('deliver each entry once', async () => {
    const store = new MemoryOutboxStore();
    const [one, other] = [start({ store }), start({ store })];
    for (let index = 0; index < 40; index++) {
      await store.add(report(`r${index}`, { target: `https://h${index}.example/`, createdAtMs: clock.nowMs() }));
    }
    one.outbox.start();
    other.outbox.start();
    await settle();
    await settle();
    expect([...one.told.ids, ...other.told.ids].sort()).toEqual(
      Array.from({ length: 40 }, (_, index) => `r${index}`).sort(),
    );
  });
});

describe('an attempt that takes long', () => {
  it('stays with its worker as long as that lives, and is repeated within seconds when it has died', async () => {
    const store = new MemoryOutboxStore();
    const [one, other] = [start({ store }), start({ store })];
    one.told.answer = never;
    one.outbox.start();
    await one.add('r1', 'https://slow.example/');
    other.outbox.start();
    await clock.advance(25_000);
    expect([one.told.ids, other.told.ids]).toEqual([['r1'], []]);
    // As if it were killed: nothing it does arrives any more.
    const died = clock.nowMs();
    const { renew, settle: settleEntry } = store;
    store.renew = async () => undefined;
    store.settle = () => new Promise(() => undefined);
    await clock.advance(5_000);
    Object.assign(store, { renew, settle: settleEntry });
    await clock.advance(20_000);
    expect(other.told.ids).toEqual(['r1']);
    expect((other.told.asked[0]?.atMs ?? 0) - died).toBeLessThanOrEqual(20_000);
    expect(await store.attempts('r1')).toMatchObject([{ outcome: 'lost' }, { outcome: 'delivered' }]);
  });
});

describe('an outbox that stops', () => {
  it('begins nothing new and waits for what is under way', async () => {
    const { store, told, outbox, add } = start();
    let end: (outcome: DeliveryOutcome) => void = () => undefined;
    told.answer = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    outbox.start();
    await add('r1');
    const stopped = outbox.stop(10_000);
    await add('r2');
    await clock.advance(1_000);
    end({ result: 'delivered' });
    await settle();
    await stopped;
    expect(told.ids).toEqual(['r1']);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered' });
    expect(await store.find('r2')).toMatchObject({ state: 'pending', attempts: 0 });
  });

  it('breaks off what takes too long, and leaves it to the next', async () => {
    const { store, told, outbox, add } = start();
    told.answer = never;
    outbox.start();
    await add('r1');
    const stopped = outbox.stop(5_000);
    await clock.advance(5_000);
    await stopped;
    expect(told.aborted).toEqual(['r1']);
    expect(await store.find('r1')).toMatchObject({ state: 'pending', lastError: 'stopped' });
    const next = start({ store });
    next.outbox.start();
    await clock.advance(10_000);
    expect(next.told.ids).toEqual(['r1']);
  });

  it('ends in time also when its database is down', async () => {
    const store = new MemoryOutboxStore();
    const { told, outbox, add } = start({ store });
    outbox.start();
    let end: (outcome: DeliveryOutcome) => void = () => undefined;
    told.answer = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    await add('r1');
    const down = () => Promise.reject(new Error('connection refused'));
    Object.assign(store, { settle: down, nextDueMs: down, claim: down });
    end({ result: 'delivered' });
    await settle();
    expect(outbox.status()).toEqual({ underWay: 1, storeFailing: true });
    const stopped = outbox.stop(5_000);
    await clock.advance(6_000);
    await stopped;
    await clock.advance(minuteMs);
  });
});

describe('a store that fails', () => {
  it('is asked again ever more seldom, and told first what was delivered meanwhile', async () => {
    const store = new MemoryOutboxStore();
    const { told, outbox, add, logger } = start({ store });
    outbox.start();
    let end: (outcome: DeliveryOutcome) => void = () => undefined;
    told.answer = () =>
      new Promise((resolve) => {
        end = resolve;
      });
    await add('r1');
    const { settle: settleEntry, nextDueMs, claim } = store;
    let calls = 0;
    const down = () => {
      calls += 1;
      return Promise.reject(new Error('connection refused'));
    };
    Object.assign(store, { settle: down, nextDueMs: down, claim: down });
    end({ result: 'delivered' });
    await clock.advance(10 * minuteMs);
    expect(calls).toBeLessThan(200);
    expect(outbox.status().storeFailing).toBe(true);
    Object.assign(store, { settle: settleEntry, nextDueMs, claim });
    await clock.advance(minuteMs);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(told.ids).toEqual(['r1']);
    expect(outbox.status()).toEqual({ underWay: 0, storeFailing: false });
    expect(logger.lines.map(({ message }) => message)).toContain('the outbox has its database again');
  });

  it('to write down one ending, for ever, does not hold up the rest', async () => {
    const store = new MemoryOutboxStore();
    const { told, outbox, add } = start({ store });
    const settleEntry = store.settle.bind(store);
    store.settle = (claim, settlement) =>
      claim.entry.outboxId === 'poison' && claim.entry.attempts === 1
        ? Promise.reject(new Error('invalid byte sequence'))
        : settleEntry(claim, settlement);
    outbox.start();
    await add('poison');
    await add('r1');
    await clock.advance(3 * minuteMs);
    expect(await store.find('r1')).toMatchObject({ state: 'delivered' });
    expect(told.ids).toEqual(['poison', 'r1', 'poison']);
    expect(await store.attempts('poison')).toMatchObject([{ outcome: 'lost' }, { outcome: 'delivered' }]);
  });
});
