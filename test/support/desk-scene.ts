import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { normalizePhoneNumber } from '../../src/kernel/phone-number.ts';
import { strength } from '../telephony/ulaw.ts';
import { Baresip } from './baresip.ts';
import { DeskAgent, DeskPage, type PrintedSecrets, readSecrets, type SeenCall } from './desk-agent.ts';
import { eventually } from './poll.ts';
import { trunkPortOfOurs } from './ports.ts';
import { type PrintedCall, type System, startSystem } from './system.ts';

/** What the phones say, in Hz. */
export const tones = { caller: 440, outside: 1_500 } as const;
interface SettingsFile {
  account: object;
  card: object;
  users: object[];
  agents: object[];
  queues: { queueId: string }[];
}

/** Long enough for all tests of a file. */
const lifeSeconds = 900;

/** A caller, and what becomes of their call. */
export interface Caller {
  phone: Baresip;
  /** With which they call, each with another. */
  from: string;
  number: string;
}

/** Waits until the phone hears each of these tones at once, and none of the others. */
export async function hears(phone: Baresip, tonesHz: number[], notHz: number[] = []): Promise<void> {
  const heard = phone.listen();
  await eventually(
    `${phone.user} to hear ${tonesHz} Hz${notHz.length > 0 ? `, not ${notHz}` : ''}`,
    () => {
      const now = heard().slice(-1_600);
      const isThere = (hz: number) => strength(now, hz) > 1_500;
      return now.length === 1_600 && tonesHz.every(isThere) && notHz.every((hz) => strength(now, hz) < 200);
    },
    { timeoutMs: 15_000 },
  );
}

/**
 * A desk that runs, with callers, agents and numbers outside on phones that are not ours. Agents' phones stay from one
 * test to the next; every caller is another.
 */
export class DeskScene {
  readonly system: System;
  readonly secrets: PrintedSecrets;
  readonly boss: DeskPage;
  readonly #trunkPort: number;
  readonly #agents = new Map<string, DeskAgent>();
  readonly #others: Baresip[] = [];
  #callers = 0;

  private constructor(parts: { system: System; secrets: PrintedSecrets; boss: DeskPage; trunkPort: number }) {
    this.system = parts.system;
    this.secrets = parts.secrets;
    this.boss = parts.boss;
    this.#trunkPort = parts.trunkPort;
  }

  /** `change`: files of the folder that are to be different here. */
  static async open(
    flows: string,
    change: Record<string, (old: SettingsFile) => object> = {},
    more: Record<string, string> = {},
  ): Promise<DeskScene> {
    const trunkPort = trunkPortOfOurs();
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
    cpSync(flows, folder, { recursive: true });
    for (const [name, changed] of Object.entries(change)) {
      const file = join(folder, name);
      writeFileSync(file, JSON.stringify(changed(JSON.parse(readFileSync(file, 'utf8')))));
    }
    const environment = { TRUNK_URL: `sip:127.0.0.1:${trunkPort}`, ...more };
    const system = await startSystem({ flows: folder, environment });
    rmSync(folder, { recursive: true, force: true });
    const secrets = readSecrets(system.loaded);
    return new DeskScene({ system, secrets, boss: await DeskPage.open(system, secrets, 'boss'), trunkPort });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.phone.stop()));
    await this.system.stop();
  }

  /** An agent, not at work yet, whose phone is picked up by `accept`. */
  async agent(name: string, toneHz: number): Promise<DeskAgent> {
    const agent = await DeskAgent.start(this.system, this.secrets, name, { toneHz, answer: false, lifeSeconds });
    this.#agents.set(name, agent);
    return agent;
  }

  async caller(number: string): Promise<Caller> {
    this.#callers += 1;
    const from = `0901111${1_000 + this.#callers}`;
    const phone = await Baresip.start({ user: from, toneHz: tones.caller });
    this.#others.push(phone);
    phone.dial(this.system.uri(number));
    await phone.heardOf('CALL_ESTABLISHED');
    return { phone, from, number };
  }

  /** A phone beyond the trunk: numbers are dialled in one spelling. */
  async outside(number: string): Promise<Baresip> {
    const user = normalizePhoneNumber(number);
    const phone = await Baresip.start({ user, toneHz: tones.outside, sipPort: this.#trunkPort });
    this.#others.push(phone);
    return phone;
  }

  /** The caller's call as the supervisor's page shows it. */
  seen({ from }: Caller, what: string, holds: (call: SeenCall) => unknown = () => true): Promise<SeenCall> {
    return eventually(`${what} to be seen`, async () => {
      const { calls = [] } = await this.boss.sees();
      return calls.find((call) => call.callerNumber?.endsWith(from.slice(1)) && holds(call));
    });
  }

  /** What came of the call: its outcome, and how each leg ended. */
  async story({ number, from }: Pick<Caller, 'number' | 'from'>): Promise<{ outcome: string | null; legs: string[] }> {
    const { outcome, legs } = await this.record({ number, from });
    return { outcome, legs: legs.map(({ kind, cause }) => `${kind} ${cause}`) };
  }

  record({ number, from }: Pick<Caller, 'number' | 'from'>): Promise<PrintedCall> {
    return this.system.closedCall(number, { from });
  }

  /** Nobody waits, rings or talks: what the supervisor's page shows, and the agents' phones. */
  async atRest(): Promise<void> {
    let last = '';
    const isAtRest = async () => {
      const { calls = [], agents = [], queues } = await this.boss.sees();
      const busy = agents.filter(
        ({ state, callId }) => callId !== undefined || !['available', 'offline', 'break'].includes(state),
      );
      const waiting = queues.filter((queue) => queue.waiting > 0);
      const loud = [...this.#agents.values()].filter(({ phone }) => !phone.isIdle).map(({ phone }) => phone.user);
      last = JSON.stringify({ calls, busy, waiting, loud });
      return calls.length + busy.length + waiting.length + loud.length === 0;
    };
    await eventually('the desk to be at rest', isAtRest, { timeoutMs: 10_000 }).catch((error: Error) => {
      throw new Error(`${error.message}: ${last}`);
    });
  }

  /** After a test: everybody else goes, agents go home. */
  async clear(): Promise<void> {
    await Promise.all(this.#others.splice(0).map((phone) => phone.stop()));
    await Promise.all([...this.#agents.values()].map((agent) => agent.want('offline')));
    await this.atRest();
  }
}
