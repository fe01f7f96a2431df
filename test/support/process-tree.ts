import { readdirSync, readFileSync } from 'node:fs';

/** Processes by whom they were started from, as Linux tells them. */
interface Entry {
  pid: number;
  parentPid: number;
  command: string;
}

function listProcesses(): Entry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name): Entry[] => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The name in brackets may hold anything.
        const parentPid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return [{ pid: Number(name), parentPid, command }];
      } catch {
        return []; // Ended meanwhile.
      }
    });
}

/** Ids of the living descendants of a process whose command line matches, nearest first. */
export function descendants(pid: number, pattern: RegExp = /./): number[] {
  const all = listProcesses();
  const found: Entry[] = [];
  let generation = [pid];
  while (generation.length > 0) {
    const children = all.filter(({ parentPid }) => generation.includes(parentPid));
    found.push(...children);
    generation = children.map((child) => child.pid);
  }
  return found.filter(({ command }) => pattern.test(command)).map((entry) => entry.pid);
}

/** Ids of all living processes whose command line matches, whoever started them. */
export function processesLike(pattern: RegExp): number[] {
  return listProcesses()
    .filter(({ command, pid }) => pid !== process.pid && pattern.test(command))
    .map(({ pid }) => pid);
}

/** Sends a signal to those of the processes that still live. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch {
      // Ended meanwhile.
    }
  }
}
