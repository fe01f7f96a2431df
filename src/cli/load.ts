import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Account, type AccountStore, accountSchema, assignedNumberSchema } from '../accounts/accounts.ts';
import { checkFlowText } from '../flow/checker.ts';
import type { FlowStore } from '../flow/flow-store.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';

/** `account.json` of a folder: one account and the numbers that ring its flows. */
const accountFileSchema = z.strictObject({
  account: accountSchema,
  numbers: z
    .array(assignedNumberSchema.omit({ accountId: true }))
    .max(1_000)
    .default([]),
});

export interface LoadedFolder {
  accountId: string;
  flows: { flowId: string; version: number }[];
  numbers: { number: string; flowId: string }[];
}

/**
 * Loads a folder (`account.json` and one JSON file per flow) into the stores. Everything is checked before anything is
 * written, so a fault leaves the stores as they were. Flows that have not changed keep their version.
 * `flowFolder` is where prompt files are looked for.
 * @throws DenwabanError `LOAD_INVALID` that lists every fault with file and JSON path.
 */
export async function loadFolder(options: {
  folder: string;
  flowFolder: string;
  accounts: AccountStore;
  flows: FlowStore;
  atMs: number;
}): Promise<LoadedFolder> {
  const { account, definitions, numbers } = readFolder(options.folder, options.flowFolder);
  await options.accounts.saveAccount(account);
  const { accountId } = account;
  const loaded: LoadedFolder = { accountId, flows: [], numbers };
  for (const [flowId, definition] of definitions) {
    const { version } = await options.flows.publish({ flowId, accountId, definition, atMs: options.atMs });
    loaded.flows.push({ flowId, version });
  }
  for (const entry of numbers) await options.accounts.assignNumber({ ...entry, accountId });
  return loaded;
}

interface FolderContents {
  account: Account;
  definitions: Map<string, unknown>;
  numbers: LoadedFolder['numbers'];
}

function readFolder(folder: string, flowFolder: string): FolderContents {
  const faults: string[] = [];
  const definitions = new Map<string, unknown>();
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.json') || file === 'account.json') continue;
    const checked = checkFlowText(readText(join(folder, file)), {
      fileExists: (path) => existsSync(join(flowFolder, path)),
    });
    if (checked.ok) definitions.set(checked.flow.flowId, checked.flow);
    else faults.push(...checked.faults.map(({ path, message, remedy }) => line(`${file} ${path}`, message, remedy)));
  }
  const read = accountFileSchema.safeParse(readJson(join(folder, 'account.json')));
  if (!read.success) {
    faults.push(...read.error.issues.map((issue) => line(`account.json $.${issue.path.join('.')}`, issue.message)));
  }
  for (const { number, flowId } of read.data?.numbers ?? []) {
    if (definitions.has(flowId)) continue;
    faults.push(line('account.json', `${number} names the flow "${flowId}", which no sound file here defines`));
  }
  if (!read.success || faults.length > 0) {
    throw new DenwabanError('LOAD_INVALID', `nothing was loaded from ${folder}:\n  ${faults.join('\n  ')}`, {
      remedy: 'Correct the places named and load again',
    });
  }
  const numbers = read.data.numbers.map(({ number, flowId }) => ({ number: normalizePhoneNumber(number), flowId }));
  return { account: read.data.account, definitions, numbers };
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

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DenwabanError('LOAD_INVALID', `${file} cannot be read: ${errorMessage(error)}`, {
      remedy: 'A folder to load holds account.json and one JSON file per flow',
    });
  }
}
