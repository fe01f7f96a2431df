import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { writtenAccountSchema } from '../accounts/accounts.ts';
import { faultLine } from '../flow/fault.ts';
import type { Flow } from '../flow/flow.ts';
import { checkFlowFile, type House } from '../flow/house.ts';
import { callScriptSchema, differences, promptDurations, type SimulatedCall, simulate } from '../flow/simulator.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import { houseOf, type KnownFacts, knownFacts } from '../web/house.ts';
import { knownAccount } from './accounts.ts';
import type { AddCommand, CommandContext } from './command.ts';

/**
 * Reads and checks one flow file by what the house has; what is not known is not checked.
 * @throws DenwabanError `FLOW_INVALID` that names every fault with its JSON path.
 */
export async function readFlow(file: string, house: House): Promise<Flow> {
  const checked = await checkFlowFile(readBytes(file), house);
  if (checked.ok) return checked.flow;
  const faults = checked.faults.map(faultLine);
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  throw new DenwabanError('FLOW_INVALID', `${file} has ${count}:\n  ${faults.join('\n  ')}`, {
    remedy: 'Correct the places named; flows/REFERENCE.md describes every node type',
  });
}

export interface Simulation {
  call: SimulatedCall;
  /** How the call differs from what the script expects; empty = as expected. */
  differences: string[];
}

/**
 * Runs a flow by a call script (flows/README.md) without a telephone and without waiting.
 * @throws DenwabanError `FLOW_INVALID`, `SCRIPT_INVALID`.
 */
export async function runSimulation(options: {
  flowFile: string;
  scriptFile: string;
  flowFolder: string;
  house: House;
}): Promise<Simulation> {
  const flow = await readFlow(options.flowFile, options.house);
  const script = callScriptSchema.safeParse(parseJson(options.scriptFile));
  if (!script.success) {
    const faults = script.error.issues.map((issue) => `$.${issue.path.join('.')}: ${issue.message}`);
    throw new DenwabanError('SCRIPT_INVALID', `${options.scriptFile}:\n  ${faults.join('\n  ')}`, {
      remedy: 'flows/README.md describes call scripts',
    });
  }
  const call = simulate(flow, script.data, promptDurations(options.flowFolder));
  return { call, differences: differences(script.data.expect, call) };
}

/** The simulated call for people: a line for each thing that happened, with its time. */
export function simulationAsText({ call, differences: unlike }: Simulation): string {
  const lines = call.transcript.map(({ atMs, ...entry }) => {
    const { type, ...rest } = entry;
    const about = Object.entries(rest).map(
      ([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`,
    );
    return `${(atMs / 1000).toFixed(2).padStart(8)} s  ${type.padEnd(10)} ${about.join(' ')}`;
  });
  const verdict =
    unlike.length === 0 ? 'as expected' : `differs from what the script expects:\n  ${unlike.join('\n  ')}`;
  return [...lines, `outcome: ${call.outcome}; ${verdict}`].join('\n');
}

function parseJson(file: string): unknown {
  try {
    return JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof DenwabanError) throw error;
    throw new DenwabanError('SCRIPT_INVALID', `${file}: ${errorMessage(error)}`, { remedy: 'Write valid JSON' });
  }
}

function readText(file: string): string {
  return Buffer.from(readBytes(file)).toString('utf8');
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new DenwabanError('FILE_UNREADABLE', `${file} cannot be read: ${errorMessage(error)}`, {
      remedy: 'Name a file that exists and may be read',
    });
  }
}

/** What is known of the account and its queues: from the folder the flow lies in, and from the database where there is one. */
async function factsFor(context: CommandContext, file: string, accountId: string | undefined): Promise<KnownFacts> {
  const folder = dirname(file);
  const flow = partOf(file, z.looseObject({ flowId: z.string() }));
  const account = partOf(join(folder, 'account.json'), z.looseObject({ account: writtenAccountSchema }));
  const desk = partOf(
    join(folder, 'desk.json'),
    z.looseObject({ queues: z.array(z.looseObject({ queueId: z.string() })) }),
  );
  const stored = context.hasData()
    ? await context.withStores(async ({ data }) => {
        const owner = accountId ?? (flow ? (await data.flows.findFlow(flow.flowId))?.accountId : undefined);
        if (accountId !== undefined) await knownAccount(data.accounts, accountId);
        return knownFacts(data, owner);
      })
    : undefined;
  const queues = [...(stored?.queues ?? []), ...(desk?.queues ?? []).map(({ queueId }) => queueId)];
  const outbound = accountId === undefined ? (account?.account.outbound ?? stored?.outbound) : stored?.outbound;
  return { ...(stored || desk ? { queues } : {}), ...(outbound ? { outbound } : {}) };
}

/** A JSON file that may be there, as far as it is right: what is wrong with it is for others to tell. */
function partOf<T>(file: string, schema: z.ZodType<T>): T | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return schema.safeParse(JSON.parse(readText(file))).data;
  } catch {
    return undefined;
  }
}

/** `denwaban check` and `denwaban simulate`: flows without a phone. */
export const addFlowCommands: AddCommand = (program, context) => {
  const { flowFolder, print, done } = context;
  program
    .command('check <flow-files...>')
    .description('check flow files without loading them')
    .option('--account <id>', 'by what this account may dial; else whose flow it is, or account.json beside it says')
    .action(async (files: string[], { account }: { account?: string }) => {
      for (const file of files) {
        const facts = await factsFor(context, file, account);
        const flow = await readFlow(file, houseOf(context.house(), facts));
        const unknown = [
          ...(facts.queues ? [] : ['which queues there are']),
          ...(facts.outbound ? [] : ['what the account may dial']),
        ];
        const left = unknown.length > 0 ? `; not known, so not checked: ${unknown.join(', ')}` : '';
        print(`${file}: flow ${flow.flowId} is sound (${Object.keys(flow.nodes).length} nodes)${left}`);
      }
    });
  program
    .command('simulate <flow-file> <call-scripts...>')
    .description('run a flow by call scripts (flows/README.md) without a telephone; fails where one differs')
    .action(async (flowFile: string, scripts: string[]) => {
      // Nothing is dialled, and nobody is asked: whether they are there is for the check.
      const { hasTrunk: _, ...house } = houseOf(context.house(), {});
      const results: boolean[] = [];
      for (const scriptFile of scripts) {
        const simulation = await runSimulation({ flowFile, scriptFile, flowFolder, house });
        print(`== ${scriptFile}\n${simulationAsText(simulation)}\n`);
        results.push(simulation.differences.length === 0);
      }
      done(results.every(Boolean) ? 0 : 1);
    });
};
