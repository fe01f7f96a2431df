import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/support/ports.ts';
import { runProgram } from '../../test/support/process.ts';
import { sippAnswered, sippBye, sippInvite, sippWaitForBye } from '../../test/support/sipp.ts';

export interface LoadResult {
  callsPerSecond: number;
  calls: number;
  failed: number;
  /** INVITE to 200, from SIPp's own statistics. */
  answerMs: number;
  resends: number;
  seconds: number;
}

/**
 * Offers calls at a steady rate for a bounded time. Each hears the prompt and waits for the hang-up; with `holdMs` it
 * hangs up itself after that.
 */
export async function offerCalls(options: {
  target: string;
  number: string;
  callsPerSecond: number;
  seconds: number;
  holdMs?: number;
}): Promise<LoadResult> {
  const { holdMs } = options;
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-bench-'));
  const file = join(folder, 'load.xml');
  const calls = Math.round(options.callsPerSecond * options.seconds);
  const scenario = sippInvite()
    .replace('<send retrans="500">', '<send retrans="500" start_rtd="answer">')
    .concat(
      sippAnswered.replace('<recv response="200" rrs="true"/>', '<recv response="200" rrs="true" rtd="answer"/>'),
      holdMs === undefined ? sippWaitForBye : `<pause milliseconds="${holdMs}"/>${sippBye}`,
    );
  writeFileSync(file, `<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="load">\n${scenario}\n</scenario>\n`);
  const timeoutSeconds = Math.ceil(options.seconds + (holdMs ?? 0) / 1000) + 30;
  const begun = performance.now();
  const program = runProgram(
    'sipp',
    [options.target, '-sf', file, '-s', options.number, '-i', '127.0.0.1', '-p', String(await freePort()), '-nostdin']
      .concat(['-m', String(calls), '-r', String(options.callsPerSecond), '-l', String(calls), '-t', 'u1'])
      .concat(['-timeout', `${timeoutSeconds}s`, '-trace_stat', '-stf', join(folder, 'stat.csv'), '-fd', '1']),
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  // SIPp's own time-out waits for calls that hang.
  const insist = setTimeout(() => program.child.kill('SIGKILL'), (timeoutSeconds + 15) * 1000);
  await program.exit;
  clearTimeout(insist);
  const seconds = (performance.now() - begun) / 1000;
  const [head = '', ...rows] = readFileSync(join(folder, 'stat.csv'), 'utf8').trim().split('\n');
  const names = head.split(';');
  const last = (rows.at(-1) ?? '').split(';');
  const value = (name: string) => last[names.indexOf(name)] ?? '';
  const answer = value('ResponseTimeanswer(C)');
  const result = {
    callsPerSecond: options.callsPerSecond,
    calls,
    failed: calls - Number(value('SuccessfulCall(C)')),
    answerMs: milliseconds(answer),
    resends: Number(value('Retransmissions(C)')),
    seconds,
  };
  rmSync(folder, { recursive: true, force: true });
  return result;
}

/** `00:00:00:012345` or `00:00:00:012` (h:m:s:fraction) in ms. */
function milliseconds(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0, fraction = '0'] = text.split(':');
  return (
    (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000 +
    Number(fraction) / 10 ** (String(fraction).length - 3)
  );
}
