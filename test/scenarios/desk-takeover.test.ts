import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rms, toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { DeskAgent, type PrintedSecrets, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { trunkPortOfOurs } from '../support/ports.ts';
import { invitesSaved } from '../support/saved-calls.ts';
import { startOwnSwitch } from '../support/switch.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';
import { readWavFile } from '../switch/media/phone.ts';

/** The controller is killed (SIGKILL) while people wait, ring or talk; another starts on the same switch and data. */
const people = '0322220001';
const cleanUps: (() => unknown)[] = [];
let environment: Record<string, string>;
let dataDir: string;
let secrets: PrintedSecrets;
let trunkPort: number;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
  cleanUps.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const own = await startOwnSwitch();
  cleanUps.push(() => own.stop());
  trunkPort = trunkPortOfOurs();
  environment = { ...own.environment, TRUNK_URL: `sip:127.0.0.1:${trunkPort}` };
  const loaded = await denwaban(['load', recordedDesk()], { DATA_DIR: dataDir });
  expect(loaded).toMatchObject({ code: 0 });
  secrets = readSecrets(loaded.output);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** The desk of the other scenarios, of an account whose talks are recorded. */
function recordedDesk(): string {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  cpSync('test/scenarios/desk', folder, { recursive: true });
  const account = JSON.parse(readFileSync(join(folder, 'account.json'), 'utf8'));
  const card = { announceName: 'さくら歯科', recording: { record: true, announce: false } };
  writeFileSync(join(folder, 'account.json'), JSON.stringify({ ...account, card }));
  return folder;
}

async function startController(): Promise<System> {
  const system = await startSystem({ dataDir, environment });
  cleanUps.push(async () => {
    if (!system.program.exited()) await system.stop();
  });
  return system;
}

async function kill(system: System): Promise<void> {
  system.program.child.kill('SIGKILL');
  await system.program.exit;
}

async function caller(system: System, user = '0901111222'): Promise<Baresip> {
  const phone = await Baresip.start({ user, toneHz: 440 });
  cleanUps.push(() => phone.stop());
  phone.dial(system.uri(people));
  await phone.heardOf('CALL_ESTABLISHED');
  return phone;
}

const toneOf = { hanako: 880, taro: 1_200, jiro: 1_100 };

async function agentAtWork(
  system: System,
  name: keyof typeof toneOf = 'hanako',
  { answer = true, atWork = true } = {},
): Promise<DeskAgent> {
  const agent = await DeskAgent.start(system, secrets, name, { toneHz: toneOf[name], answer });
  cleanUps.push(() => agent.phone.stop());
  if (atWork) await agent.want('available');
  return agent;
}

/** The agent's own page, on the controller that runs now. */
async function atWorkAgain(agent: DeskAgent, system: System): Promise<DeskAgent> {
  return agent.at(system, secrets, 'hanako');
}

/** Gives the order until somebody takes it: until the call is taken over nobody does. */
const taken = (order: () => Promise<unknown>) =>
  eventually(
    'the order to be taken',
    () =>
      order().then(
        () => true,
        () => false,
      ),
    { timeoutMs: 40_000, everyMs: 250 },
  );

const hears = (phone: Baresip, hz: number, ms: number) =>
  eventually(`${phone.user} to hear ${hz} Hz`, () => toneDurationMs(phone.heard(), hz) > ms, { timeoutMs: 40_000 });

describe('the controller is killed', () => {
  it('while a caller waits: they keep their place and are served', async () => {
    const first = await startController();
    const phone = await caller(first);
    await hears(phone, 600, 500);
    await kill(first);
    const second = await startController();
    // What is heard when the wait goes on.
    await hears(phone, 900, 300);
    await agentAtWork(second);
    await hears(phone, 880, 500);
    phone.hangUp();
    const record = await second.closedCall(people);
    expect(record.outcome).toBe('served');
    expect(record.legs.map(({ kind, cause }) => `${kind} ${cause}`)).toEqual([
      'caller caller-hangup',
      'agent caller-hangup',
    ]);
  }, 120_000);

  it('while caller and agent talk: they talk on, and the agent’s hang-up is found out', async () => {
    const first = await startController();
    const agent = await agentAtWork(first);
    const phone = await caller(first);
    await hears(phone, 880, 500);
    await kill(first);
    const before = toneDurationMs(phone.heard(), 880);
    await hears(phone, 880, before + 1_000);
    const second = await startController();
    const again = await atWorkAgain(agent, second);
    await again.reaches('talking', 30_000);
    const { callId } = (await again.send('GET', `/agents/${agent.agentId}/state`)) as { callId: string };
    await taken(() => again.send('POST', `/desk/calls/${callId}/recording`, { paused: true }));
    const pausedAt = toneDurationMs(phone.heard(), 880);
    await hears(phone, 880, pausedAt + 1_500);
    agent.phone.hangUp();
    await phone.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
    await again.reaches('available', 30_000);
    const record = await second.closedCall(people);
    expect(record.outcome).toBe('helped');
    // One recording all through, that the second controller could pause.
    const [recording] = record.recordings;
    expect([record.recordings.length, recording?.agentId]).toEqual([1, agent.agentId]);
    const [left = new Int16Array()] = readWavFile(recording?.file ?? '');
    expect(Math.abs((recording?.durationMs ?? 0) - left.length / 8)).toBeLessThan(200);
    const saidMs = toneDurationMs(left, 440);
    expect(saidMs).toBeGreaterThan(1_500);
    expect(saidMs).toBeLessThan((recording?.durationMs ?? 0) - 1_000);
  }, 150_000);

  it('while the caller is on hold: the music goes on, and the agent takes them back', async () => {
    const first = await startController();
    const agent = await agentAtWork(first);
    const phone = await caller(first);
    await hears(phone, 880, 500);
    const { call } = await agent.page.sees();
    const hold = (who: DeskAgent, held: boolean) => who.send('POST', `/desk/calls/${call?.callId}/hold`, { held });
    await hold(agent, true);
    await kill(first);
    const second = await startController();
    const again = await atWorkAgain(agent, second);
    await eventually('the hold to be seen', async () => (await again.page.sees()).call?.held, { timeoutMs: 40_000 });
    const before = phone.heard().length;
    await eventually(
      'music',
      () => rms(phone.heard().subarray(before)) > 200 && phone.heard().length > before + 16_000,
    );
    expect(toneDurationMs(phone.heard().subarray(before), 880)).toBe(0);
    await taken(() => hold(again, false));
    const talked = toneDurationMs(phone.heard(), 880);
    await hears(phone, 880, talked + 600);
    phone.hangUp();
    await agent.phone.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
    await again.reaches('available', 30_000);
    expect((await second.closedCall(people)).outcome).toBe('served');
  }, 150_000);

  it('while the agent’s phone rings: it is let go, and rung again', async () => {
    const first = await startController();
    const agent = await agentAtWork(first, 'hanako', { answer: false });
    const phone = await caller(first);
    await agent.phone.heardOf('CALL_INCOMING');
    await agent.reaches('ringing');
    await invitesSaved(dataDir, 1);
    await kill(first);
    await startController();
    await agent.phone.heardOf('CALL_INCOMING', { count: 2, timeoutMs: 60_000 });
    agent.phone.accept();
    await hears(phone, 880, 500);
    phone.hangUp();
    await agent.phone.heardOf('CALL_CLOSED', { timeoutMs: 10_000 });
  }, 150_000);
});

describe('the controller is killed while two callers are handed over, to an agent and to a number', () => {
  interface HandedOver {
    agent: DeskAgent;
    phone: Baresip;
    /** What the agent says. */
    hz: number;
    intakeId: string;
    /** Whose phone rings. */
    target: Baresip;
    from: string;
    /** How the target's leg is on record. */
    kind: 'agent' | 'transfer';
  }

  /** Which form the agent has to fill in; undefined: none. */
  const formOf = async (agent: DeskAgent) => {
    const form = (await agent.send('GET', `/agents/${agent.agentId}/intake`).catch(() => undefined)) as
      | { intakeId: string }
      | undefined;
    return form?.intakeId;
  };

  const causes = async (system: System, from: string) => {
    const { outcome, legs } = await system.closedCall(people, { from });
    return { outcome, legs: legs.map(({ kind, cause }) => `${kind} ${cause}`) };
  };

  async function handOver() {
    const first = await startController();
    const taro = await agentAtWork(first, 'taro', { answer: false, atWork: false });
    const number = await Baresip.start({ user: '2001', toneHz: 1_500, sipPort: trunkPort });
    cleanUps.push(() => number.stop());
    const talks: HandedOver[] = [];
    for (const [name, target, kind] of [
      ['hanako', taro.phone, 'agent'],
      ['jiro', number, 'transfer'],
    ] as const) {
      const agent = await agentAtWork(first, name);
      const [hz, from] = [toneOf[name], `0901111${name.length}222`];
      const phone = await caller(first, from);
      await hears(phone, hz, 500);
      const intakeId = await eventually('the form', () => formOf(agent));
      talks.push({ agent, phone, hz, intakeId, target, from, kind });
    }
    await taro.want('available');
    for (const { agent, target, kind } of talks) {
      const to = kind === 'agent' ? { type: kind, agentId: taro.agentId } : { type: 'number', number: '2001' };
      const { call } = await agent.page.sees();
      await agent.send('POST', `/desk/calls/${call?.callId}/transfer`, { to });
      await target.heardOf('CALL_INCOMING');
    }
    await invitesSaved(dataDir, talks.length);
    return { first, taro, talks };
  }

  it('those phones fall silent, agents and callers talk again, each about their case', async () => {
    const { first, taro, talks } = await handOver();
    await kill(first);
    const second = await startController();
    for (const { target, phone, hz } of talks) {
      await target.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
      const heard = phone.listen();
      await eventually('the two to talk again', () => toneDurationMs(heard(), hz) > 500, { timeoutMs: 40_000 });
    }
    const other = await taro.at(second, secrets, 'taro');
    await other.reaches('available', 30_000);
    expect(await formOf(other)).toBeUndefined();
    for (const { agent, phone, target, intakeId, from, kind } of talks) {
      const again = await agent.at(second, secrets, kind === 'agent' ? 'hanako' : 'jiro');
      await again.reaches('talking', 30_000);
      expect(await formOf(again)).toBe(intakeId);
      agent.phone.hangUp();
      await phone.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
      await again.reaches('available', 30_000);
      expect([target.rung, agent.phone.talks]).toEqual([1, 1]);
      expect(await causes(second, from)).toEqual({
        outcome: 'helped',
        legs: ['caller system-hangup', 'agent peer-hangup', `${kind} controller-lost`],
      });
    }
  }, 150_000);

  it('and both agents have hung up: the callers are at the head of the line, and the next agent has them and their cases', async () => {
    const { first, taro, talks } = await handOver();
    for (const { agent } of talks) {
      agent.phone.hangUp();
      await agent.reaches('wrap-up', 5_000);
      await agent.want('offline');
    }
    await kill(first);
    const second = await startController();
    for (const { target } of talks) await target.heardOf('CALL_CLOSED', { timeoutMs: 40_000 });
    const other = await taro.at(second, secrets, 'taro');
    // Whoever is in line again first: the flow speaks to each before.
    const waiting = new Set(talks);
    for (const count of [2, 3]) {
      await taro.phone.heardOf('CALL_INCOMING', { count, timeoutMs: 60_000 });
      taro.phone.accept();
      const served = await eventually(
        'one of them to hear the agent',
        () => [...waiting].find(({ phone }) => toneDurationMs(phone.heard(), toneOf.taro) > 500),
        { timeoutMs: 40_000 },
      );
      waiting.delete(served);
      const { phone, intakeId, from, kind } = served;
      // The flow's words for one whose agent has gone.
      expect(toneDurationMs(phone.heard(), 900)).toBeGreaterThan(300);
      for (const next of waiting) expect(toneDurationMs(next.phone.heard(), toneOf.taro)).toBe(0);
      await other.reaches('talking');
      await eventually('the form', async () => (await formOf(other)) === intakeId);
      phone.hangUp();
      await taro.phone.heardOf('CALL_CLOSED', { count, timeoutMs: 10_000 });
      expect(await causes(second, from)).toEqual({
        outcome: 'served',
        legs: ['caller caller-hangup', 'agent peer-hangup', `${kind} controller-lost`, 'agent caller-hangup'],
      });
    }
    await other.reaches('available', 30_000);
    expect(talks[1]?.target.rung).toBe(1);
  }, 150_000);
});
