import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from '../../src/accounts/accounts.ts';
import type { CallSnapshot, CallStateStore, OrphanCall } from '../../src/call/call-state-store.ts';
import type { FlowRunner } from '../../src/call/flow-runner.ts';
import { type CallLimits, defaultCallLimits } from '../../src/call/limits.ts';
import { type CallService, type CallServiceOptions, createCallService } from '../../src/call/service.ts';
import type { StoredFlow } from '../../src/flow/flow-store.ts';
import type { Effect, FlowEvent, Prompt } from '../../src/flow/protocol.ts';
import { type CallFact, callFactSchema } from '../../src/kernel/call-fact.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { FakeTelephony } from '../support/fake-telephony.ts';

/** What a scripted flow answers to an event. */
export type Script = (event: FlowEvent, seen: readonly FlowEvent[]) => Effect[];

export const say = (file: string, options: { stopOnDigit?: boolean } = {}): Effect => ({
  type: 'play',
  playId: file,
  prompts: [{ file }],
  stopOnDigit: options.stopOnDigit ?? false,
});
export const hangup = (outcome = 'done'): Effect => ({ type: 'hangup', outcome });
export const dial = (toNumber: string, more: { maxTalkMs?: number } = {}): Effect => ({
  type: 'dial',
  dialId: 'd1',
  toNumber,
  ringTimeoutMs: 20_000,
  ...more,
});

/** Saved calls in memory, with the failures a test asks for. */
export class FakeStates implements CallStateStore {
  readonly saved = new Map<string, { owner: string; snapshot: CallSnapshot }>();
  readonly orphans: OrphanCall[] = [];
  /** It has lost its data: the next heartbeat says so. */
  forgotten = false;
  heartbeats = 0;
  saves = 0;
  failing = false;
  stolen = false;

  async heartbeat(): Promise<boolean> {
    if (this.failing) throw new Error('store is down');
    this.heartbeats += 1;
    const isKnown = !this.forgotten;
    this.forgotten = false;
    return isKnown;
  }

  async save(owner: string, snapshot: CallSnapshot): Promise<boolean> {
    if (this.failing) throw new Error('store is down');
    this.saves += 1;
    if (this.stolen) return false;
    this.saved.set(snapshot.callId, { owner, snapshot: structuredClone(snapshot) });
    return true;
  }

  async remove(_owner: string, callId: string): Promise<void> {
    if (this.failing) throw new Error('store is down');
    this.saved.delete(callId);
  }

  async claimOrphans(_owner: string, limit: number): Promise<OrphanCall[]> {
    return this.orphans.splice(0, limit);
  }

  async listOwn(): Promise<string[]> {
    return [...this.saved.keys()];
  }

  async liveAmong(callIds: readonly string[]): Promise<Set<string>> {
    if (this.failing) throw new Error('store is down');
    return new Set(callIds.filter((callId) => this.saved.has(callId)));
  }

  async ownerOf(callId: string): Promise<string | undefined> {
    return this.saved.get(callId)?.owner;
  }

  async countAll(): Promise<number> {
    return this.saved.size;
  }
}

/** Room for recordings, as a test has it. */
export class FakeRoom {
  hasRoom = true;
  readonly #listeners = new Set<() => void>();

  onFull(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  fill(): void {
    this.hasRoom = false;
    for (const listener of [...this.#listeners]) listener();
  }
}

export interface Harness {
  clock: FakeClock;
  telephony: FakeTelephony;
  states: FakeStates;
  service: CallService;
  facts: CallFact[];
  /** Every event the flow was given. */
  events: FlowEvent[];
  /** Facts in short: `offered`, `ended caller-hangup 200`. */
  story(legId?: string): string[];
}

export const sakura: Account = {
  accountId: 'sakura',
  name: 'さくら歯科',
  nameReading: 'さくらしか',
  status: 'active',
  answeringService: 'active',
  language: 'ja',
  outbound: { allow: ['+81'], deny: ['+81990'] },
};

export interface HarnessOptions {
  script?: Script;
  account?: Partial<Account>;
  limits?: Partial<CallLimits>;
  flow?: StoredFlow | undefined;
  overrides?: Partial<CallServiceOptions>;
}

/** A call service on fakes: number 03-1234-5678 belongs to the account `sakura`, whose flow is the script. */
export async function harness(options: HarnessOptions = {}): Promise<Harness> {
  const clock = new FakeClock();
  const telephony = new FakeTelephony(clock);
  const states = new FakeStates();
  const facts: CallFact[] = [];
  const events: FlowEvent[] = [];
  const script = options.script ?? (() => []);
  const runner: FlowRunner = {
    start: () => ({ events: 0 }),
    step: (state, event) => {
      events.push(event);
      const effects = script(event, events);
      return { state: { events: (state as { events: number }).events + 1 }, effects };
    },
  };
  const stored: StoredFlow = {
    flowId: 'main',
    accountId: 'sakura',
    version: 3,
    publishedAtMs: clock.nowMs(),
    definition: {},
  };
  const service = createCallService({
    telephony,
    accounts: fakeAccounts({ ...sakura, ...options.account }),
    flows: fakeFlows('flow' in options ? options.flow : stored),
    loadFlow: () => runner,
    ledger: {
      append: async (fact) => {
        facts.push(callFactSchema.parse(fact));
      },
    },
    states,
    // Files and made sounds are there; nothing is spoken here.
    prompts: {
      resolve: (prompt: Prompt) =>
        'text' in prompt || ('file' in prompt && prompt.file === 'missing') ? undefined : prompt,
    },
    apology: (language) => ({ file: `apology-${language}` }),
    clock,
    logger: silentLogger,
    controllerId: 'controller-a',
    recordingsFolder: join(tmpdir(), 'denwaban-test-recordings'),
    limits: { ...defaultCallLimits, ...options.limits },
    leaseMs: 9_000,
    ...options.overrides,
  });
  await service.start();
  const story = (legId?: string) => facts.filter((fact) => !legId || fact.legId === legId).map(inShort);
  return { clock, telephony, states, service, facts, events, story };
}

function inShort(fact: CallFact): string {
  if (fact.type === 'ended')
    return ['ended', fact.cause, fact.sipStatus].filter((part) => part !== undefined).join(' ');
  if (fact.type === 'finished') return `finished ${fact.outcome}`;
  if (fact.type === 'fault') return 'fault';
  return fact.type;
}

export function fakeAccounts(only: Account): CallServiceOptions['accounts'] {
  return {
    findAccount: async (accountId) => (accountId === only.accountId ? only : undefined),
    findNumber: async (number) =>
      number === '+81312345678' ? { number, accountId: only.accountId, flowId: 'main' } : undefined,
  };
}

function fakeFlows(only: StoredFlow | undefined): CallServiceOptions['flows'] {
  return { findFlow: async (flowId) => (flowId === only?.flowId ? only : undefined) };
}

/** What the next controller wrote that the first had not written: a fact that is there twice counts once (`factId`). */
export function dropWrittenBefore(first: Harness, next: Harness): void {
  const written = new Set(first.facts.map(({ factId }) => factId));
  next.facts.splice(0, next.facts.length, ...next.facts.filter(({ factId }) => !written.has(factId)));
}

/** A call that has been answered and whose flow has begun. */
export async function answeredCall(h: Harness) {
  const call = h.telephony.invite();
  await settle();
  if (!call.leg) throw new Error('the call was not answered');
  return { call, leg: call.leg };
}
