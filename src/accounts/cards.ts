import { z } from 'zod';
import { isMailbox } from '../kernel/mailbox.ts';
import { timeWindow } from '../kernel/time-window.ts';
import { accountIdSchema } from './accounts.ts';
import { wordSchema } from './agents.ts';
import { openingHoursSchema } from './opening-hours.ts';
import { diallableNumberSchema, spokenTextSchema } from './queues.ts';

const line = z.string().min(1).max(200);
const paragraph = z.string().max(4_000);
const reading = z.string().max(200).default('');

/** What an intake can end in (service-rules.md, Calls 4 to 7). */
export const intakeOutcomes = [
  'message',
  'put-through',
  'direct-transfer-request',
  'complaint',
  'sales-call',
  'wrong-number',
  'other',
] as const;
export const urgencies = ['normal', 'urgent'] as const;

/** One mailbox, also of a form that few programs take: `a/b@`, `"a b"@`, `a..b@` of old carriers. */
const mailboxSchema = z.string().max(254).refine(isMailbox, 'the address of one mailbox, such as office@example.com');

/** Where reports can go. A Slack URL is a secret and never shown again: {@link maskCard}. */
export const destinationSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('mail'), destinationId: wordSchema, address: mailboxSchema }),
  z.strictObject({
    type: z.literal('slack'),
    destinationId: wordSchema,
    webhookUrl: z.url({ protocol: /^https?$/ }).max(2_000),
  }),
  /** Signed with the account's webhook secret, which the outbox keeps. */
  z.strictObject({
    type: z.literal('webhook'),
    destinationId: wordSchema,
    url: z.url({ protocol: /^https?$/ }).max(2_000),
  }),
]);
export type Destination = z.infer<typeof destinationSchema>;

/** The address that reports are sent to, and the field of the destination in which it stands. */
export function targetOf(destination: Destination): { field: string; target: string } {
  switch (destination.type) {
    case 'mail':
      return { field: 'address', target: destination.address };
    case 'slack':
      return { field: 'webhookUrl', target: destination.webhookUrl };
    case 'webhook':
      return { field: 'url', target: destination.url };
  }
}

/**
 * Which reports go where: all conditions that are given must hold, as far as the case says. Every rule that fits sends.
 */
export const reportRuleSchema = z.strictObject({
  outcomes: z.array(z.enum(intakeOutcomes)).min(1).max(10).optional(),
  urgencies: z.array(z.enum(urgencies)).min(1).max(2).optional(),
  /** `personId` of whom the caller wanted. */
  forPersons: z.array(wordSchema).min(1).max(100).optional(),
  /** At this time of the call, in the time zone of the card's hours. */
  when: timeWindow.optional(),
  /** `destinationId`s. */
  send: z.array(wordSchema).min(1).max(20),
});
export type ReportRule = z.infer<typeof reportRuleSchema>;

/** Somebody at the account whom callers ask for. */
export const personSchema = z.strictObject({
  personId: wordSchema,
  name: line,
  reading,
  /** Department, position. */
  title: z.string().max(200).default(''),
  /** May be put through: to this number. Without it the agent takes a message. */
  number: diallableNumberSchema.optional(),
  note: z.string().max(1_000).default(''),
});

const cardFields = z.strictObject({
  accountId: accountIdSchema,
  /** The name that agents announce, with its reading (ふりがな). */
  announceName: line,
  announceReading: reading,
  /** Names under which callers know the account. */
  aliases: z
    .array(z.strictObject({ name: line, reading }))
    .max(50)
    .default([]),
  /** What agents say first. */
  greeting: spokenTextSchema.optional(),
  /** What agents may answer by themselves. */
  answers: z
    .strictObject({
      address: paragraph.default(''),
      directions: paragraph.default(''),
      hours: openingHoursSchema.optional(),
      hoursText: paragraph.default(''),
      holidays: z
        .array(z.strictObject({ from: z.iso.date(), to: z.iso.date(), note: z.string().max(200).default('') }))
        .max(100)
        .default([]),
      /** Whom callers mean who have the wrong number: "the clinic next door is 03-…". */
      wrongNumbers: z
        .array(z.strictObject({ wanted: line, number: z.string().max(40).default('') }))
        .max(50)
        .default([]),
      more: z
        .array(z.strictObject({ question: line, answer: paragraph }))
        .max(100)
        .default([]),
    })
    .default({ address: '', directions: '', hoursText: '', holidays: [], wrongNumbers: [], more: [] }),
  persons: z.array(personSchema).max(200).default([]),
  notes: paragraph.default(''),
  /** Told to a caller only after so many requests to be put straight through (service-rules.md, Calls 5). */
  emergency: z.strictObject({ number: diallableNumberSchema, afterRequests: z.int().min(1).max(100) }).optional(),
  /** Whether calls with agents are recorded, and callers told so. */
  recording: z.strictObject({ record: z.boolean(), announce: z.boolean() }).default({ record: false, announce: true }),
  destinations: z.array(destinationSchema).max(50).default([]),
  reports: z.array(reportRuleSchema).max(100).default([]),
});

