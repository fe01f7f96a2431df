import type { DeskAccess } from '../../src/call/escalation.ts';
import type { SavedCall } from '../../src/call/saved-call.ts';
import { type CallOrderResult, orderDone, orderRefused } from '../../src/desk/call-orders.ts';
import type { CallShown } from '../../src/desk/call-shown.ts';
import type { CallBackOrder, DeskListener, DeskRefusal, DeskTicket, RingOrder } from '../../src/desk/desk.ts';
import type { IntakeOpening } from '../../src/desk/intake.ts';
import type { DeskRequestInput } from '../../src/desk/request.ts';
import type { Effect } from '../../src/flow/protocol.ts';
import { settle } from '../support/fake-clock.ts';
import { answeredCall, dropWrittenBefore, type HarnessOptions, hangup, harness } from './harness.ts';

export const escalate: Effect = {
  ...{ type: 'escalate', escalationId: 'q1', queueId: 'front', priority: 2, skills: [], language: 'ja' },
  learned: { order: '1234' },
};
export const phone = {
  uri: 'sip:hanako@192.0.2.1',
  source: { transport: 'udp' as const, address: '192.0.2.1', port: 5060 },
};
export const ring: RingOrder = {
  ...{ offerId: 'o1', agentId: 'hanako', displayName: '花子', ringTimeoutMs: 20_000, pressOneToAccept: false },
  account: { accountId: 'sakura', name: 'さくら歯科', reading: 'さくらしか' },
};

/** A desk whose decisions the test takes; keeps in words what it was told. */
export class FakeDesk {
  readonly told: string[] = [];
  readonly requests: DeskRequestInput[] = [];
  listener: DeskListener | undefined;
  refusal: DeskRefusal['refused'] | undefined;
  grants = true;
  /** So often it cannot be asked for a ticket after a take-over. */
  resumesFail = 0;
  /** Of `callBackLater`. */
  keepsPlace: Promise<boolean> = Promise.resolve(true);
  /** What the answer to `listenIn` waits for. */
  beforeListening: Promise<void> | undefined;
  /** Of a call-back that is not reached: it is given up. */
  isLastAttempt = false;
  /** Offers of it are t1, t2, … */
  handedOver = 0;
  handOverRefusal: 'busy' | 'not-allowed' | undefined;
  /** What the watchers are shown, newest last. */
  readonly shown: CallShown[] = [];
  found: DeskTicket['found'] | undefined = { state: 'waiting', offerId: undefined, agentId: undefined };

  async offer(request: DeskRequestInput, listener: DeskListener): Promise<DeskTicket | DeskRefusal> {
    this.requests.push(request);
    if (this.refusal) return { refused: this.refusal };
    return this.ticket(listener);
  }

  async resume(_callId: string, listener: DeskListener): Promise<DeskTicket | undefined> {
    if (this.resumesFail-- > 0) throw new Error('Redis does not answer');
    return this.found ? this.ticket(listener) : undefined;
  }

  async orderCallBack(callId: string, order: CallBackOrder): Promise<CallOrderResult> {
    this.told.push(`${order.type} ${callId}`);
    return callId === 'call-first' ? orderDone : orderRefused('no-such-call');
  }

  /** A ticket that is told to this desk. */
  ticket(listener: DeskListener): DeskTicket {
    this.listener = listener;
    const ended = new Set<string>();
    const tell = (...words: (string | undefined)[]) => {
      this.told.push(words.filter(Boolean).join(' '));
    };
    return {
      callId: 'call',
      found: this.found ?? { state: 'waiting', offerId: undefined, agentId: undefined },
      position: 3,
      ringing: (offerId) => tell('ringing', offerId),
      answered: async (offerId) => {
        tell('answered', offerId);
        return this.grants;
      },
      // As the desk has it: of an offer that has ended nothing more is heard.
      missed: (offerId, why) => (ended.has(offerId) ? undefined : tell('missed', offerId, why)),
      notReached: async (offerId, { attemptsMax }) => {
        ended.add(offerId);
        tell('not reached', offerId, attemptsMax === undefined ? 'uncounted' : '');
        return !this.isLastAttempt;
      },
      connected: (offerId) => tell('connected', offerId),
      parted: (offerId, why) => {
        ended.add(offerId);
        tell('parted', offerId, why);
      },
      moveTo: async (queueId, first) => {
        tell('move', queueId, first ? 'first' : '');
        return queueId === 'full' ? 'full' : 'moved';
      },
      handTo: async (agentId) => {
        tell('hand to', agentId);
        const refused = this.handOverRefusal;
        if (refused) return refused;
        this.handedOver += 1;
        listener.ring({ ...ring, offerId: `t${this.handedOver}`, agentId, displayName: agentId, isTransfer: true });
        return 'reserved';
      },
      keep: () => tell('keep'),
      handToQueue: async (queueId) => {
        tell('hand to queue', queueId);
        return queueId === 'full' || queueId === 'closed' ? queueId : 'queued';
      },
      backToHead: async () => {
        tell('back to head');
        return true;
      },
      listenIn: async (agentId) => {
        tell('listens', agentId);
        await this.beforeListening;
        return agentId === 'busy' ? 'busy' : 'ok';
      },
      stopListening: (agentId) => tell('listens no more', agentId),
      show: (shown) => void this.shown.push(shown),
      overflowFailed: () => tell('overflow failed'),
      callBackLater: () => {
        tell('call back later');
        return this.keepsPlace;
      },
      leave: (why) => tell('leave', why),
    };
  }
}

