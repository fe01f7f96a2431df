import { afterEach, describe, expect, it } from 'vitest';
import { type AgentHistoryStore, agentSpells } from '../../src/desk/agent-history.ts';
import { AgentHistoryShipper, type defaultHistoryLimits } from '../../src/desk/agent-history-shipper.ts';
import type { AgentChange } from '../../src/desk/desk-store.ts';
import { agentChange } from '../contract/agent-history-store.contract.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingLogger } from '../support/ledger-harness.ts';

/** The desk's changes, and what tells of them, in memory. */
class FakeDesk {
  changes: AgentChange[] = [];
  away = false;
  reads = 0;
  #told: () => void = () => undefined;
  #made = 0;

  change(count = 1): void {
    for (let index = 0; index < count; index++) this.changes.push(agentChange(this.#made++));
    this.#told();
  }

  watch(listener: { onChanged(): void; onConnected(): void }) {
    this.#told = listener.onChanged;
    listener.onConnected();
    return { close: async () => undefined };
  }

  async readChanges(after: string, limit: number): Promise<AgentChange[]> {
    this.reads += 1;
    if (this.away) throw new Error('Redis is away');
    return this.changes.filter(({ changeId }) => changeId > after).slice(0, limit);
  }

  async forgetChanges(upTo: string): Promise<void> {
    if (this.away) throw new Error('Redis is away');
    this.changes = this.changes.filter(({ changeId }) => changeId > upTo);
  }
}

class FakeHistory implements AgentHistoryStore {
  readonly kept = new Map<string, AgentChange>();
  batches: number[] = [];
  state: 'up' | 'away' | 'silent' = 'up';

  async add(changes: readonly AgentChange[]): Promise<number> {
    if (this.state === 'away') throw new Error('the database is away');
    const before = this.kept.size;
    for (const change of changes) if (!this.kept.has(change.changeId)) this.kept.set(change.changeId, change);
    this.batches.push(changes.length);
    if (this.state === 'silent') return new Promise(() => undefined);
    return this.kept.size - before;
  }

  async list({ fromMs, limit, before }: Parameters<AgentHistoryStore['list']>[0]): Promise<AgentChange[]> {
    const newest = [...this.kept.values()].reverse().filter(({ atMs }) => atMs >= fromMs);
    return newest.filter(({ changeId }) => before === undefined || changeId < before).slice(0, limit);
  }
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function open(limits: Partial<typeof defaultHistoryLimits> = {}) {
  const clock = new FakeClock();
  const logger = recordingLogger();
  const desk = new FakeDesk();
  const history = new FakeHistory();
  const shipper = new AgentHistoryShipper({ desk, view: desk, history, clock, logger, limits });
  shipper.start();
  return { clock, logger, desk, history, shipper };
}

describe("the shipper of agents' changes of state", () => {
  it('carries what comes within a second in one insert, and rests where nothing comes', async () => {
    const { clock, desk, history, shipper } = open();
    for (let count = 0; count < 9; count++) {
      desk.change();
      await clock.advance(100);
    }
    expect(history.batches).toEqual([]);
    await clock.advance(200);
    expect(history.batches).toEqual([9]);
    expect(desk.changes).toEqual([]);
    const { reads } = desk;
    await clock.advance(29_000);
    expect(desk.reads).toBe(reads);
    desk.change();
    await clock.advance(1_000);
    expect(history.batches).toEqual([9, 1]);
    await shipper.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('finds by itself what it was not told of, in batches', async () => {
    const { clock, desk, history, shipper } = open({ batchChanges: 10 });
    await clock.advance(1_000);
    for (let number = 0; number < 25; number++) desk.changes.push(agentChange(number));
    await clock.advance(30_000);
    expect(history.batches).toEqual([10, 10, 5]);
    expect(history.kept.size).toBe(25);
    await shipper.stop();
  });

  it('loses nothing while the database is away for an hour, and does not fill the log', async () => {
    const { clock, desk, history, logger, shipper } = open();
    history.state = 'away';
    for (let minute = 0; minute < 60; minute++) {
      desk.change(10);
      await clock.advance(60_000);
    }
    expect(desk.changes).toHaveLength(600);
    expect(logger.lines.length).toBeLessThan(150);
    history.state = 'up';
    await clock.advance(30_000);
    expect([history.kept.size, desk.changes.length]).toEqual([600, 0]);
    expect(logger.lines.at(-1)).toMatchObject({ level: 'info' });
    await shipper.stop();
  });

  it('goes on once Redis is back; what it could not forget is kept once', async () => {
    const { clock, desk, history, shipper } = open();
    desk.away = true;
    desk.change(3);
    await clock.advance(60_000);
    desk.away = false;
    history.state = 'silent';
    await clock.advance(45_000);
    expect(desk.changes).toHaveLength(3);
    history.state = 'up';
    await clock.advance(60_000);
    expect(history.batches.length).toBeGreaterThan(1);
    expect([history.kept.size, desk.changes.length]).toEqual([3, 0]);
    await shipper.stop();
  });

  it('carries at its stop what is left; stops all the same where the database is away or silent', async () => {
    const { desk, history, shipper } = open();
    desk.change(2);
    await shipper.stop();
    expect([history.kept.size, desk.changes.length]).toEqual([2, 0]);
    for (const state of ['away', 'silent'] as const) {
      const other = open();
      other.history.state = state;
      other.desk.change();
      const stopped = other.shipper.stop();
      await other.clock.advance(2_000);
      await stopped;
      expect(other.desk.changes).toHaveLength(1);
    }
  });
});

it('spells say how long each state lasted, oldest first, however many pages there are', async () => {
  const history = new FakeHistory();
  const changes = Array.from({ length: 1_300 }, (_, number) => agentChange(number * 3));
  await history.add(changes);
  const spells = await agentSpells(history, { agentId: 'ann', fromMs: 0, limit: 1_200 });
  expect(spells.map(({ changeId }) => changeId)).toEqual(changes.slice(100).map(({ changeId }) => changeId));
  expect(spells.map(({ forMs }) => forMs)).toEqual([...Array.from({ length: 1_199 }, () => 1), undefined]);
});
