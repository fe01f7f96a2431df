import { z } from 'zod';
import {
  isEmergencyNumber,
  isNeverDialledKind,
  readDialledNumber,
  tryNormalizePhoneNumber,
} from '../kernel/phone-number.ts';
import { wordSchema } from './agents.ts';
import { openingHoursSchema } from './opening-hours.ts';

/** A number that may be dialled: never 110, 118 or 119 (service-rules.md, Calls 8). */
export const diallableNumberSchema = z
  .string()
  .min(1)
  .max(40)
  .refine(isPhoneNumber, 'a phone number')
  .refine((number) => !isPhoneNumber(number) || !isEmergencyNumber(number), '110, 118 and 119 are never dialled')
  .refine(
    (number) =>
      !isPhoneNumber(number) || isEmergencyNumber(number) || !isNeverDialledKind(readDialledNumber(number).kind),
    'a number that exists and can be dialled: no premium rate (0990 …), no machine (020), no carrier prefix (00XY)',
  );

/** Text for callers, by language; at least one. */
export const spokenTextSchema = z
  .strictObject({ ja: z.string().min(1).max(1_000).optional(), en: z.string().min(1).max(1_000).optional() })
  .refine((text) => text.ja !== undefined || text.en !== undefined, 'in Japanese (ja) or English (en)');

/** What becomes of a caller whom nobody can serve: the steps are tried in order. */
export const overflowStepSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('queue'), queueId: wordSchema }),
  z.strictObject({ type: z.literal('transfer'), number: diallableNumberSchema }),
  z.strictObject({ type: z.literal('voicemail') }),
  z.strictObject({ type: z.literal('callback') }),
  /** Says this and hangs up. */
  z.strictObject({ type: z.literal('message'), text: spokenTextSchema }),
  z.strictObject({ type: z.literal('hang-up') }),
]);
export type OverflowStep = z.infer<typeof overflowStepSchema>;

/** After so long a wait less is asked of an agent. Steps add up. */
export const wideningStepSchema = z.strictObject({
  afterMs: z.int().min(1_000).max(3_600_000),
  /** Each skill's least level sinks by this much. */
  lowerLevelsBy: z.int().min(1).max(10).optional(),
  /** These skills are not asked for any more. */
  dropSkills: z.array(wordSchema).max(50).optional(),
  /** An agent of any language will do. */
  anyLanguage: z.boolean().optional(),
});
export type WideningStep = z.infer<typeof wideningStepSchema>;

/** How agents are chosen when several are free. */
export const strategies = ['longest-idle', 'fewest-calls', 'round-robin', 'best-skill', 'ring-several'] as const;

const durationMs = (min: number, max: number) => z.int().min(min).max(max);

/** How a queue works. Every time is in ms. */
export const queueSettingsSchema = z
  .strictObject({
    queueId: wordSchema,
    name: z.string().min(1).max(100),
    strategy: z.enum(strategies).default('longest-idle'),
    /** With `ring-several`: how many at once. */
    ringCount: z.int().min(1).max(20).default(3),
    /** An agent's phone rings so long. */
    ringTimeoutMs: durationMs(3_000, 120_000).default(20_000),
    /** After answering the agent presses 1 to take the caller. */
    pressOneToAccept: z.boolean().default(false),
    /** Callers waiting at once. */
    maxLength: z.int().min(1).max(10_000).default(100),
    /** Then `overflow`. */
    maxWaitMs: durationMs(5_000, 14_400_000).default(600_000),
    /** In a queue that nobody has signed in to `overflow` begins after so long; absent = after `maxWaitMs`. */
    noAgentsMs: durationMs(0, 14_400_000).optional(),
    /** After a call an agent has so long to finish the form. */
    wrapUpMs: durationMs(0, 3_600_000).default(30_000),
    /** So many calls missed in a row, and the agent is paused for `pauseMs`. */
    missesBeforePause: z.int().min(1).max(100).default(3),
    pauseMs: durationMs(1_000, 86_400_000).default(300_000),
    /** So long an agent is not rung again for a caller they missed, unless nobody else can be rung (then 5 s). */
    skipMs: durationMs(0, 3_600_000).default(60_000),
    overflow: z
      .array(overflowStepSchema)
      .max(10)
      .default([{ type: 'hang-up' }]),
    hours: openingHoursSchema.default({ timezone: 'Asia/Tokyo', open: [], closedDays: [] }),
    /**
     * Also of callers who overflow into this queue, counted from when their wait began. Of those whom a person moves or
     * hands to it the skills that the flow asked for count no more, the language does.
     */
    widening: z.array(wideningStepSchema).max(10).default([]),
  })
  .superRefine((queue, context) => {
    queue.overflow.forEach((step, index) => {
      const at = (message: string) => context.addIssue({ code: 'custom', message, path: ['overflow', index] });
      if (step.type === 'queue' && step.queueId === queue.queueId) at('a queue does not overflow into itself');
      const ends = step.type === 'message' || step.type === 'hang-up';
      if (ends && index < queue.overflow.length - 1) at('nothing can follow: the call has ended');
    });
    queue.widening.forEach((step, index) => {
      const before = queue.widening[index - 1];
      if (before && before.afterMs >= step.afterMs) {
        context.addIssue({
          code: 'custom',
          message: 'later than the step before',
          path: ['widening', index, 'afterMs'],
        });
      }
    });
  });
export type QueueSettings = z.infer<typeof queueSettingsSchema>;

/** Settings as they were stored. `announcements` had no effect and is gone: what callers are told is the flow's. */
export function storedQueueSettings(json: string): QueueSettings {
  const { announcements: _dropped, ...settings } = JSON.parse(json);
  return queueSettingsSchema.parse(settings);
}

/** Where queues' settings are kept. */
export interface QueueSettingsStore {
  /** Adds or replaces. */
  save(settings: QueueSettings): Promise<void>;
  find(queueId: string): Promise<QueueSettings | undefined>;
  /** By id. */
  list(): Promise<QueueSettings[]>;
  /** True when there was one. */
  remove(queueId: string): Promise<boolean>;
}

function isPhoneNumber(written: string): boolean {
  return tryNormalizePhoneNumber(written) !== undefined;
}
