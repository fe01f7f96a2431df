import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CallFact, CallFactBody, EndCause } from '../../src/kernel/call-fact.ts';
import { foldCall } from '../../src/ledger/call-record.ts';
import { baseMs, fact, offered } from '../support/facts.ts';

/** A call's facts, a second apart; the first is the caller's `offered`. */
function call(...bodies: (CallFactBody & { leg?: string })[]): CallFact[] {
  return [offered('c'), ...bodies.map((body, index) => fact('c', index + 2, body))];
}

const caller = { legId: 'c-caller' };
const out = { legId: 'out' };
const ended = (cause: EndCause, leg = caller, sipStatus?: number): CallFactBody => ({
  type: 'ended',
  ...leg,
  cause,
  ...(sipStatus === undefined ? {} : { sipStatus }),
});
const answered: CallFactBody = { type: 'answered', ...caller };
const dialled: CallFactBody = {
  type: 'offered',
  ...out,
  kind: 'transfer',
  direction: 'outbound',
  from: '+81312345678',
  to: '+81398765432',
};
const at = (seconds: number) => new Date(baseMs + seconds * 1_000).toISOString();

const transferred = call(
  answered,
  { type: 'node-entered', ...caller, nodeId: 'menu' },
  { type: 'digits', ...caller, nodeId: 'menu', digits: '1' },
  { type: 'node-entered', ...caller, nodeId: 'transfer' },
  dialled, // 6
  { type: 'ringing', ...out }, // 7
  { type: 'answered', ...out }, // 8
  { type: 'bridged', ...caller, peerLegId: 'out' }, // 9
  { type: 'recorded', ...caller, recordingId: 'r1', file: 'r1.wav', durationMs: 900 }, // 10
  { type: 'unbridged', ...caller, peerLegId: 'out' }, // 11
  ended('peer-hangup', out, 200), // 12
  ended('system-hangup', caller, 200), // 13
);

