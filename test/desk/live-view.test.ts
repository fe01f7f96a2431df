import { describe, expect, it } from 'vitest';
import type { AgentOverview, DeskOverview, QueueOverview } from '../../src/desk/live.ts';
import type { LiveCall } from '../../src/desk/live-types.ts';
import { viewFor } from '../../src/desk/live-view.ts';

const nowMs = Date.UTC(2026, 10, 25, 16, 10); // 01:10 on the 26th in Japan.
const hourMs = 3_600_000;

function agent(agentId: string, given: Partial<AgentOverview> = {}): AgentOverview {
  return {
    ...{ agentId, displayName: agentId, queues: ['main'], state: 'available', reason: '', sinceMs: nowMs },
    ...{ wanted: 'available', untilMs: undefined, missesInRow: 0, callId: undefined },
    ...given,
  };
}

const agents = { offline: 0, available: 1, reserved: 0, ringing: 0, talking: 1, 'wrap-up': 0, break: 0 };

function queue(given: Partial<QueueOverview> = {}): QueueOverview {
  return {
    ...{ queueId: 'main', name: '代表受付', timezone: 'Asia/Tokyo', waiting: 0, oldestAtMs: undefined, line: [] },
    ...{ agents, handlingMs: undefined, slots: [] },
    ...given,
  };
}

const call: LiveCall = {
  ...{ callId: 'c', state: 'talking', queueId: 'main', callerNumber: undefined, waitingSinceMs: nowMs },
  ...{ account: { accountId: 'acme', name: 'アクメ', reading: 'あくめ' }, isCallBack: false, agentId: 'hanako' },
  ...{ held: true, listeners: [{ agentId: 'boss', mode: 'whisper' }] },
};

function desk(given: Partial<DeskOverview> = {}): DeskOverview {
  const talking = agent('hanako', { state: 'talking', callId: 'c' });
  const others = [
    agent('taro'),
    agent('jiro', { state: 'break', reason: 'lunch' }),
    agent('boss', { state: 'offline' }),
  ];
  return { nowMs, queues: [queue()], agents: [talking, ...others], calls: [call], ...given };
}

describe("what a user's page shows", () => {
  it('names to one who talks the colleagues who are available, and nothing else of them', () => {
    expect(viewFor(desk(), 'hanako', 'own').colleagues).toEqual([{ agentId: 'taro', displayName: 'taro' }]);
    expect(viewFor(desk(), 'taro', 'own')).not.toHaveProperty('colleagues');
    expect(JSON.stringify(viewFor(desk(), 'hanako', 'own'))).not.toMatch(/jiro|lunch/);
  });

  it('tells who listens to supervisors only', () => {
    expect(viewFor(desk(), 'hanako', 'own').call).toMatchObject({ callId: 'c', held: true });
    expect(JSON.stringify(viewFor(desk(), 'hanako', 'own'))).not.toContain('boss');
    expect(viewFor(desk(), 'boss', 'all').calls?.[0]?.listeners).toEqual([{ agentId: 'boss', mode: 'whisper' }]);
    expect(viewFor(desk(), 'hanako', 'all').call?.listeners).toEqual([{ agentId: 'boss', mode: 'whisper' }]);
  });

  it('says to supervisors who is next in each line', () => {
    const waiting = ['a', 'b', 'd'].map((callId, index) => ({
      ...call,
      ...{ callId, state: 'waiting' as const, agentId: undefined, waitingSinceMs: nowMs + 1 + index },
    }));
    const queues = [queue({ line: ['b', 'a'] }), queue({ queueId: 'other', line: ['d'] })];
    const { calls } = viewFor(desk({ queues, calls: [...waiting, call] }), 'boss', 'all');
    expect(calls?.map(({ callId, position }) => [callId, position])).toEqual([
      ['c', undefined],
      ['a', 2],
      ['b', 1],
      ['d', 1],
    ]);
  });

  it("adds up today, which begins at midnight of the queue's own time zone", () => {
    const slot = { answered: 2, inTime: 1, left: 1, waitMs: 30_000 };
    const slots = [0, 1, 2, 17].map((hours) => ({ ...slot, atMs: nowMs - 600_000 - hours * hourMs }));
    const queues = [queue({ slots }), queue({ queueId: 'london', name: 'London', timezone: 'Europe/London', slots })];
    const [japan, london] = ['main', 'london'].map((id) =>
      viewFor(desk({ queues }), 'boss', 'all').queues.find(({ queueId }) => queueId === id),
    );
    expect(japan?.today).toEqual({ answered: 4, inTime: 2, left: 2, waitMs: 60_000 });
    expect(london?.today).toEqual({ answered: 6, inTime: 3, left: 3, waitMs: 90_000 });
  });
});
