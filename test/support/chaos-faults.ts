import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestPostgres } from './postgres.ts';
import { descendants, processesLike, signalAll } from './process-tree.ts';
import type { SupervisedPair, SupervisedProgram } from './supervised-pair.ts';
import type { System } from './system.ts';

/** Something that happens to a part of the machine. */
export interface Fault {
  name: string;
  /** As `/health` names the part; undefined: the program itself. */
  part?: string;
  /** What becomes of new calls while it lasts. */
  newCalls: 'answered' | 'refused' | 'anything';
  /** False: nothing has to be mended, since denwaban does that by itself. */
  lasts: boolean;
  /** Left alone for so long before it is mended. */
  holdMs: number;
  break(): Promise<void> | void;
  mend(): Promise<void> | void;
}

/** What the faults happen to. */
export interface ChaosMachine {
  dataDir: string;
  /** Whether the data folder is a file system of its own, small enough to be filled. */
  canFill: boolean;
  postgres: TestPostgres;
  system(): System;
  /** Kills the program and starts it again on the same folder. */
  restart(): Promise<void>;
  /** Whether the switch is denwaban's own. */
  isEmbedded: boolean;
  /** The real drachtio and FreeSWITCH, where they are ours to kill. */
  pair?: SupervisedPair | undefined;
}

/** Makes the folder a small file system in memory; false where that takes rights that we do not have. */
export function mountSmall(folder: string, megabytes: number): boolean {
  if (process.getuid?.() !== 0) return false;
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'denwaban-test', folder]);
  return true;
}

export function unmount(folder: string): void {
  execFileSync('umount', ['-l', folder]);
}

function fill(file: string, folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  try {
    writeFileSync(file, Buffer.alloc(free));
  } catch {
    // Somebody else has taken the last bytes: it is full all the same.
  }
}

/** Every part, stopped, killed, frozen or filled. */
export function chaosFaults(machine: ChaosMachine): Fault[] {
  const { dataDir, postgres } = machine;
  const redis = () => processesLike(new RegExp(`redis-server.*${join(dataDir, 'redis')}`));
  const theSwitch = () => descendants(machine.system().program.pid, /src\/switch\/main/);
  const database = () => [postgres.pid(), ...descendants(postgres.pid())];
  const filler = join(dataDir, 'filler');
  const nothing = () => undefined;
  const killed = (pids: () => number[]) => ({
    lasts: false,
    holdMs: 300,
    break: () => signalAll(pids(), 'SIGKILL'),
    mend: nothing,
  });
  const frozen = (pids: () => number[], holdMs: number) => {
    let stopped: number[] = [];
    return {
      lasts: true,
      holdMs,
      break: () => {
        stopped = pids();
        signalAll(stopped, 'SIGSTOP');
      },
      mend: () => signalAll(stopped, 'SIGCONT'),
    };
  };
  /** Killed: the supervisor starts it again. Frozen: for less and for more than its connection is kept for. */
  const ofProgram = (name: string, part: string, program: SupervisedProgram): Fault[] => {
    const pids = () => program.pids();
    const isTold = { part, newCalls: 'anything' as const, lasts: true };
    return [
      { name: `${name} killed`, ...killed(pids), ...isTold, mend: () => program.listening() },
      { name: `${name} frozen`, ...frozen(pids, 1_000), ...isTold },
      { name: `${name} frozen for long`, ...frozen(pids, 12_000), ...isTold },
    ];
  };
  const ofPair = ({ drachtio, freeswitch }: SupervisedPair): Fault[] => [
    ...ofProgram('drachtio', 'drachtio', drachtio),
    ...ofProgram('FreeSWITCH', `freeswitch ${freeswitch.address}`, freeswitch),
  ];
  const own: Fault[] = [
    { name: 'switch killed', part: 'switch', newCalls: 'anything', ...killed(theSwitch) },
    { name: 'switch frozen', part: 'switch', newCalls: 'anything', ...frozen(theSwitch, 6_000), lasts: false },
  ];
  const disk: Fault[] = [
    {
      name: 'disk full',
      part: 'disk',
      newCalls: 'refused',
      lasts: true,
      holdMs: 0,
      break: () => fill(filler, dataDir),
      mend: () => rmSync(filler, { force: true }),
    },
  ];
  return [
    { name: 'Redis killed', part: 'redis', newCalls: 'answered', ...killed(redis) },
    { name: 'Redis frozen', part: 'redis', newCalls: 'answered', ...frozen(redis, 2_500), lasts: false },
    {
      name: 'database stopped',
      part: 'database',
      newCalls: 'answered',
      lasts: true,
      holdMs: 0,
      break: () => postgres.halt(),
      mend: () => postgres.resume(),
    },
    { name: 'database frozen', part: 'database', newCalls: 'answered', ...frozen(database, 0) },
    {
      name: 'controller killed',
      newCalls: 'anything',
      lasts: false,
      holdMs: 0,
      break: () => machine.restart(),
      mend: nothing,
    },
    ...(machine.isEmbedded ? own : []),
    ...(machine.pair ? ofPair(machine.pair) : []),
    ...(machine.canFill ? disk : []),
  ];
}
