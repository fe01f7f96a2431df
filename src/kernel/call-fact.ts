import { z } from 'zod';

/**
 * What a leg of a call is to us. `caller` is who rang, or is called back; the others are legs that denwaban dialled.
 * `listener`: the phone of a supervisor who hears a talk; that is nobody's talk time.
 */
export const legKinds = ['caller', 'transfer', 'agent', 'listener', 'canary'] as const;
export type LegKind = (typeof legKinds)[number];

/** Why a leg ended, in words that do not depend on a switch. */
export const endCauses = [
  'caller-hangup',
  'system-hangup',
  'peer-hangup',
  'cancelled',
  'rejected',
  'busy',
  'no-answer',
  'unreachable',
  'forbidden-number',
  'not-found',
  'suspended',
  'overload',
  'draining',
  'media-refused',
  'media-timeout',
  'media-lost',
  'flow-fault',
  'limit-reached',
  'controller-lost',
  'failed',
] as const;
export type EndCause = (typeof endCauses)[number];

/**
 * Who says when a leg ended whose controller was gone by then: the switch, in the record of its channel; the controller,
 * by the last sign of life it gave; or nobody, so that the leg lasted until the last thing on record.
 */
export const endWitnesses = ['switch', 'controller', 'last-fact'] as const;
export type EndWitness = (typeof endWitnesses)[number];

const base = {
  factId: z.string().min(1),
  callId: z.string().min(1),
  legId: z.string().min(1),
  accountId: z.string().nullable(),
  /** Order of the facts within the call: 1, 2, 3 … over all its legs. */
  seq: z.int().positive(),
  /** ms since the epoch. */
  atMs: z.int().nonnegative(),
};

/**
 * One change of one leg, kept for ever (design.md, "A fact"). Counts, logs and bills are folds over these; a fact is
 * never edited. `digits` and `number` are personal data.
 */
export const callFactSchema = z.discriminatedUnion('type', [
  z.object({
    ...base,
    type: z.literal('offered'),
    kind: z.enum(legKinds),
    direction: z.enum(['inbound', 'outbound']),
    from: z.string(),
    to: z.string(),
    flowId: z.string().optional(),
    flowVersion: z.int().optional(),
    /** On the leg of one who is called back: the call in which they asked for it. */
    callBackOf: z.string().optional(),
    /** Whose phone rings, on a leg of kind `agent`. */
    agentId: z.string().optional(),
    /** SIP Call-ID on the leg's network side, to reconcile with the switch's own records. */
    sipCallId: z.string().optional(),
  }),
  z.object({ ...base, type: z.literal('ringing') }),
  z.object({ ...base, type: z.literal('answered') }),
  z.object({ ...base, type: z.literal('node-entered'), nodeId: z.string() }),
  /** The caller waits for people from now on; again after an agent was lost. */
  z.object({ ...base, type: z.literal('queued'), queueId: z.string() }),
  /** The wait is over: an agent answered, or why not. */
  z.object({
    ...base,
    type: z.literal('left-queue'),
    queueId: z.string(),
    reason: z.enum([
      'answered',
      'abandoned',
      'message',
      'call-back',
      'time-out',
      'overflow',
      'closed',
      /** The account's answering service is. */
      'suspended',
      'full',
      'failed',
    ]),
  }),
  z.object({ ...base, type: z.literal('digits'), nodeId: z.string(), digits: z.string() }),
  z.object({ ...base, type: z.literal('bridged'), peerLegId: z.string() }),
  z.object({ ...base, type: z.literal('unbridged'), peerLegId: z.string() }),
  /** The agent has put the caller on hold (on the caller's leg), or hands them over: no bridge, hence no talk. */
  z.object({ ...base, type: z.literal('held'), peerLegId: z.string() }),
  /** They talk again. A hold also ends with the next bridge, or with either leg. */
  z.object({ ...base, type: z.literal('resumed'), peerLegId: z.string() }),
  z.object({
    ...base,
    type: z.literal('recorded'),
    recordingId: z.string(),
    file: z.string(),
    durationMs: z.int().nonnegative(),
    /** There was no room for all of it, or it was broken off: what is there is less than what was said, or nothing. */
    incomplete: z.enum(['cut-short', 'missing']).optional(),
    /** Of what the caller said to the flow: what the flow made of it. Left out: the caller, or the controller, was gone. */
    message: z.enum(['taken', 'too-short']).optional(),
    /** Of a talk with an agent: who, and on which leg. */
    agentId: z.string().optional(),
    peerLegId: z.string().optional(),
  }),
  z.object({ ...base, type: z.literal('fault'), nodeId: z.string().optional(), message: z.string() }),
  /** The flow said what the call came to (its `hangup` outcome); on the caller's leg, before `ended`. */
  z.object({ ...base, type: z.literal('finished'), outcome: z.string().min(1) }),
  /**
   * So many requests were refused within a minute before anybody saw a call in them. Belongs to no call: `callId` and
   * `legId` name who counted.
   */
  z.object({
    ...base,
    type: z.literal('refused'),
    minuteMs: z.int().nonnegative(),
    by: z.enum(['controller', 'switch']),
    sourceClass: z.enum(['trusted', 'stranger']),
    method: z.string(),
    sipStatus: z.int(),
    cause: z.string(),
    count: z.int().positive(),
    /** Those who sent most of them. */
    sources: z.array(z.object({ address: z.string(), count: z.int().positive() })).max(10),
  }),
  /** Another controller took the call over after its controller died. */
  z.object({ ...base, type: z.literal('taken-over') }),
  z.object({
    ...base,
    type: z.literal('ended'),
    cause: z.enum(endCauses),
    /** Final SIP status of a leg that was never answered (or 200). */
    sipStatus: z.int().optional(),
    /** Left out: whoever wrote it saw the leg end. */
    witness: z.enum(endWitnesses).optional(),
  }),
]);
export type CallFact = z.infer<typeof callFactSchema>;
export type CallFactType = CallFact['type'];

/** A fact before the ledger's bookkeeping fields are filled in. */
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type CallFactBody = DistributiveOmit<CallFact, 'factId' | 'callId' | 'accountId' | 'seq' | 'atMs'>;

/** A leg ends once, whoever writes it down: the same id for each who does. */
export function endedFactId(legId: string): string {
  return `fact_ended_${legId}`;
}

/** As {@link endedFactId}: a recording is on record once. */
export function recordedFactId(callId: string, recordingId: string): string {
  return `fact_recorded_${callId}_${recordingId}`;
}
