import { describe, expect, it } from 'vitest';
import { bye, FlowCall, flowOf, text } from './harness.ts';

const yes = { type: 'hangup', prompt: text('yes'), outcome: 'yes' };
const no = { ...bye, outcome: 'no' };

/** Where a call goes by one condition: true = it held. */
function holds(when: object, call: { from?: string; to?: string; at?: string; timezone?: string } = {}): boolean {
  const nodes = { which: { type: 'branch', cases: [{ when, goto: 'yes' }], otherwise: 'no' }, yes, no };
  const flowCall = new FlowCall(flowOf(nodes, call.timezone ? { timezone: call.timezone } : {}), call);
  if (call.at) flowCall.nowMs = Date.parse(call.at) - 10;
  return flowCall.start().nodes.at(-1) === 'yes';
}

describe('branch on numbers', () => {
  it.each([
    ['0312345678', '03-1234-5678', true],
    ['+81312345678', '０３（１２３４）５６７８', true],
    ['0398765432', '03-1234-5678', false],
  ])('dialled %s against %s: %s', (to, number, expected) => {
    expect(holds({ dialled: [number] }, { to })).toBe(expected);
  });

  it.each([
    ['09012345678', '090', true],
    ['+819012345678', '090', true],
    ['09012345678', '+8190', true],
    ['0312345678', '090', false],
    ['anonymous', '090', false],
    ['2001', '20', true],
  ])('caller %s against the beginning %s: %s', (from, prefix, expected) => {
    expect(holds({ callerPrefix: [prefix] }, { from })).toBe(expected);
  });

  it.each([
    ['anonymous', true],
    ['', true],
    ['09012345678', false],
  ])('caller "%s" withheld: %s', (from, expected) => {
    expect(holds({ callerWithheld: true }, { from })).toBe(expected);
  });

  it('needs all parts of a condition', () => {
    expect(holds({ callerPrefix: ['090'], dialled: ['0300000000'] })).toBe(false);
    expect(holds({ callerPrefix: ['090'], dialled: ['0312345678'], language: 'ja' })).toBe(true);
  });
});

describe('branch on time', () => {
  const office = { time: { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '18:00' } };

  it.each([
    ['2026-04-01T09:00:00+09:00', true],
    ['2026-04-01T08:59:59+09:00', false],
    ['2026-04-01T17:59:59+09:00', true],
    ['2026-04-01T18:00:00+09:00', false],
    ['2026-04-04T12:00:00+09:00', false],
    ['2026-04-01T00:00:00Z', true],
  ])('office hours at %s: %s', (at, expected) => {
    expect(holds(office, { at })).toBe(expected);
  });

  it.each([
    ['2026-04-03T23:00:00+09:00', true],
    ['2026-04-04T05:59:00+09:00', true],
    ['2026-04-04T06:00:00+09:00', false],
    ['2026-04-04T23:00:00+09:00', false],
    ['2026-04-05T03:00:00+09:00', false],
  ])('friday night into the morning at %s: %s', (at, expected) => {
    expect(holds({ time: { days: ['fri'], from: '22:00', to: '06:00' } }, { at })).toBe(expected);
  });

  it.each([
    ['2026-01-01T00:00:00+09:00', true],
    ['2025-12-31T23:59:59+09:00', false],
    ['2026-01-02T00:00:00+09:00', false],
  ])('a holiday at %s: %s', (at, expected) => {
    expect(holds({ time: { dates: ['2026-01-01'] } }, { at })).toBe(expected);
  });

  it("goes by the flow's time zone, also where clocks change", () => {
    const morning = { time: { from: '09:00', to: '10:00' } };
    expect(holds(morning, { at: '2026-07-01T09:30:00-04:00', timezone: 'America/New_York' })).toBe(true);
    expect(holds(morning, { at: '2026-01-01T09:30:00-05:00', timezone: 'America/New_York' })).toBe(true);
    expect(holds(morning, { at: '2026-01-01T09:30:00-05:00' })).toBe(false);
  });
});

describe('branch on variables', () => {
  const flow = (when: object) =>
    flowOf({
      ask: {
        type: 'collect',
        prompt: text('x'),
        variable: 'code',
        maxDigits: 4,
        noInput: { goto: 'which', tries: 1 },
        invalid: { goto: 'no' },
        next: 'which',
      },
      which: {
        type: 'branch',
        cases: [{ when: { variable: { name: 'code', ...when } }, goto: 'yes' }],
        otherwise: 'no',
      },
      yes,
      no,
    });
  const keyed = (when: object, keys: string): string | undefined => {
    const call = new FlowCall(flow(when)).start();
    if (keys) call.press(`${keys}#`);
    else {
      call.playEnds();
      call.timeout();
    }
    return call.nodes.at(-1);
  };

  it.each([
    [{ oneOf: ['12', '34'] }, '34', 'yes'],
    [{ oneOf: ['12', '34'] }, '56', 'no'],
    [{ startsWith: '9' }, '91', 'yes'],
    [{ startsWith: '9' }, '19', 'no'],
    [{ isSet: true }, '1', 'yes'],
    [{ isSet: true }, '', 'no'],
    [{ isSet: false }, '', 'yes'],
    [{ isSet: false }, '1', 'no'],
    [{ oneOf: ['1'] }, '', 'no'],
  ])('%j with "%s" keyed: %s', (when, keys, expected) => {
    expect(keyed(when, keys)).toBe(expected);
  });
});
