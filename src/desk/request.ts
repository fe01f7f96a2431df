import { z } from 'zod';
import { accountIdSchema } from '../accounts/accounts.ts';
import { languageSchema, wordSchema } from '../accounts/agents.ts';

const maxLearnedCharacters = 8_000;

/** A caller whom the call room wants served by people. */
export const deskRequestSchema = z.strictObject({
  callId: z
    .string()
    .max(128)
    .regex(/^[\w.@-]+$/),
  account: z.strictObject({ accountId: accountIdSchema, name: z.string().max(200), reading: z.string().max(200) }),
  /** As the line gives it; absent = withheld. */
  callerNumber: z.string().max(80).optional(),
  queueId: wordSchema,
  /** 9 first, 0 last. */
  priority: z.int().min(0).max(9).default(5),
  /** What the agent must have; the queue's widening steps ask for less with time. */
  skills: z
    .array(z.strictObject({ name: wordSchema, minLevel: z.int().min(1).max(10) }))
    .max(20)
    .default([]),
  /** Absent = any. */
  language: languageSchema.optional(),
  /** Where the caller can be called back, with the account's number that is shown there; absent = nowhere. */
  callBack: z.strictObject({ toNumber: z.string().min(1).max(80), fromNumber: z.string().max(80) }).optional(),
  /** Instead of the queue's; 0 = for ever. */
  maxWaitMs: z.int().min(0).max(14_400_000).optional(),
  /** When the caller began to wait, ms since the epoch, for one who waited elsewhere before. */
  enqueuedAtMs: z.int().optional(),
  /** What the flow learned, for the agent's page. */
  learned: z
    .record(z.string(), z.json())
    .default({})
    .refine((value) => JSON.stringify(value).length <= maxLearnedCharacters, 'at most 8,000 characters of JSON'),
});
/** As given, with defaults left out. */
export type DeskRequestInput = z.input<typeof deskRequestSchema>;
export type DeskRequest = z.infer<typeof deskRequestSchema>;
