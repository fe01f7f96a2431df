import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { eventually } from '../support/poll.ts';
import { sippAnswered, sippBye, sippInvite, startSipp } from '../support/sipp.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const numbers = { menu: '0311110002', say: '0311110001' };
const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startController(environment: Record<string, string>): Promise<System> {
  const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  expect(await denwaban(['load', 'test/scenarios/flows'], { DATA_DIR: dataDir })).toMatchObject({ code: 0 });
  const system = await startSystem({ dataDir, environment });
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  return system;
}

async function activeCalls(system: System): Promise<number> {
  const url = /health (http\S+)/.exec(system.program.output())?.[1] ?? '';
  return ((await (await fetch(url)).json()) as { calls: number }).calls;
}

it('a controller that drains leaves new calls to the one beside it; its own go on, and it stops with the last', async () => {
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  const controllers = [await startController(own.environment), await startController(own.environment)];
  const [one] = controllers;
  if (!one) throw new Error('no controller');

  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  cleanUps.push(() => phone.stop());
  phone.dial(one.uri(numbers.menu));
  await phone.heardOf('CALL_ESTABLISHED');
  await eventually('the menu', () => toneDurationMs(phone.heard(), 700) > 300);
  const busy = [];
  for (const controller of controllers) if ((await activeCalls(controller)) === 1) busy.push(controller);
  const [leaving] = busy;
  const staying = controllers.find((controller) => controller !== leaving);
  if (!leaving || !staying || busy.length !== 1) throw new Error(`the call is with ${busy.length} controllers`);

  leaving.program.child.kill('SIGUSR2');
  const health = /health (http\S+)/.exec(leaving.program.output())?.[1] ?? '';
  await eventually('to be draining', async () => (await fetch(health)).status === 503);
  const callers = await startSipp({
    scenario: sippInvite() + sippAnswered + sippBye,
    target: `${staying.sipHost}:${staying.sipPort}`,
    service: numbers.say,
    calls: 6,
  });
  await callers.done();
  phone.press('1');
  await phone.heardOf('CALL_CLOSED', { timeoutMs: 10_000 });
  expect(toneDurationMs(phone.heard(), 500)).toBeGreaterThan(400);
  expect(await leaving.program.exit).toBe(0);

  const kept = await leaving.calls();
  expect(kept.map(({ to, outcome }) => [to.slice(-4), outcome])).toEqual([['0002', 'one']]);
  const taken = await eventually('the new calls on record', async () => {
    const closed = (await staying.calls()).filter(({ endedAt }) => endedAt);
    return closed.length === 6 ? closed : undefined;
  });
  expect(taken.every(({ answeredAt }) => answeredAt !== null)).toBe(true);
}, 120_000);
