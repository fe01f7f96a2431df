import { afterAll, beforeAll, expect, it } from 'vitest';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { type System, startSystem } from '../support/system.ts';

/** How fast an agent's phone falls silent. */
const people = '0322220001';
const cleanUps: (() => unknown)[] = [];
let system: System;
let secrets: PrintedSecrets;

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/desk' });
  cleanUps.push(() => system.stop());
  secrets = readSecrets(system.loaded);
});
afterAll(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

it('the caller hangs up while the agent’s phone rings: it stops within 200 ms, and the agent is free again', async () => {
  const hanako = await DeskAgent.start(system, secrets, 'hanako', { toneHz: 880, answer: false });
  cleanUps.push(() => hanako.stop());
  await hanako.want('available');
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  cleanUps.push(() => phone.stop());
  phone.dial(system.uri(people));
  await hanako.phone.heardOf('CALL_INCOMING');
  const before = performance.now();
  phone.hangUp();
  await hanako.phone.heardOf('CALL_CLOSED', { timeoutMs: 3_000 });
  // The phones' own control sockets and our polling are within this, too.
  expect(performance.now() - before).toBeLessThan(200);
  await hanako.reaches('available', 3_000);
  const { outcome, legs } = await system.closedCall(people);
  expect(outcome).toBe('abandoned');
  expect(legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual(['caller caller-hangup', 'agent cancelled']);
});
