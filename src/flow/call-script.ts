import { z } from 'zod';

/**
 * A call as a file: dial this number at this time, press these keys, hang up. The simulator runs it without a
 * telephone; the same file is meant to be phoned over SIP, so it speaks only of what a caller can hear and do.
 * Described for people in flows/README.md.
 */

const timeMs = (description: string) => z.int().min(0).max(14_400_000).optional().meta({ description });
const promptNumber = (description: string) => z.int().min(1).max(1_000).optional().meta({ description });

const stepSchema = z
  .strictObject({
    atMs: timeMs('ms after the answer'),
    afterPrompt: promptNumber('when the nth prompt of the call has ended, or was cut short'),
    duringPrompt: promptNumber('while the nth prompt of the call is heard'),
    delayMs: z.int().min(0).max(600_000).optional().meta({
      description: 'after the end (afterPrompt; standard 300) or the beginning (duringPrompt; standard 500)',
    }),
    keys: z
      .string()
      .regex(/^[0-9*#]{1,64}$/, 'keys 0 to 9, * and #')
      .optional(),
    speakMs: timeMs('speaks for so long, into a recording'),
    hangUp: z.literal(true).optional(),
  })
  .refine((step) => countSet(step.atMs, step.afterPrompt, step.duringPrompt) === 1, {
    message: 'exactly one of atMs, afterPrompt and duringPrompt',
  })
  .refine((step) => countSet(step.keys, step.speakMs, step.hangUp) === 1, {
    message: 'exactly one of keys, speakMs and hangUp',
  });

const answerSchema = z.strictObject({
  number: z.string().min(1).max(40),
  outcome: z.enum(['answered', 'busy', 'no-answer', 'failed', 'forbidden']),
  ringMs: z.int().min(0).max(600_000).default(2_000),
  talkMs: z.int().min(0).max(14_400_000).default(5_000).meta({ description: 'the other party hangs up after this' }),
});

const overflowSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('transfer'), number: z.string().min(1).max(40) }),
  z.strictObject({ type: z.literal('voicemail') }),
  z.strictObject({ type: z.literal('callback') }),
  z.strictObject({ type: z.literal('message'), text: z.record(z.string(), z.string().min(1).max(1_000)) }),
]);

const deskSchema = z.strictObject({
  queue: z.string().min(1).max(63),
  outcome: z.enum(['answered', 'no-agent', 'time-out', 'closed', 'full', 'failed']).default('answered'),
  waitMs: z.int().min(0).max(7_200_000).default(5_000).meta({ description: 'until an agent answers, or it fails' }),
  talkMs: z.int().min(0).max(14_400_000).default(60_000).meta({ description: 'the agent hangs up after this' }),
  overflow: z
    .array(overflowSchema)
    .max(10)
    .default([])
    .meta({ description: "the queue's overflow, before `no-agent` or `time-out` is told to the flow" }),
});

const expectSchema = z.strictObject({
  outcome: z.string().optional().meta({ description: 'of the hangup; `caller-hangup` where the caller hung up' }),
  nodes: z.array(z.string()).optional().meta({ description: 'the nodes visited, in order' }),
  digits: z.array(z.string()).optional().meta({ description: 'what the nodes collected, in order' }),
  heard: z.array(z.string()).optional().meta({ description: 'files heard (also in part), in order' }),
});

export const callScriptSchema = z.strictObject({
  title: z.string().max(200).optional(),
  dial: z.string().min(1).max(40).meta({ description: 'the number dialled' }),
  from: z.string().min(1).max(40).default('09012345678').meta({ description: "the caller's number" }),
  at: z.iso.datetime({ offset: true }).default('2026-04-01T10:00:00+09:00').meta({ description: 'when, RFC 3339' }),
  keyGapMs: z.int().min(50).max(10_000).default(200).meta({ description: 'from one key to the next' }),
  steps: z.array(stepSchema).max(200).default([]),
  answers: z
    .array(answerSchema)
    .max(50)
    .default([])
    .meta({ description: 'what becomes of numbers that the flow dials; those not named do not answer' }),
  desk: z
    .array(deskSchema)
    .max(50)
    .default([])
    .meta({ description: 'what becomes of callers in each queue; in those not named nobody answers' }),
  expect: expectSchema.optional(),
});
export type CallScript = z.output<typeof callScriptSchema>;
export type CallScriptStep = CallScript['steps'][number];

function countSet(...values: unknown[]): number {
  return values.filter((value) => value !== undefined).length;
}
