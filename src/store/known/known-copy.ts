import { z } from 'zod';
import { accountSchema, assignedNumberSchema } from '../../accounts/accounts.ts';
import { agentProfileSchema } from '../../accounts/agents.ts';
import { cardSchema } from '../../accounts/cards.ts';
import { phoneSchema } from '../../accounts/phone-credentials.ts';
import { queueSettingsSchema } from '../../accounts/queues.ts';

const flowSchema = z.strictObject({
  flowId: z.string(),
  accountId: z.string(),
  version: z.int().positive(),
  publishedAtMs: z.int(),
  definition: z.unknown(),
  /** Of a version that is not the newest any more: since when. Calls may still run on it. */
  supersededAtMs: z.int().optional(),
});

const phoneHashesSchema = phoneSchema.extend({ ha1Md5: z.string(), ha1Sha256: z.string() });

/** All that calls need of the database. */
export const knownSettingsSchema = z.strictObject({
  numbers: z.array(assignedNumberSchema),
  accounts: z.array(accountSchema),
  flows: z.array(flowSchema),
  cards: z.array(cardSchema),
  queues: z.array(queueSettingsSchema),
  agents: z.array(agentProfileSchema),
  /** With what phones prove who they are: only those whose owners may register. */
  phones: z.array(phoneHashesSchema),
});
export type KnownSettings = z.infer<typeof knownSettingsSchema>;
export type KnownFlow = z.infer<typeof flowSchema>;

/** The settings, and when they were read from the database (ms since the epoch). */
export interface KnownCopy {
  readAtMs: number;
  settings: KnownSettings;
}

/** Reads all of it from the database. What has not changed since the last time is the same object as then. */
export interface SettingsSource {
  read(): Promise<KnownSettings>;
}
