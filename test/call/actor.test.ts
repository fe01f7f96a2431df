import { describe, expect, test } from 'vitest';
import type { Effect, FlowEvent } from '../../src/flow/protocol.ts';
import { settle } from '../support/fake-clock.ts';
import type { FakeLeg } from '../support/fake-telephony.ts';
import { eventually } from '../support/poll.ts';
import { answeredCall, FakeRoom, type Harness, hangup, harness, say } from './harness.ts';

const types = (events: FlowEvent[]) => events.map((event) => event.type);

test('keys reach the flow in order and once, also those pressed while a prompt plays', async () => {
  const h = await harness({
    script: (event) => (event.type === 'started' ? [say('menu', { stopOnDigit: true })] : []),
  });
  const { leg } = await answeredCall(h);
  leg.press('12#');
  await settle();
  const keys = h.events.flatMap((event) => (event.type === 'digit' ? [event.digit] : []));
  expect(keys.join('')).toBe('12#');
  expect(h.events).toContainEqual(expect.objectContaining({ type: 'play-done', playId: 'menu', outcome: 'stopped' }));
});

test('the flow hangs up: outcome and end are on record, the saved state is gone', async () => {
  const h = await harness({
    script: (event) => {
      if (event.type === 'started') return [{ type: 'node-entered', nodeId: 'hello' }, say('bye')];
      return event.type === 'play-done' ? [hangup('informed')] : [];
    },
  });
  const { leg } = await answeredCall(h);
  leg.finishPlay();
  await settle();
  expect(leg.orders).toEqual(['play bye', 'end system-hangup']);
  expect(h.story()).toEqual(['offered', 'answered', 'node-entered', 'finished informed', 'ended system-hangup']);
  expect(h.states.saved.size).toBe(0);
  expect(h.clock.pendingTimers).toBe(2); // the lease, and calls to take over
});

test('the caller hangs up: the flow is told, its last words are on record, nothing is ordered any more', async () => {
  const h = await harness({
    script: (event) =>
      event.type === 'hung-up'
        ? [{ type: 'digits-collected', nodeId: 'ask', digits: '4' }, say('too late'), hangup('abandoned')]
        : [],
  });
  const { leg } = await answeredCall(h);
  leg.hangUp();
  await settle();
  expect(types(h.events)).toEqual(['started', 'hung-up']);
  expect(leg.orders).toEqual([]);
  expect(h.story()).toEqual(['offered', 'answered', 'digits', 'finished abandoned', 'ended caller-hangup']);
  expect(h.service.activeCalls).toBe(0);
});

test('timers: replaced ones fire once, cancelled ones never, none survive the call', async () => {
  const h = await harness({
    script: (event) => {
      if (event.type === 'started') {
        return [
          { type: 'start-timer', timerId: 'a', delayMs: 1_000 },
          { type: 'start-timer', timerId: 'a', delayMs: 2_000 },
          { type: 'start-timer', timerId: 'b', delayMs: 1_500 },
          { type: 'start-timer', timerId: 'c', delayMs: 60_000 },
        ];
      }
      return event.type === 'digit' ? [{ type: 'cancel-timer', timerId: 'b' }] : [];
    },
  });
  const { leg } = await answeredCall(h);
  leg.press('1');
  await h.clock.advance(5_000);
  expect(h.events.filter((event) => event.type === 'timer')).toMatchObject([{ timerId: 'a' }]);
  leg.hangUp();
  await settle();
  await h.service.stop({ deadlineMs: 100 });
  expect(h.clock.pendingTimers).toBe(0);
});