describe('foldCall', () => {
  it('gives a whole call with its legs, path, digits and times', () => {
    expect(foldCall(transferred)).toEqual({
      callId: 'c',
      accountId: 'sakura',
      from: '+819012345678',
      to: '+81312345678',
      flow: 'main',
      flowVersion: 3,
      callBackOf: null,
      offeredAt: at(1),
      answeredAt: at(2),
      endedAt: at(13),
      outcome: 'connected',
      path: ['menu', 'transfer'],
      digits: [{ nodeId: 'menu', digits: '1' }],
      recordings: [
        { recordingId: 'r1', legId: 'c-caller', agentId: null, file: 'r1.wav', durationMs: 900, incomplete: null },
      ],
      faults: [],
      legs: [
        {
          legId: 'c-caller',
          kind: 'caller',
          direction: 'inbound',
          from: '+819012345678',
          to: '+81312345678',
          sipCallId: null,
          offeredAt: at(1),
          answeredAt: at(2),
          endedAt: at(13),
          cause: 'system-hangup',
          sipStatus: 200,
          ringMs: 0,
          talkMs: 2_000,
        },
        {
          legId: 'out',
          kind: 'transfer',
          direction: 'outbound',
          from: '+81312345678',
          to: '+81398765432',
          sipCallId: null,
          offeredAt: at(6),
          answeredAt: at(8),
          endedAt: at(12),
          cause: 'peer-hangup',
          sipStatus: 200,
          ringMs: 1_000,
          talkMs: 2_000,
        },
      ],
    });
  });

  it.each<[string, string, CallFact[]]>([
    ['offered', 'nothing but an INVITE yet', call()],
    ['in-progress', 'still talking to the flow', call(answered)],
    ['abandoned', 'the caller gives up before the answer', call(ended('cancelled', caller, 487))],
    ['not-found', 'nobody has the number', call(ended('not-found', caller, 404))],
    ['suspended', 'the account is suspended', call(ended('suspended', caller, 603))],
    ['overload', 'refused before quality suffers', call(ended('overload', caller, 503))],
    ['caller-hangup', 'the caller leaves the flow', call(answered, ended('caller-hangup'))],
    ['completed', 'the flow hangs up without a word', call(answered, ended('system-hangup'))],
    ['flow-fault', 'the flow breaks', call(answered, ended('flow-fault'))],
    ['media-lost', 'the media server goes away', call(answered, ended('media-lost'))],
    [
      'connected',
      'a person was reached, then the caller hangs up',
      call(answered, dialled, { type: 'bridged', ...out, peerLegId: 'c-caller' }, ended('caller-hangup')),
    ],
    [
      'caller-hangup',
      'the transfer rang but nobody came',
      call(answered, dialled, { type: 'ringing', ...out }, ended('cancelled', out), ended('caller-hangup')),
    ],
    [
      'callback',
      'the flow says so',
      call(answered, { type: 'finished', ...caller, outcome: 'callback' }, ended('system-hangup')),
    ],
  ])('calls it %s when %s', (outcome, _, facts) => {
    expect(foldCall(facts).outcome).toBe(outcome);
  });

  it('counts ringing apart from talk, and nobody talks on a leg that only rang', () => {
    const record = foldCall(call(answered, dialled, { type: 'ringing', ...out }, ended('no-answer', out, 408)));
    expect(record.legs[1]).toMatchObject({ answeredAt: null, ringMs: 1_000, talkMs: 0, cause: 'no-answer' });
    const busy = foldCall(call(answered, dialled, ended('busy', out, 486)));
    expect(busy.legs[1]).toMatchObject({ ringMs: 0, talkMs: 0, sipStatus: 486 });
    expect(foldCall(call(answered, dialled, { type: 'ringing', ...out })).legs[1]?.ringMs).toBeNull();
  });

  it('counts a bridge once when both legs report it, and ends it with either leg', () => {
    const both = call(
      dialled,
      { type: 'bridged', ...caller, peerLegId: 'out' }, // 3
      { type: 'bridged', ...out, peerLegId: 'c-caller' }, // 4
      { type: 'unbridged', ...out, peerLegId: 'c-caller' }, // 5
      { type: 'unbridged', ...caller, peerLegId: 'out' }, // 6
      { type: 'bridged', ...caller, peerLegId: 'out' }, // 7
      ended('caller-hangup'), // 8
      ended('system-hangup', out), // 9
    );
    expect(foldCall(both).legs.map(({ talkMs }) => talkMs)).toEqual([3_000, 3_000]);
  });

  it('makes the best of facts whose beginning is missing', () => {
    const record = foldCall(transferred.slice(8));
    expect(record).toMatchObject({ from: '', to: '', flow: null, offeredAt: at(9), endedAt: at(13) });
    expect(record.legs.map(({ kind, talkMs }) => [kind, talkMs])).toEqual([
      [null, 2_000],
      [null, 2_000],
    ]);
  });

  it('gives the same record for any order, with any repeats', () => {
    const expected = foldCall(transferred);
    const shuffled = fc.shuffledSubarray(transferred, { minLength: transferred.length });
    fc.assert(
      fc.property(shuffled, fc.subarray(transferred), (facts, repeats) => {
        expect(foldCall([...facts, ...repeats])).toEqual(expected);
      }),
    );
  });

  it('takes any part of a call without failing, and the same part always the same way', () => {
    const anySeq = transferred.map((each) => fc.integer({ min: 1, max: 5 }).map((seq) => ({ ...each, seq })));
    const some = fc.tuple(...anySeq).chain((facts) => fc.subarray(facts, { minLength: 1 }));
    fc.assert(
      fc.property(some, (facts) => {
        const record = foldCall(facts);
        expect(foldCall([...facts].reverse())).toEqual(record);
        for (const leg of record.legs) expect(leg.talkMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('insists on at least one fact', () => {
    expect(() => foldCall([])).toThrow('a call has facts');
  });
});
