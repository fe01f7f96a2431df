import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { assignedNumberSchema, type WrittenAccount, writtenAccountSchema } from '../accounts/accounts.ts';
import type { Actor } from '../accounts/audit.ts';
import { type AccountCard, cardSchema, type WrittenRules, writtenRulesSchema } from '../accounts/cards.ts';
import type { Change } from '../accounts/change.ts';
import { saveAccount, saveCard, saveCardRules } from '../accounts/manage-accounts.ts';
import type { Passwords } from '../accounts/passwords.ts';
import { faultLine } from '../flow/fault.ts';
import type { Flow } from '../flow/flow.ts';
import { checkFlowFile } from '../flow/house.ts';
import type { Clock } from '../kernel/clock.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import { notUtf8, readUtf8 } from '../kernel/utf8-text.ts';
import type { TargetGuard } from '../outbox/target-guard.ts';
import { assignCheckedNumber } from '../web/assign-number.ts';
import { cardTargetFaults } from '../web/card-targets.ts';
import { type HouseParts, houseOf, knownFacts, queueFaults } from '../web/house.ts';
import { publishFlow } from '../web/publish-flow.ts';
import { type AddCommand, type CommandData, commandLineActor, type RecordedStores } from './command.ts';
import { type DeskFile, deskFileSchema, loadDesk, type NewSecrets, passwordsFor, secretsAsText } from './load-desk.ts';

/** `account.json` of a folder: one account, the numbers that ring its flows, its card and the provider's rules for it. */
const accountFileSchema = z.strictObject({
  account: writtenAccountSchema,
  numbers: z
    .array(assignedNumberSchema.omit({ accountId: true }))
    .max(1_000)
    .default([]),
  /** As in the API, without `accountId`. */
  card: z.record(z.string(), z.unknown()).optional(),
  rules: writtenRulesSchema.optional(),
});

export interface LoadedFolder extends NewSecrets {
  accountId: string;
  flows: { flowId: string; version: number }[];
  numbers: { number: string; flowId: string }[];
}

export interface LoadOptions {
  folder: string;
  house: HouseParts;
  data: CommandData;
  passwords: Passwords;
  clock: Clock;
  actor: Actor;
  phoneRealm: string;
  /** Where reports may be sent. */
  targets: TargetGuard;
  /** Numbers of the file that are another account's are taken from it. */
  moveNumbers?: boolean;
}

/**
 * Loads a folder (`account.json`, one JSON file per flow, and `desk.json` where there is one) into the stores, all of
 * it or nothing. Flows that have not changed keep their version; users that are there keep their passwords, and what the
 * provider has decided of the account stays where the file does not name it.
 * @throws DenwabanError `LOAD_INVALID` that lists every fault with file and JSON path.
 */
export async function loadFolder(options: LoadOptions): Promise<LoadedFolder> {
  const { data, clock, actor } = options;
  const contents = await readFolder(options);
  const given = await passwordsFor(contents.desk, data.users, options.passwords);
  return data.inTransaction(async (stores) => {
    const change: Change<RecordedStores> = { stores, actor, atMs: clock.nowMs() };
    const { account, card, rules, numbers } = contents;
    const { accountId } = account;
    await saveAccount(change, account);
    if (card) await saveCard(change, card);
    if (rules) await saveCardRules(change, accountId, rules);
    const flows: LoadedFolder['flows'] = [];
    for (const flow of contents.definitions.values()) flows.push(await publishFlow(change, accountId, flow));
    const moving = { move: options.moveNumbers ?? false, moveRemedy: 'Add --move to take it from there' };
    for (const entry of numbers) await assignCheckedNumber(change, { ...entry, accountId }, moving);
    const secrets = await loadDesk(change, contents.desk, given, options.phoneRealm);
    return { accountId, flows, numbers, ...secrets };
  });
}

/** `denwaban load`. */
export const addLoadCommand: AddCommand = (program, context) => {
  program
    .command('load <folder>')
    .description(
      'check and load an account, its numbers, card and flows, and the desk (account.json, flows, desk.json)',
    )
    .option('--move', 'also numbers that are another account’s now')
    .action(async (folder: string, { move = false }: { move?: boolean }) => {
      const { passwords, clock, phoneRealm, print } = context;
      const loaded = await context.withStores(({ data }) =>
        loadFolder({
          folder: resolve(folder),
          house: context.house(),
          moveNumbers: move,
          data,
          passwords,
          clock,
          actor: commandLineActor(),
          phoneRealm,
          targets: context.targets(),
        }),
      );
      for (const { flowId, version } of loaded.flows) print(`flow ${flowId} version ${version}`);
      for (const { number, flowId } of loaded.numbers) print(`number ${number} → ${flowId}`);
      for (const text of secretsAsText(loaded)) print(text);
    });
};

