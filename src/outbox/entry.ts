import { z } from 'zod';
import { DenwabanError } from '../kernel/errors.ts';

/** What an entry is about. A receiver sees it as the `type` of a webhook. */
export const outboxKinds = ['report', 'voicemail', 'notice'] as const;
export type OutboxKind = (typeof outboxKinds)[number];

/** By which way an entry leaves the house. */
export const outboxChannels = ['mail', 'slack', 'webhook'] as const;
export type OutboxChannel = (typeof outboxChannels)[number];

/**
 * What is delivered, already in words: `text` is for people, `fields` for machines (a webhook's `data.fields`). Who
 * makes the entry renders it, in the reader's language. All of it may be personal data.
 */
export const outboxPayloadSchema = z.strictObject({
  subject: z.string().min(1).max(500),
  text: z.string().max(100_000),
  /** The same for mail readers that show HTML. */
  html: z.string().max(300_000).optional(),
  fields: z.record(z.string().max(100), z.json()).default({}),
  /** A recording that mail carries along, by what it is found by when the mail is sent. */
  attachment: z
    .strictObject({
      ...{ accountId: z.string().max(200), callId: z.string().max(200), recordingId: z.string().max(200) },
      fileName: z.string().regex(/^[\w.-]{1,100}$/),
    })
    .optional(),
});
export type OutboxAttachment = NonNullable<z.infer<typeof outboxPayloadSchema>['attachment']>;
export type OutboxPayload = z.infer<typeof outboxPayloadSchema>;

/** What is attached at most: mail servers commonly take 10 MB, and in mail it becomes a third more. */
export const maxAttachmentBytes = 5_242_880;

/** In bytes of JSON: what receivers of webhooks commonly take, with room. */
const maxPayloadBytes = 524_288;

/** What is to leave, as it is handed in. */
export const newOutboxEntrySchema = z.strictObject({
  /** Made by the sender, the same whenever this is handed in again; receivers tell repeats by it. */
  outboxId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'letters, digits, hyphens, dots and underscores'),
  /** Null: the provider's own. */
  accountId: z.string().min(1).nullable(),
  kind: z.enum(outboxKinds),
  channel: z.enum(outboxChannels),
  /** Mail address or URL. Personal data, and a Slack URL is a secret: never in a log message. */
  target: z.string().min(1).max(2_000),
  payload: outboxPayloadSchema.refine((payload) => Buffer.byteLength(JSON.stringify(payload)) <= maxPayloadBytes, {
    error: `more than ${maxPayloadBytes} bytes of JSON`,
  }),
  /** ms since the epoch. */
  createdAtMs: z.int().nonnegative(),
  /** Not before this time; `createdAtMs` where left out. */
  nextAttemptAtMs: z.int().nonnegative().optional(),
});
export type NewOutboxEntry = z.input<typeof newOutboxEntrySchema>;

export type OutboxState = 'pending' | 'delivered' | 'given-up';

/** An entry and how far it has come. Times are ms since the epoch. */
export interface OutboxEntry {
  readonly outboxId: string;
  readonly accountId: string | null;
  readonly kind: OutboxKind;
  readonly channel: OutboxChannel;
  readonly target: string;
  readonly payload: OutboxPayload;
  readonly createdAtMs: number;
  readonly state: OutboxState;
  /** When it is due. While a worker has it: when that worker's claim ends and it is due again. */
  readonly nextAttemptAtMs: number;
  /** Attempts begun so far, over all retries. */
  readonly attempts: number;
  /** Attempts that failed one after the other since it was added or retried by hand: what the pauses grow by. */
  readonly failures: number;
  /** Since when it has been tried: it was added, or retried by hand. Its age, for giving up, counts from here. */
  readonly sinceMs: number;
  /** When it was delivered or given up. */
  readonly endedAtMs: number | undefined;
  /** Why the latest attempt failed. May hold personal data. */
  readonly lastError: string | undefined;
}

/** `lost`: the worker died, or lost its claim, before it could say how the attempt ended. */
export type AttemptOutcome = 'started' | 'delivered' | 'failed' | 'refused' | 'lost';

/** One attempt, on record from its beginning. */
export interface OutboxAttempt {
  /** 1, 2, 3 … */
  readonly attempt: number;
  readonly atMs: number;
  readonly outcome: AttemptOutcome;
  /** HTTP status, or SMTP reply code. */
  readonly statusCode: number | undefined;
  /** May hold personal data. */
  readonly error: string | undefined;
  readonly durationMs: number | undefined;
}

/**
 * Checks an entry and fills in what was left out.
 * @throws DenwabanError `OUTBOX_ENTRY_INVALID` that names the fields, not what is in them.
 */
export function parseNewEntry(
  entry: NewOutboxEntry,
): z.output<typeof newOutboxEntrySchema> & { nextAttemptAtMs: number } {
  const parsed = newOutboxEntrySchema.safeParse(entry);
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw new DenwabanError('OUTBOX_ENTRY_INVALID', `this cannot be sent: ${faults}`);
  }
  return { ...parsed.data, nextAttemptAtMs: parsed.data.nextAttemptAtMs ?? parsed.data.createdAtMs };
}

/**
 * The lane of an entry: entries in one lane share the limit on deliveries at once, so that a slow target holds up
 * itself alone. A host for URLs; all mail goes through one mail server and is one lane.
 */
export function laneOf(channel: OutboxChannel, target: string): string {
  if (channel === 'mail') return 'mail';
  return URL.canParse(target) ? new URL(target).host.toLowerCase() : 'no-host';
}