describe('a key that is held down when its time is up', () => {
  const asks = () =>
    harness({
      script: (event) => {
        if (event.type === 'started') return [{ type: 'start-timer', timerId: 'ask', delayMs: 1_000, forKey: true }];
        return event.type === 'digit' ? [{ type: 'cancel-timer', timerId: 'ask' }] : [];
      },
    });
  /** Signs of a key come every 50 ms. */
  const hold = async (h: Harness, leg: FakeLeg, ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) {
      leg.keySignCount += 1;
      await h.clock.advance(50);
    }
  };
  const endings = (h: Harness) => types(h.events).filter((type) => type === 'timer' || type === 'digit');

  test('counts when it is let go', async () => {
    const h = await asks();
    const { leg } = await answeredCall(h);
    await h.clock.advance(950);
    await hold(h, leg, 3_000);
    expect(endings(h)).toEqual([]);
    leg.press('5');
    await h.clock.advance(20_000);
    expect(endings(h)).toEqual(['digit']);
  });

  test('does not when it never ends, or comes later', async () => {
    const h = await asks();
    const { leg } = await answeredCall(h);
    await h.clock.advance(900);
    await hold(h, leg, 10_000);
    expect(endings(h)).toEqual([]);
    await hold(h, leg, 500);
    expect(endings(h)).toEqual(['timer']);
    const late = await asks();
    await answeredCall(late);
    await late.clock.advance(1_000);
    expect(endings(late)).toEqual(['timer']);
  });

  test('keeps nobody waiting where the media server does not say', async () => {
    const h = await asks();
    const { leg } = await answeredCall(h);
    Object.assign(leg, { keySigns: () => new Promise(() => undefined) });
    await h.clock.advance(1_490);
    expect(endings(h)).toEqual([]);
    await h.clock.advance(20);
    expect(endings(h)).toEqual(['timer']);
  });
});

test('a prompt that does not exist ends as not-found', async () => {
  const h = await harness({ script: (event) => (event.type === 'started' ? [say('missing')] : []) });
  const { leg } = await answeredCall(h);
  expect(leg.orders).toEqual([]);
  expect(h.events.at(-1)).toMatchObject({ type: 'play-done', playId: 'missing', outcome: 'not-found' });
});

test('a prompt still being looked up when the next one comes is given up', async () => {
  const lookups: (() => void)[] = [];
  const h = await harness({
    script: (event) => (event.type === 'started' || event.type === 'digit' ? [say(`p${event.type}`)] : []),
    overrides: {
      prompts: {
        resolve: (prompt) =>
          new Promise((resolve) => lookups.push(() => resolve('file' in prompt ? prompt : undefined))),
      },
    },
  });
  const { leg } = await answeredCall(h);
  leg.press('1');
  for (const finish of lookups) finish();
  await settle();
  expect(leg.orders).toEqual(['play pdigit']);
  expect(h.events.filter((event) => event.type === 'play-done')).toMatchObject([
    { playId: 'pstarted', outcome: 'stopped' },
  ]);
});

test('a recording is put on record with its file and length', async () => {
  const h = await harness({
    script: (event) =>
      event.type === 'started'
        ? [{ type: 'record', recordingId: 'msg/1', maxDurationMs: 60_000, silenceMs: 3_000, stopKeys: '#' }]
        : [],
  });
  const { leg } = await answeredCall(h);
  expect(leg.recording?.file).toMatch(/sakura\/call_[0-9a-f-]+-msg_1\.wav$/);
  leg.finishRecord('silence', 4_200);
  await settle();
  expect(h.facts).toContainEqual(
    expect.objectContaining({ type: 'recorded', recordingId: 'msg/1', durationMs: 4_200 }),
  );
  expect(h.events.at(-1)).toMatchObject({ type: 'record-done', outcome: 'silence', durationMs: 4_200 });
});

test('hanging up while recording keeps the recording on record', async () => {
  const h = await harness({
    script: (event) =>
      event.type === 'started'
        ? [{ type: 'record', recordingId: 'm', maxDurationMs: 60_000, silenceMs: 0, stopKeys: '' }]
        : [],
  });
  const { leg } = await answeredCall(h);
  leg.hangUp();
  await settle();
  expect(h.story()).toEqual(['offered', 'answered', 'recorded', 'ended caller-hangup']);
});

const recordsAtOnce = (event: FlowEvent): Effect[] =>
  event.type === 'started'
    ? [{ type: 'record', recordingId: 'm', maxDurationMs: 60_000, silenceMs: 0, stopKeys: '', minDurationMs: 1_000 }]
    : [];

test('the disk fills while the caller speaks: what fits is kept, the flow is told, and the record says so', async () => {
  const room = new FakeRoom();
  const h = await harness({ script: recordsAtOnce, overrides: { recordingRoom: room } });
  const { leg } = await answeredCall(h);
  room.fill();
  const recorded = await eventually('it on record', () => h.facts.find(({ type }) => type === 'recorded'));
  expect(recorded).toMatchObject({ durationMs: 1_000, incomplete: 'cut-short' });
  expect(recorded).not.toHaveProperty('message');
  expect(h.events.at(-1)).toMatchObject({ type: 'record-done', outcome: 'failed', durationMs: 1_000 });
  expect(leg.ended).toBeUndefined();
});