/** An account's card, as its own people write it. */
export const cardSchema = cardFields.superRefine((card, context) => {
  const fault = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message });
  for (const [path, ids] of [
    ['persons', card.persons.map(({ personId }) => personId)],
    ['destinations', card.destinations.map(({ destinationId }) => destinationId)],
  ] as const) {
    ids.forEach((id, index) => {
      if (ids.indexOf(id) !== index) fault([path, index], `a second "${id}"`);
    });
  }
  card.reports.forEach(({ send, forPersons = [] }, index) => {
    const destinations = new Set(card.destinations.map(({ destinationId }) => destinationId));
    const persons = new Set(card.persons.map(({ personId }) => personId));
    for (const id of send) if (!destinations.has(id)) fault(['reports', index, 'send'], `no destination "${id}"`);
    for (const id of forPersons) if (!persons.has(id)) fault(['reports', index, 'forPersons'], `no person "${id}"`);
  });
});
export type AccountCard = z.infer<typeof cardSchema>;

/**
 * What agents see of a card when they answer for the account. Not the emergency number: it appears only when it may be
 * told.
 */
export const deskCardSchema = cardFields.omit({ emergency: true, destinations: true, reports: true });
export type DeskCard = z.infer<typeof deskCardSchema>;

/** The card for agents. */
export function deskCard({ emergency: _, destinations: _d, reports: _r, ...card }: AccountCard): DeskCard {
  return card;
}

/** What the provider sets for an account, not the account itself. */
export const cardRulesSchema = z.strictObject({
  /** So many complaints, and operators are warned (service-rules.md, Calls 6). */
  complaintsBeforeWarning: z.int().min(1).max(1_000).default(3),
  /** Complaints reported before this time (ms since the epoch) do not count any more. */
  complaintsSinceMs: z.int().min(0).default(0),
  /** What follows the warning: an operator confirms the suspension, or the account's plan says that it is automatic. */
  suspension: z.enum(['operator-confirms', 'automatic']).default('operator-confirms'),
});
export type CardRules = z.infer<typeof cardRulesSchema>;

/** Rules as people write them: from when complaints count stays where it is not named. */
export const writtenRulesSchema = cardRulesSchema.extend({
  complaintsSinceMs: cardRulesSchema.shape.complaintsSinceMs.unwrap().optional().meta({
    description: 'complaints reported before this time (ms since the epoch) do not count. Left out: as it is',
  }),
});
export type WrittenRules = z.infer<typeof writtenRulesSchema>;

/** Where cards are kept. */
export interface CardStore {
  /** Adds or replaces. @throws DenwabanError `ACCOUNT_UNKNOWN`. */
  save(card: AccountCard): Promise<void>;
  find(accountId: string): Promise<AccountCard | undefined>;
  /** The provider's rules for the account; the defaults where none are set. */
  rules(accountId: string): Promise<CardRules>;
  /** @throws DenwabanError `ACCOUNT_UNKNOWN`. */
  saveRules(accountId: string, rules: CardRules): Promise<void>;
}

/** Stands for a secret that is kept. */
export const keptSecret = '•••';

/** The card without its secrets. */
export function maskCard(card: AccountCard): AccountCard {
  return { ...card, destinations: card.destinations.map(maskDestination) };
}

/**
 * A card that was read masked, changed and is to be saved: what is still masked is as in the saved card. Gives the
 * ids of destinations whose secret is not known, where there are such.
 */
export function unmaskCard(
  card: AccountCard,
  saved: AccountCard | undefined,
): { card: AccountCard; missing: string[] } {
  const missing: string[] = [];
  const destinations = card.destinations.map((destination): Destination => {
    if (destination.type !== 'slack' || !decodeURI(destination.webhookUrl).includes(keptSecret)) return destination;
    const kept = saved?.destinations.find(
      (old) => old.destinationId === destination.destinationId && isSame(maskDestination(old), destination),
    );
    if (!kept) missing.push(destination.destinationId);
    return kept ?? destination;
  });
  return { card: { ...card, destinations }, missing };
}

function maskDestination(destination: Destination): Destination {
  if (destination.type !== 'slack') return destination;
  return { ...destination, webhookUrl: `${new URL(destination.webhookUrl).origin}/${keptSecret}` };
}

function isSame(masked: Destination, written: Destination): boolean {
  return masked.type === 'slack' && written.type === 'slack' && masked.webhookUrl === decodeURI(written.webhookUrl);
}
