import type { Role } from './users.ts';

/** Who does something: a user, whoever runs `scripts/denwaban` on the machine, or the program itself. */
export interface Actor {
  kind: 'user' | 'command-line' | 'program';
  userId?: string;
  role?: Role;
  /** The login name (of the machine's user on the command line). */
  name: string;
  /** Network address, where it came over the network. */
  address?: string;
}

/** What is done to. */
export interface AuditSubject {
  kind:
    | 'user'
    | 'session'
    | 'agent'
    | 'queue'
    | 'account'
    | 'number'
    | 'card'
    | 'phone'
    | 'flow'
    | 'call'
    | 'case'
    | 'delivery';
  id: string;
  /** The account it belongs to, where it does: that account's users may see the entry. */
  accountId?: string;
}

/** One thing that was done, as it is put on record. */
export interface AuditEntry {
  atMs: number;
  actor: Actor;
  /** `user.create`, `queue.update`, … */
  action: string;
  subject: AuditSubject;
  /** What was there before and after; only what differs, and no secrets ({@link auditChange}). */
  before?: unknown;
  after?: unknown;
}

/** As it stands on record; `seq` grows. */
export type AuditRecord = AuditEntry & { seq: number };

/** The audit record. It is only ever added to: the database itself refuses change and removal. */
export interface AuditStore {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first, of one account where given; `beforeSeq` for the next page. */
  list(options: { limit: number; beforeSeq?: number; accountId?: string }): Promise<AuditRecord[]>;
}

/** Fields whose values never stand on the record. Not a list of names of today's fields alone: a net below them. */
const secret = /password|secret|token|hash|^ha1|webhookUrl|slackUrl/i;
const harmless = new Set(['passwordTemporary']);

/** What differs between two states of a thing, for an entry's `before` and `after`, secrets masked. */
export function auditChange(before: unknown, after: unknown): { before?: unknown; after?: unknown } {
  if (!isRecord(before) || !isRecord(after)) {
    return {
      ...(before === undefined ? {} : { before: maskSecrets(before) }),
      ...(after === undefined ? {} : { after: maskSecrets(after) }),
    };
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...keys].filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  const pick = (from: Record<string, unknown>) =>
    maskSecrets(Object.fromEntries(changed.filter((key) => key in from).map((key) => [key, from[key]])));
  return { before: pick(before), after: pick(after) };
}

/** The value with everything secret in it replaced by `•••`. */
export function maskSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskSecrets);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      secret.test(key) && !harmless.has(key) && inner !== undefined ? '•••' : maskSecrets(inner),
    ]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
