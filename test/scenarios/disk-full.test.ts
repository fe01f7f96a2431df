import { globSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { readWav, toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { eventually } from '../support/poll.ts';
import { sippAnswered, sippBye, sippInvite, startSipp } from '../support/sipp.ts';
import { fillDisk, mountSmallDisk } from '../support/small-disk.ts';
import { denwaban, startSystem } from '../support/system.ts';

const [long, message] = ['0311110007', '0311110003'];
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function newDisk(megabytes: number): string {
  const { folder, unmount } = mountSmallDisk(megabytes * 1_024);
  cleanUps.push(unmount);
  return folder;
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
  const talking = await startSipp({
    scenario: `${sippInvite()}${sippAnswered}<pause milliseconds="6000"/>${sippBye}`,
    ...{ service: long, target, calls: 5, callsPerSecond: 20, maxAtOnce: 5 },
  });
  await eventually('five calls are answered', () => (talking.messages().match(/SIP\/2\.0 200/g) ?? []).length >= 5, {
    timeoutMs: 15_000,
  });
  const speaker = await Baresip.start({ user: '0901111300', toneHz: 440 });
  cleanUps.push(() => speaker.stop());
  speaker.dial(system.uri(message));
  await eventually('the beep', () => toneDurationMs(speaker.heard(), 1_000) >= 200, { timeoutMs: 15_000 });
  // As it lies on the disk: what the phone hears meanwhile is nothing at all from FreeSWITCH.
  const written = () => globSync(join(dataDir, 'recordings/**/*.wav')).map((file) => statSync(file).size);
  await eventually('a second to be said', () => Math.max(0, ...written()) > 16_000, { timeoutMs: 10_000 });
  fillDisk(join(dataDir, 'filler'));
  // Whose message no longer fits hears so, and is not cut off.
  await eventually('that there is no message', () => toneDurationMs(speaker.heard(), 400) > 300);
  await speaker.heardOf('CALL_CLOSED');
  await eventually('/health says so', async () => (await health()).disk === 'away', { timeoutMs: 5_000 });
  expect((await health()).status).toBe(503);
  const refused = await startSipp({
    scenario: `${sippInvite()}<recv response="100" optional="true"/><recv response="503"/>`,
    ...{ service: long, target, calls: 3, maxAtOnce: 3 },
  });
  await refused.done();
  expect(refused.messages()).toMatch(/Retry-After: *\d+/i);
  // They hang up while nothing fits: what was kept for that is used.
  await talking.done();
  rmSync(join(dataDir, 'filler'));
  await eventually('calls are taken again', async () => (await health()).status === 200, { timeoutMs: 10_000 });
  await (await startSipp({ scenario: sippInvite() + sippAnswered + sippBye, service: long, target })).done();
  const closed = async () => {
    const all = await system.calls();
    return all.length === 7 && all.every(({ endedAt }) => endedAt) ? all : undefined;
  };
  const calls = await eventually('seven calls on record', closed, { timeoutMs: 30_000, everyMs: 500 });
  for (const { callId } of calls) {
    const facts = await system.facts(callId);
    expect(facts.map(({ seq }) => seq)).toEqual(facts.map((_, index) => index + 1));
    expect(facts.at(-1)).toMatchObject({ type: 'ended' });
  }
  const cut = calls.find(({ to }) => to.endsWith('311110003'));
  expect(cut).toMatchObject({ path: ['message', 'none'], outcome: 'no-message' });
  const [recording] = cut?.recordings ?? [];
  expect(recording).toMatchObject({ incomplete: 'cut-short' });
  expect(recording?.durationMs).toBeGreaterThan(500);
  const { samples } = readWav(recording?.file ?? '');
  expect(Math.abs(samples.length / 8 - (recording?.durationMs ?? 0))).toBeLessThan(100);
  expect(toneDurationMs(samples, 440)).toBeGreaterThan(400);
  // Those that were refused meanwhile were counted.
  const counted = async () => {
    const { stdout } = await denwaban(['refusals', '--json'], system.environment);
    const refused = JSON.parse(stdout) as { cause: string; count: number }[];
    return refused.filter(({ cause }) => cause === 'disk-full').reduce((sum, { count }) => sum + count, 0) === 3;
  };
  await eventually('three refusals on record', counted, { timeoutMs: 15_000, everyMs: 500 });
}, 120_000);
