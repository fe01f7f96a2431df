import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/poll.ts';
import { sippAnswered, sippBye, sippInvite, startSipp } from '../support/sipp.ts';
import { startSystem } from '../support/system.ts';

const long = '0311110007';
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A disk of its own: needs root, as CI has it. */
function newDisk(megabytes: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  cleanUps.push(() => {
    execFileSync('umount', ['-l', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** To the last byte. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (let size = 1_048_576; size >= 1; ) {
      try {
        writeSync(file, Buffer.alloc(size));
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        size = Math.floor(size / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

it('a full disk: calls in progress are recorded to their end, new ones get 503 until there is room', async () => {
  const dataDir = newDisk(96);
  const system = await startSystem({ flows: 'test/scenarios/flows', environment: { DATA_DIR: dataDir } });
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  const target = `${system.sipHost}:${system.sipPort}`;
  const health = async () => {
    const answer = await fetch(`${system.httpUrl}/health`);
    const body = (await answer.json()) as { ready: boolean; parts: Record<string, { state: string }> };
    return { status: answer.status, disk: body.parts['disk']?.state };
  };
  const before = await startSipp({
    scenario: `${sippInvite()}${sippAnswered}<pause milliseconds="6000"/>${sippBye}`,
    ...{ service: long, target, calls: 5, callsPerSecond: 20, maxAtOnce: 5 },
  });
  await eventually('five calls are answered', () => (before.messages().match(/SIP\/2\.0 200/g) ?? []).length >= 5, {
    timeoutMs: 15_000,
  });
  fill(join(dataDir, 'filler'));
  await eventually('/health says so', async () => (await health()).disk === 'away', { timeoutMs: 5_000 });
  expect((await health()).status).toBe(503);
  const refused = await startSipp({
    scenario: `${sippInvite()}<recv response="100" optional="true"/><recv response="503"/>`,
    ...{ service: long, target, calls: 3, maxAtOnce: 3 },
  });
  await refused.done();
  expect(refused.messages()).toMatch(/Retry-After: *\d+/i);
  // They hang up while nothing fits: what was kept for that is used.
  await before.done();
  rmSync(join(dataDir, 'filler'));
  await eventually('calls are taken again', async () => (await health()).status === 200, { timeoutMs: 10_000 });
  await (await startSipp({ scenario: sippInvite() + sippAnswered + sippBye, service: long, target })).done();
  const closed = async () => {
    const all = await system.calls();
    return all.length === 6 && all.every(({ endedAt }) => endedAt) ? all : undefined;
  };
  const calls = await eventually('six calls on record', closed, { timeoutMs: 30_000, everyMs: 500 });
  for (const { callId } of calls) {
    const facts = await system.facts(callId);
    expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, index) => index + 1));
    expect(facts.at(-1)).toMatchObject({ type: 'ended' });
  }
}, 120_000);
