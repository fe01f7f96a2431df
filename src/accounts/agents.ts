import { z } from 'zod';
import { accountIdSchema } from './accounts.ts';

/** A name of a queue or of a skill, as flows write it. */
export const wordSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens');

/** `ja`, `en`: ISO 639-1. */
export const languageSchema = z.string().regex(/^[a-z]{2}$/, 'two lower-case letters: ja, en');

/** What an agent can do and for whom. */
export const agentSettingsSchema = z.strictObject({
  /** The agent's `userId`. */
  agentId: z.string().min(1).max(80),
  /** Skill → level, 1 (a little) to 10 (expert). */
  skills: z
    .record(wordSchema, z.int().min(1).max(10))
    .refine((skills) => Object.keys(skills).length <= 50, 'at most 50 skills')
    .default({}),
  languages: z.array(languageSchema).min(1).max(10).default(['ja']),
  /** Queues served. */
  queues: z.array(wordSchema).max(100).default([]),
  /** Accounts that this agent may not serve. */
  refusedAccounts: z.array(accountIdSchema).max(1_000).default([]),
});
export type AgentSettings = z.infer<typeof agentSettingsSchema>;

/** An agent as the desk needs them. */
export const agentProfileSchema = agentSettingsSchema.extend({
  /** Of the user. */
  loginName: z.string(),
  displayName: z.string(),
  /** False: the user is disabled, and is offered nothing. */
  active: z.boolean(),
});
export type AgentProfile = z.infer<typeof agentProfileSchema>;

/** Where agents' settings are kept. */
export interface AgentSettingsStore {
  /** Adds or replaces. @throws DenwabanError `USER_UNKNOWN`. */
  save(settings: AgentSettings): Promise<void>;
  find(agentId: string): Promise<AgentProfile | undefined>;
  /** By login name; disabled ones too. */
  list(): Promise<AgentProfile[]>;
  /** True when there were settings. */
  remove(agentId: string): Promise<boolean>;
}
