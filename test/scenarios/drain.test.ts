import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { sippAnswered, sippBye, sippInvite, startSipp } from '../support/sipp.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const numbers = { menu: '0311110002', say: '0311110001' };
const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startController(
  environment: Record<string, string>,
  flows = 'test/scenarios/flows',
): Promise<System & { secrets: PrintedSecrets }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const loaded = await denwaban(['load', flows], { DATA_DIR: dataDir });
  expect(loaded).toMatchObject({ code: 0 });
  const system = await startSystem({ dataDir, environment });
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  return Object.assign(system, { secrets: readSecrets(loaded.output) });
}

async function drain(system: System): Promise<void> {
  system.program.child.kill('SIGUSR2');
  const health = /health (http\S+)/.exec(system.program.output())?.[1] ?? '';
  await eventually('to be draining', async () => (await fetch(health)).status === 503);
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

  await drain(leaving);
  const callers = await startSipp({
    scenario: sippInvite() + sippAnswered + sippBye,
    target: `${staying.sipHost}:${staying.sipPort}`,
    service: numbers.say,
    calls: 6,
  });
  await callers.done();
  phone.press('1');
  await phone.heardOf('CALL_CLOSED', { timeoutMs: 10_000 });
  // The phone may still be writing down what it heard last.
  await eventually('the words of the way taken', () => toneDurationMs(phone.heard(), 500) > 400);
  expect(await leaving.program.exit).toBe(0);

  const kept = await leaving.calls();
  expect(kept.map(({ to, outcome }) => [to.slice(-4), outcome])).toEqual([['0002', 'one']]);
  const taken = await eventually('the new calls on record', async () => {
    const closed = (await staying.calls()).filter(({ endedAt }) => endedAt);
    return closed.length === 6 ? closed : undefined;
  });
  expect(taken.every(({ answeredAt }) => answeredAt !== null)).toBe(true);
}, 120_000);

it('whoever waits for people on a controller that drains is served; no new call is taken', async () => {
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  const system = await startController(own.environment, 'test/scenarios/desk');
  const agent = await DeskAgent.start(system, system.secrets, 'hanako', { toneHz: 880, answer: true });
  cleanUps.push(() => agent.phone.stop());
  await agent.want('break', 'lunch');
  const dial = async (user: string) => {
    const phone = await Baresip.start({ user, toneHz: 440 });
    cleanUps.push(() => phone.stop());
    phone.dial(system.uri('0322220001'));
    return phone;
  };
  const phone = await dial('0901111222');
  await phone.heardOf('CALL_ESTABLISHED');
  await eventually('the call to wait', async () => (await agent.page.sees()).queues.some(({ waiting }) => waiting > 0));
  await drain(system);
  await agent.want('available');
  await eventually('the two to talk', () => toneDurationMs(phone.heard(), 880) > 500, { timeoutMs: 15_000 });
  expect(toneDurationMs(agent.phone.heard(), 440)).toBeGreaterThan(200);
  const late = await dial('0901111333');
  await late.heardOf('CALL_CLOSED', { timeoutMs: 10_000 });
  expect(late.events.map(({ type }) => type)).not.toContain('CALL_ESTABLISHED');
  phone.hangUp();
  expect(await system.program.exit).toBe(0);
  const [call] = await system.calls();
  expect([call?.outcome, call?.legs.map(({ kind }) => kind)]).toEqual(['served', ['caller', 'agent']]);
}, 120_000);
