import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkFlowText } from '../flow/checker.ts';
import type { Flow } from '../flow/flow.ts';
import { callScriptSchema, differences, promptDurations, type SimulatedCall, simulate } from '../flow/simulator.ts';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { AddCommand } from './command.ts';

/**
 * Reads and checks one flow file. `flowFolder` is where its prompt files are looked for.
 * @throws DenwabanError `FLOW_INVALID` that names every fault with its JSON path.
 */
export function readFlow(file: string, flowFolder: string): Flow {
  const checked = checkFlowText(readText(file), { fileExists: (path) => existsSync(join(flowFolder, path)) });
  if (checked.ok) return checked.flow;
  const faults = checked.faults.map(({ path, message, remedy }) => `${path}: ${message}${remedy ? `. ${remedy}` : ''}`);
  throw new DenwabanError('FLOW_INVALID', `${file} has ${faults.length} faults:\n  ${faults.join('\n  ')}`, {
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
export function runSimulation(options: { flowFile: string; scriptFile: string; flowFolder: string }): Simulation {
  const flow = readFlow(options.flowFile, options.flowFolder);
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
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DenwabanError('FILE_UNREADABLE', `${file} cannot be read: ${errorMessage(error)}`, {
      remedy: 'Name a file that exists and may be read',
    });
  }
}

/** `denwaban check` and `denwaban simulate`: flows without a phone. */
export const addFlowCommands: AddCommand = (program, { flowFolder, print, done }) => {
  program
    .command('check <flow-files...>')
    .description('check flow files without loading them')
    .action((files: string[]) => {
      for (const file of files) {
        const flow = readFlow(file, flowFolder);
        print(`${file}: flow ${flow.flowId} is sound (${Object.keys(flow.nodes).length} nodes)`);
      }
    });
  program
    .command('simulate <flow-file> <call-scripts...>')
    .description('run a flow by call scripts (flows/README.md) without a telephone; fails where one differs')
    .action((flowFile: string, scripts: string[]) => {
      const results = scripts.map((scriptFile) => {
        const simulation = runSimulation({ flowFile, scriptFile, flowFolder });
        print(`== ${scriptFile}\n${simulationAsText(simulation)}\n`);
        return simulation.differences.length === 0;
      });
      done(results.every(Boolean) ? 0 : 1);
    });
};
