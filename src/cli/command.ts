import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import type { AccountsStores, Transactions } from '../accounts/accounts-data.ts';
import type { Actor } from '../accounts/audit.ts';
import { type Change, makeChange } from '../accounts/change.ts';
import type { Passwords } from '../accounts/passwords.ts';
import type { User } from '../accounts/users.ts';
import type { AgentHistoryStore } from '../desk/agent-history.ts';
import type { FlowStore } from '../flow/flow-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import { notUtf8, readUtf8 } from '../kernel/utf8-text.ts';
import type { ChannelRecordStore, FactIndex, FactStore } from '../ledger/ledger.ts';
import type { RefusalIndex } from '../ledger/refusal-log.ts';
import type { OutboxStore } from '../outbox/outbox-store.ts';
import type { TargetGuard } from '../outbox/target-guard.ts';
import type { WebhookSecretStore } from '../outbox/webhook-secrets.ts';
import type { HouseParts } from '../web/house.ts';
import type { Phone } from './phone.ts';

/** Stores whose changes are on the audit record. */
export interface RecordedStores extends AccountsStores {
  flows: FlowStore;
  outbox: OutboxStore;
  webhookSecrets: WebhookSecretStore;
}

/** The stores, and changes to several of them as one. */
export interface CommandData extends RecordedStores, Transactions<RecordedStores> {
  agentHistory: AgentHistoryStore;
}

export interface CommandStores {
  data: CommandData;
  facts: FactStore & FactIndex & RefusalIndex;
  channels: ChannelRecordStore;
  outbox: OutboxStore;
  webhookSecrets: WebhookSecretStore;
}

/** What `main.ts` hands to the commands: everything that an adapter makes. */
export interface CommandContext {
  /** Opens the database of the settings for as long as `work` runs. */
  withStores<T>(work: (stores: CommandStores) => Promise<T>): Promise<T>;
  openPhone(uri: string): Promise<Phone & { folder: string }>;
  passwords: Passwords;
  clock: Clock;
  /** Where prompt files are looked for. */
  flowFolder: string;
  /** What flows and queues are checked against, by the settings. */
  house(): HouseParts;
  /** Whether there is a database to ask: looking makes none. */
  hasData(): boolean;
  phoneRealm: string;
  /** Where reports may be sent, by the settings. */
  targets(): TargetGuard;
  print(text: string): void;
  /** Sets the exit code. */
  done(code: number): void;
}

/** Adds a command, or a group of them. */
export type AddCommand = (program: Command, context: CommandContext) => void;

/** Whoever runs the program on this machine. */
export function commandLineActor(): Actor {
  return { kind: 'command-line', name: userInfo().username };
}

/** Changes something, on record as done by whoever runs the command. */
export function changeByCommand<T>(
  context: CommandContext,
  work: (change: Change<RecordedStores>) => Promise<T>,
): Promise<T> {
  return context.withStores(({ data }) => makeChange({ data, clock: context.clock }, commandLineActor(), work));
}

/** @throws DenwabanError `USER_UNKNOWN`. */
export async function userNamed({ users }: Pick<AccountsStores, 'users'>, loginName: string): Promise<User> {
  const user = await users.findByLoginName(loginName);
  if (user) return user;
  throw new DenwabanError('USER_UNKNOWN', `there is no user "${loginName}"`, { remedy: 'denwaban user list' });
}

/**
 * What a JSON file says (`-`: standard input).
 * @throws DenwabanError of this code that names every fault with its JSON path.
 */
export function readSettings<T>(file: string, schema: z.ZodType<T>, code: string): T {
  const read = schema.safeParse(readJson(file, code));
  return read.success ? read.data : refuseSettings(file, read.error.issues, code);
}

/** @throws DenwabanError of this code that names every fault with its JSON path. */
export function refuseSettings(
  file: string,
  faults: readonly { path: readonly PropertyKey[]; message: string; remedy?: string }[],
  code: string,
): never {
  const lines = faults.map(({ path, message, remedy }) =>
    [`$.${path.join('.')}: ${message}`, ...(remedy === undefined ? [] : [remedy])].join('. '),
  );
  throw new DenwabanError(code, `${file}:\n  ${lines.join('\n  ')}`, { remedy: 'Correct the places named' });
}

function readJson(file: string, code: string): unknown {
  try {
    return JSON.parse(readText(file === '-' ? 0 : file, code));
  } catch (error) {
    if (error instanceof DenwabanError) throw error;
    throw new DenwabanError(code, `${file} cannot be read: ${errorMessage(error)}`, {
      remedy: 'Name a file of valid JSON',
    });
  }
}

/** A file's text. @throws DenwabanError of this code where it is not UTF-8; what `readFileSync` throws. */
export function readText(file: string | number, code: string): string {
  const read = readUtf8(readFileSync(file));
  if (read.ok) return read.text;
  const { message, remedy } = notUtf8(read.encoding);
  throw new DenwabanError(code, `${file}: ${message.en} / ${message.ja}`, { remedy: `${remedy.en} / ${remedy.ja}` });
}

/** `a,b` → `['a', 'b']`. */
export function listOption(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean);
}

/** For options that are whole numbers. */
export function countOption(min: number, max: number) {
  return (text: string): number => {
    const count = Number(text);
    if (Number.isInteger(count) && count >= min && count <= max) return count;
    throw new InvalidArgumentError(`not a whole number from ${min} to ${max}`);
  };
}

/** Rows as a table for people. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))));
  return rows
    .map((row) =>
      row
        .map((text) => text.replace(/\s+/g, ' '))
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - columnsOf(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Columns a text takes on a terminal: CJK characters take two. */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += (character.codePointAt(0) ?? 0) >= 0x1100 ? 2 : 1;
  return columns;
}