export async function waiting(
  options: HarnessOptions & {
    phones?: (typeof phone)[];
    refusal?: FakeDesk['refusal'];
    /** Of certain agents; undefined: as of all others. */
    phonesOf?: (agentId: string) => Promise<(typeof phone)[] | undefined>;
    recordingPolicy?: NonNullable<DeskAccess['recordingPolicy']>;
  } = {},
) {
  const desk = new FakeDesk();
  desk.refusal = options.refusal;
  const opened: IntakeOpening[] = [];
  const intake = { open: (opening: IntakeOpening) => void opened.push(opening) };
  const { recordingPolicy } = options;
  const phonesOf = async (agentId: string) => (await options.phonesOf?.(agentId)) ?? options.phones ?? [phone];
  const people = { desk, intake, phonesOf, ...(recordingPolicy && { recordingPolicy }) };
  const h = await harness({
    script: (event) => (event.type === 'started' ? [escalate] : event.type === 'desk-done' ? [hangup('over')] : []),
    ...options,
    overrides: { people, ...options.overrides },
  });
  const { leg } = await answeredCall(h);
  await settle();
  return { h, leg, desk, opened };
}

export async function ringing(options: Parameters<typeof waiting>[0] & { order?: Partial<RingOrder> } = {}) {
  const all = await waiting(options);
  all.desk.listener?.ring({ ...ring, ...options.order });
  await settle();
  const dial = all.h.telephony.dials.at(-1);
  if (!dial) throw new Error('no phone was rung');
  dial.ring();
  await settle();
  return { ...all, dial };
}

export async function talking(options: Parameters<typeof ringing>[0] = {}) {
  const all = await ringing(options);
  const agent = all.dial.answer();
  await settle();
  if (!agent) throw new Error('the agent did not answer');
  agent.finishPlay();
  await settle();
  return { ...all, agent };
}

/** The controller dies; another takes the call over and finds these legs on the switch, and this at the desk. */
export async function takenOver(
  first: Awaited<ReturnType<typeof waiting>>,
  keep: 'agent' | 'nobody',
  found: FakeDesk['found'],
  /** Of a number outside. */
  outsideId?: string,
  { callerGone = false, resumesFail = 0 } = {},
) {
  await first.h.clock.advance(200);
  const snapshot = [...first.h.states.saved.values()][0]?.snapshot;
  if (!snapshot) throw new Error('nothing was saved');
  const saved = snapshot.state as SavedCall;
  const desk = new FakeDesk();
  desk.found = found;
  desk.resumesFail = resumesFail;
  const opened: IntakeOpening[] = [];
  const intake = { open: (opening: IntakeOpening) => void opened.push(opening) };
  const h = await harness({ overrides: { people: { desk, intake, phonesOf: async () => [phone] } } });
  if (saved.caller && !callerGone) h.telephony.adoptable.set(saved.caller.legId, 'caller');
  for (const { legId } of saved.desk?.agents ?? []) if (keep === 'agent') h.telephony.adoptable.set(legId, 'agent');
  if (outsideId !== undefined) h.telephony.adoptable.set(outsideId, 'transfer');
  h.states.orphans.push(snapshot);
  await h.clock.advance(3_000);
  dropWrittenBefore(first.h, h);
  return { h, desk, saved, opened };
}
