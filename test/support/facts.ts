import type { CallFact, CallFactBody } from '../../src/kernel/call-fact.ts';
import { newId } from '../../src/kernel/ids.ts';

/** 2026-01-05 10:00 in Japan. */
export const baseMs = Date.UTC(2026, 0, 5, 1, 0, 0);

/** A fact with its bookkeeping filled in; `seq` also sets the time, a second apart. */
export function fact(
  callId: string,
  seq: number,
  body: CallFactBody,
  rest: { atMs?: number; accountId?: string | null; factId?: string } = {},
): CallFact {
  return {
    ...body,
    callId,
    seq,
    factId: rest.factId ?? newId('fact'),
    accountId: rest.accountId === undefined ? 'sakura' : rest.accountId,
    atMs: rest.atMs ?? baseMs + seq * 1_000,
  };
}

/** A caller's `offered` fact, which opens a call. */
export function offered(
  callId: string,
  rest: { seq?: number; atMs?: number; accountId?: string | null; factId?: string } = {},
): CallFact {
  const body: CallFactBody = {
    type: 'offered',
    legId: `${callId}-caller`,
    kind: 'caller',
    direction: 'inbound',
    from: '+819012345678',
    to: '+81312345678',
    flowId: 'main',
    flowVersion: 3,
  };
  return fact(callId, rest.seq ?? 1, body, rest);
}

/** A short fact that any call can have many of. */
export function entered(callId: string, seq: number, nodeId = `node-${seq}`): CallFact {
  return fact(callId, seq, { type: 'node-entered', legId: `${callId}-caller`, nodeId });
}