test.each([
  ['nothing of it was written', 0, 'missing'],
  ['a piece could not be written', 3_000, 'cut-short'],
] as const)('the switch could not record: %s', async (_why, durationMs, incomplete) => {
  const h = await harness({ script: recordsAtOnce });
  const { leg } = await answeredCall(h);
  leg.finishRecord('failed', durationMs);
  const recorded = () => h.facts.find(({ type }) => type === 'recorded');
  expect(await eventually('it on record', recorded)).toMatchObject({ durationMs, incomplete });
});

test('no room when the recording should begin: nothing is ordered of the switch, which would end the call', async () => {
  const room = new FakeRoom();
  room.fill();
  const h = await harness({ script: recordsAtOnce, overrides: { recordingRoom: room } });
  const { leg } = await answeredCall(h);
  await settle();
  expect(leg.recording).toBeUndefined();
  expect(h.events.at(-1)).toMatchObject({ type: 'record-done', recordingId: 'm', outcome: 'failed', durationMs: 0 });
  expect(h.facts.at(-1)).toMatchObject({ type: 'recorded', durationMs: 0, incomplete: 'missing' });
  expect(leg.ended).toBeUndefined();
});

test('a fault that the flow reports ends the call as a flow fault', async () => {
  const h = await harness({
    script: (event) =>
      event.type === 'started' ? [{ type: 'fault', nodeId: 'x', message: 'no such day' }, hangup('fault')] : [],
  });
  await answeredCall(h);
  expect(h.story()).toEqual(['offered', 'answered', 'fault', 'finished fault', 'ended flow-fault']);
});

test('an interpreter that throws: apology, hang-up, fault on record', async () => {
  const h = await harness({
    script: () => {
      throw new Error('boom');
    },
  });
  const { leg } = await answeredCall(h);
  expect(leg.orders).toEqual(['play apology-ja']);
  leg.press('5');
  leg.finishPlay();
  await settle();
  expect(leg.ended).toBe('flow-fault');
  expect(h.story()).toEqual(['offered', 'answered', 'fault', 'finished fault', 'ended flow-fault']);
});

test('an apology that never ends is cut off', async () => {
  const h = await harness({
    script: () => {
      throw new Error('boom');
    },
  });
  const { leg } = await answeredCall(h);
  await h.clock.advance(15_000);
  expect(leg.ended).toBe('flow-fault');
});

test('a flow that never stops stepping is at fault', async () => {
  const h = await harness({
    script: () => [say('missing')],
    limits: { maxStepsPerCall: 20 },
  });
  const { leg } = await answeredCall(h);
  expect(h.events).toHaveLength(20);
  expect(leg.orders).toEqual(['play apology-ja']);
});

test('a call is ended at its maximum length', async () => {
  const h = await harness({ limits: { maxCallMs: 60_000 } });
  const { leg } = await answeredCall(h);
  await h.clock.advance(60_000);
  expect(leg.ended).toBe('limit-reached');
  expect(h.story().at(-1)).toBe('ended limit-reached');
});

test('the caller hangs up while our BYE is on its way: one end, with our cause', async () => {
  const h = await harness({ script: (event) => (event.type === 'digit' ? [hangup()] : []) });
  const { leg } = await answeredCall(h);
  leg.slowToEnd = true;
  leg.press('1');
  await settle();
  leg.hangUp();
  await settle();
  expect(h.story()).toEqual(['offered', 'answered', 'finished done', 'ended system-hangup']);
  expect(h.service.activeCalls).toBe(0);
});

test('media lost under the call closes it with that cause', async () => {
  const h = await harness();
  const { leg } = await answeredCall(h);
  leg.hangUp('media-lost');
  await settle();
  expect(h.story().at(-1)).toBe('ended media-lost');
});

test('the caller hangs up while a prompt is heard: no fault, only the end', async () => {
  const h = await harness({ script: (event) => (event.type === 'started' ? [say('hello')] : []) });
  const { leg } = await answeredCall(h);
  leg.hangUp();
  await settle();
  expect(h.events.map(({ type }) => type)).toEqual(['started', 'play-done', 'hung-up']);
  expect(h.events[1]).toMatchObject({ outcome: 'leg-ended' });
});
