import { z } from 'zod';
import { isNumberPrefix } from '../kernel/phone-number.ts';

/** Whether the provider serves the account at all (service-rules.md, Contracts): otherwise every call is refused. */
export const accountStatuses = ['active', 'suspended', 'ended'] as const;

/** Whether people answer for the account (service-rules.md, Calls 6). Suspended: its flows go on without them. */
export const answeringServices = ['active', 'suspended'] as const;
export type AnsweringService = (typeof answeringServices)[number];

/** Which numbers an account's flows may dial. Emergency numbers are never dialled, whatever stands here. */
export const outboundRulesSchema = z.strictObject({
  /**
   * Prefixes, in any spelling (`03`, `+8190`, an extension), that may be dialled; empty = none. `*` = any ordinary
   * number: 1XY, 0570, satellites and other countries must be named.
   */
  allow: z.array(z.string().min(1)).max(200).default([]),
  /** Prefixes that may not, although allowed above. */
  deny: z.array(z.string().min(1)).max(200).default([]),
});
export type OutboundRules = z.infer<typeof outboundRulesSchema>;

export const accountIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'lower-case letters, digits and hyphens');

/** A business that buys the service (契約者). */
export const accountSchema = z.strictObject({
  accountId: accountIdSchema,
  /** The name announced to callers. */
  name: z.string().min(1).max(200),
  /** Its reading in kana. */
  nameReading: z.string().max(200).default(''),
  status: z.enum(accountStatuses).default('active'),
  answeringService: z.enum(answeringServices).default('active'),
  language: z
    .string()
    .regex(/^[a-z]{2}$/)
    .default('ja'),
  outbound: outboundRulesSchema.default({ allow: [], deny: [] }),
});
export type Account = z.infer<typeof accountSchema>;

const prefixSchema = z
  .string()
  .min(1)
  .refine((prefix) => isNumberPrefix(prefix), 'the beginning of a number, without a sign for the rest: 03, +8190, *');

/** An account as people write it: what the provider has decided of it stays where it is not named. */
export const writtenAccountSchema = accountSchema.extend({
  status: z.enum(accountStatuses).optional().meta({ description: 'left out: as it is, `active` for a new account' }),
  answeringService: z.enum(answeringServices).optional().meta({
    description: 'whether people answer; suspended: an `escalate` of its flows leaves by `closed`. Left out: as it is',
  }),
  outbound: outboundRulesSchema
    .extend({
      allow: z.array(prefixSchema).max(200).default([]),
      deny: z.array(prefixSchema).max(200).default([]),
    })
    .default({ allow: [], deny: [] }),
});
export type WrittenAccount = z.infer<typeof writtenAccountSchema>;

/** A number that the provider gives to an account; the number dialled picks the account and its flow. */
export const assignedNumberSchema = z.strictObject({
  number: z.string().min(1).max(40),
  accountId: z.string(),
  flowId: z.string(),
});
export type AssignedNumber = z.infer<typeof assignedNumberSchema>;

/** Where accounts and their numbers are kept. Numbers are compared in normalised form. */
export interface AccountStore {
  saveAccount(account: Account): Promise<void>;
  findAccount(accountId: string): Promise<Account | undefined>;
  listAccounts(): Promise<Account[]>;
  /** Gives the number to an account, or moves it. */
  assignNumber(number: AssignedNumber): Promise<void>;
  findNumber(number: string): Promise<AssignedNumber | undefined>;
  listNumbers(accountId?: string): Promise<AssignedNumber[]>;
  /** Takes the number away from its account. True when it was somebody's. */
  releaseNumber(number: string): Promise<boolean>;
}