interface FolderContents {
  account: WrittenAccount;
  card: AccountCard | undefined;
  rules: WrittenRules | undefined;
  desk: DeskFile;
  definitions: Map<string, Flow>;
  numbers: LoadedFolder['numbers'];
}

const noFlows = new Set(['account.json', 'desk.json']);

async function readFolder({ folder, house, data, targets }: LoadOptions): Promise<FolderContents> {
  const faults: string[] = [];
  const files = readNames(folder);
  const read = readFile(folder, 'account.json', accountFileSchema, faults);
  const desk = files.includes('desk.json')
    ? readFile(folder, 'desk.json', deskFileSchema, faults)
    : deskFileSchema.parse({});
  const known = await knownFacts(data);
  const queues = [...(known.queues ?? []), ...(desk?.queues ?? []).map(({ queueId }) => queueId)];
  // Where the file that names them can't be read, they are not known.
  const facts = { ...(desk ? { queues } : {}), ...(read ? { outbound: read.account.outbound } : {}) };
  const definitions = new Map<string, Flow>();
  for (const file of files) {
    if (!file.endsWith('.json') || noFlows.has(file)) continue;
    const checked = await checkFlowFile(readBytes(join(folder, file)), houseOf(house, facts));
    if (checked.ok) definitions.set(checked.flow.flowId, checked.flow);
    else faults.push(...checked.faults.map((fault) => `${file} ${faultLine(fault)}`));
  }
  for (const [index, queue] of (desk?.queues ?? []).entries()) {
    for (const { path, message, remedy } of await queueFaults(house, queue)) {
      faults.push(line(['desk.json $', 'queues', index, ...path].join('.'), message, remedy));
    }
  }
  const card = read?.card
    ? readPart({ accountId: read.account.accountId, ...read.card }, 'account.json $.card', cardSchema, faults)
    : undefined;
  for (const { path, message, remedy } of card ? cardTargetFaults(targets, card) : []) {
    faults.push(line(['account.json $.card', ...path].join('.'), message, remedy));
  }
  for (const { number, flowId } of read?.numbers ?? []) {
    if (definitions.has(flowId)) continue;
    faults.push(
      line('account.json', `${number} names the flow "${flowId}", which no flow file without faults defines here`),
    );
  }
  if (!read || !desk || faults.length > 0) {
    throw new DenwabanError('LOAD_INVALID', `nothing was loaded from ${folder}:\n  ${faults.join('\n  ')}`, {
      remedy: 'Correct the places named and load again',
    });
  }
  const numbers = read.numbers.map(({ number, flowId }) => ({ number: normalizePhoneNumber(number), flowId }));
  return { account: read.account, card, rules: read.rules, desk, definitions, numbers };
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw new DenwabanError('LOAD_INVALID', `${folder} cannot be read: ${errorMessage(error)}`, {
      remedy: 'Name a folder that holds account.json and one JSON file per flow',
    });
  }
}

function readFile<T>(folder: string, file: string, schema: z.ZodType<T>, faults: string[]): T | undefined {
  return readPart(readJson(join(folder, file)), `${file} $`, schema, faults);
}

function readPart<T>(value: unknown, place: string, schema: z.ZodType<T>, faults: string[]): T | undefined {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  faults.push(...read.error.issues.map(({ path, message }) => line([place, ...path].join('.'), message)));
  return undefined;
}

function line(place: string, message: string, remedy?: string): string {
  return `${place}: ${message}${remedy ? `. ${remedy}` : ''}`;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof DenwabanError) throw error;
    throw new DenwabanError('LOAD_INVALID', `${file}: ${errorMessage(error)}`, { remedy: 'Write valid JSON' });
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new DenwabanError('LOAD_INVALID', `${file} cannot be read: ${errorMessage(error)}`, {
      remedy: 'A folder to load holds account.json and one JSON file per flow',
    });
  }
}

function readText(file: string): string {
  const read = readUtf8(readBytes(file));
  if (read.ok) return read.text;
  const { message, remedy } = notUtf8(read.encoding);
  throw new DenwabanError('LOAD_INVALID', `${file}: ${message.en} / ${message.ja}`, {
    remedy: `${remedy.en} / ${remedy.ja}`,
  });
}
