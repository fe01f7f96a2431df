import { type Clock, deadlinePassed, delay, toRfc3339, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';
import type { FactSink } from '../ledger/ledger.ts';
import type { CallActor } from './actor.ts';
import type { CallStateStore, OrphanCall } from './call-state-store.ts';
import { recoverMessage } from './caller-messages.ts';
import { FactLog } from './fact-log.ts';
import { bestEnd, type LegEnd, type LegWitnesses } from './leg-ends.ts';
import { type RecordingFolder, recordedMs } from './recordings.ts';
import type { SavedCall } from './saved-call.ts';
import type { StateRemovals } from './state-removals.ts';
import { recordedFact } from './talk-recordings.ts';
import type { Leg, LegEvent, LegSnapshot, Telephony } from './telephony.ts';

const claimAtOnce = 50;
/** Witnesses are asked for so long; a call is not kept waiting for a database that is away. */
const witnessDeadlineMs = 2_000;
/** How long the switch may take to complete the file of a recording that was broken off. */
const fileCompleteMs = 400;
/** A call on a media server that cannot be asked is kept for so long: it may go on there. */
const patienceMs = 60_000;

export interface TakeoverOptions {
  telephony: Telephony;
  states: CallStateStore;
  removals: Pick<StateRemovals, 'add'>;
  ledger: FactSink;
  /** Left out: nobody can be asked when a lost leg ended. */
  witnesses?: LegWitnesses | undefined;
  clock: Clock;
  logger: Logger;
  controllerId: string;
  leaseMs: number;
  recordings: Pick<RecordingFolder, 'fileFor'>;
  /** How many more calls this controller can drive. */
  roomFor(): number;
  /** An actor for a saved call that has not begun yet, and its record; undefined when its flow is gone. */
  rebuild(saved: SavedCall): Promise<{ actor: CallActor; facts: FactLog } | undefined>;
  /** The store knows this controller no more: what was saved of its calls may be gone too. */
  onForgotten(): void;
  /** Calls of a dead controller were found. */
  onOrphans(): void;
}

/** Keeps this controller's lease alive and takes over the calls of those whose lease has run out. */
export class Takeover {
  readonly #options: TakeoverOptions;
  /** Each for itself: a take-over may take its time, and must not cost us our own calls. */
  readonly #beats: Rounds;
  readonly #claims: Rounds;
  /** Calls of which it is not known whether they are still there. */
  #unknown: { orphan: OrphanCall; untilMs: number }[] = [];
  #stopped = false;
  #wasKnown = false;

  constructor(options: TakeoverOptions) {
    this.#options = options;
    const { clock, leaseMs, logger } = options;
    const everyMs = leaseMs / 3;
    const failed = (what: string) => (error: unknown) => logger.error({ err: errorMessage(error) }, what);
    const beatFailed = failed('the controller lease could not be renewed');
    this.#beats = new Rounds({ clock, everyMs, work: () => this.#beat(), onFailed: beatFailed });
    const claimFailed = failed('calls could not be taken over');
    this.#claims = new Rounds({ clock, everyMs, work: () => this.#claim(), onFailed: claimFailed });
  }

  async start(): Promise<void> {
    await this.#beats.startNow();
    await this.#claims.startNow();
  }

  stop(): void {
    this.#stopped = true;
    for (const rounds of [this.#beats, this.#claims]) rounds.stop().catch(() => undefined); // It never rejects.
  }

  async #beat(): Promise<void> {
    const { states, controllerId, leaseMs, onForgotten } = this.#options;
    const isKnown = await states.heartbeat(controllerId, leaseMs);
    if (!isKnown && this.#wasKnown) onForgotten();
    this.#wasKnown = true;
  }

  async #claim(): Promise<void> {
    const { states, controllerId, roomFor, telephony, clock, onOrphans } = this.#options;
    const limit = Math.min(claimAtOnce, roomFor());
    if (limit === 0 || !telephony.status().ready || this.#stopped) return;
    const again = this.#unknown.splice(0);
    await Promise.all(again.map(({ orphan, untilMs }) => this.#adopt(orphan, untilMs)));
    const orphans = await states.claimOrphans(controllerId, limit);
    if (orphans.length > 0) onOrphans();
    const untilMs = clock.monotonicMs() + patienceMs;
    await Promise.all(orphans.map((orphan) => this.#adopt(orphan, untilMs)));
  }

  async #adopt(orphan: OrphanCall, untilMs: number): Promise<void> {
    const { logger, clock } = this.#options;
    const { callId } = orphan;
    logger.warn({ callId, savedAt: toRfc3339(orphan.savedAtMs) }, 'taking a call over');
    try {
      if (clock.monotonicMs() < untilMs && (await this.#isUnknown(orphan))) this.#unknown.push({ orphan, untilMs });
      else if (!(await this.#goOn(orphan))) await this.#close(orphan);
    } catch (error) {
      logger.error({ callId, err: errorMessage(error), atMs: clock.nowMs() }, 'a call could not be taken over');
      await this.#close(orphan);
    }
  }

  /** The media server that has the caller, or had, cannot be asked. */
  async #isUnknown({ state }: OrphanCall): Promise<boolean> {
    const { caller, identity } = state as SavedCall;
    return caller !== undefined && (await this.#options.telephony.hasChannel(identity.callerLegId)) === undefined;
  }

  /** True when an actor drives the call again. */
  async #goOn(orphan: OrphanCall): Promise<boolean> {
    const { telephony, recordings, clock } = this.#options;
    const saved = orphan.state as SavedCall;
    const inbox = new Inbox();
    const caller = saved.caller ? await telephony.adopt(saved.caller, inbox.caller) : undefined;
    const { kept, found } = await this.#adoptParties(saved, caller, inbox);
    if (!caller) return false;
    const rebuilt = await this.#rebuild(saved, [caller, ...kept.values()]);
    if (!rebuilt) return false;
    const { actor, facts } = rebuilt;
    const there = new Set([caller.legId, ...found]);
    const lost = saved.facts.openLegIds.filter((legId) => !there.has(legId));
    for (const { legId, ...end } of await this.#endsOf(lost, orphan, facts.clock))
      facts.endLeg(legId, 'controller-lost', end);
    if (saved.message) {
      caller.stopRecord();
      await delay(clock, fileCompleteMs);
      await recoverMessage(saved.message, { identity: saved.identity, facts, recordings });
    }
    actor.resume(caller, saved, kept);
    if (saved.ending) actor.end(saved.ending);
    inbox.deliverTo(actor);
    return true;
  }

  /** Undefined, and the legs ended, where nobody can go on with the call. */
  async #rebuild(saved: SavedCall, legs: readonly Leg[]) {
    const end = () => Promise.all(legs.map((leg) => leg.end('flow-fault')));
    const rebuilt = await this.#options.rebuild(saved).catch(async (error: unknown) => {
      await end();
      throw error;
    });
    if (!rebuilt) await end();
    return rebuilt;
  }

  /** Second parties are kept if they had answered and the caller is there; any other, and who listened, is hung up. */
  async #adoptParties(saved: SavedCall, caller: Leg | undefined, inbox: Inbox) {
    const kept = new Map<string, Leg>();
    const found = new Set<string>();
    const parties = [
      ...(saved.peer ? [{ ...saved.peer, kind: 'transfer' as const }] : []),
      ...(saved.desk?.outside ? [{ ...saved.desk.outside, kind: 'transfer' as const }] : []),
      ...(saved.desk?.agents ?? []).map((agent) => ({ ...agent, kind: 'agent' as const })),
      ...(saved.listeners ?? []).map((listener) => ({ ...listener, kind: 'listener' as const })),
      ...(saved.desk?.callee ? [{ ...saved.desk.callee, kind: 'caller' as const }] : []),
    ];
    await Promise.all(
      parties.map(async ({ legId, kind, leg: answered, ringing }) => {
        const known: LegSnapshot = answered ?? ringing ?? { legId, kind, adapter: {} };
        const leg = await this.#options.telephony.adopt(known, inbox.party(legId));
        if (leg) found.add(legId);
        if (leg && caller && answered && kind !== 'listener') kept.set(legId, leg);
        else await leg?.end('controller-lost');
      }),
    );
    return { kept, found };
  }

  /** When legs ended that the switch knows no more, the earliest first. */
  async #endsOf(legIds: readonly string[], { callId, state, heardAgoMs }: OrphanCall, clock: Clock): Promise<LegEnd[]> {
    const { witnesses, logger } = this.#options;
    if (legIds.length === 0) return [];
    const saved = state as SavedCall;
    const ask = async () => ({
      recorded: (await witnesses?.factsOfCalls([callId])) ?? [],
      channels: (await witnesses?.channelsOf(legIds)) ?? [],
    });
    const told = await withDeadline(clock, ask(), witnessDeadlineMs).catch((error: unknown) => {
      logger.warn({ callId, err: errorMessage(error) }, 'nobody can be asked when the legs of a lost call ended');
      return deadlinePassed;
    });
    const { recorded, channels } = typeof told === 'object' ? told : { recorded: [], channels: [] };
    const facts = [...recorded, ...(saved.facts.unwritten ?? [])];
    const heardAtMs = heardAgoMs === undefined ? undefined : clock.nowMs() - heardAgoMs;
    return legIds
      .filter((legId) => !facts.some((fact) => fact.type === 'ended' && fact.legId === legId))
      .map((legId) => {
        const own = channels.filter((channel) => channel.legId === legId);
        const end = bestEnd({ legId, facts, channels: own, heardAtMs });
        return end.atMs > 0 ? end : { ...end, atMs: clock.nowMs() };
      })
      .sort((a, b) => a.atMs - b.atMs);
  }

  /** Nothing of the call is left: its record is closed. */
  async #close(orphan: OrphanCall): Promise<void> {
    const { callId, state, savedAtMs } = orphan;
    const saved = state as SavedCall;
    const { ledger, recordings, clock, logger, removals } = this.#options;
    try {
      const { identity } = saved;
      const { accountId, callerLegId } = identity;
      const facts = new FactLog({ ledger, clock, logger, callId, accountId }, saved.facts);
      const ends = await this.#endsOf(facts.openLegIds, orphan, facts.clock);
      const callerEnd = ends.find(({ legId }) => legId === callerLegId);
      if (callerEnd) facts.append({ type: 'taken-over', legId: callerLegId }, callerEnd.atMs);
      for (const recording of saved.recordings ?? []) {
        const file = recordings.fileFor(accountId, callId, recording.recordingId);
        const durationMs = (await recordedMs(file)) ?? savedAtMs - recording.startedAtMs;
        facts.append(recordedFact(callerLegId, recording, file, durationMs), callerEnd?.atMs);
      }
      if (saved.message) await recoverMessage(saved.message, { identity, facts, recordings }, callerEnd?.atMs);
      for (const { legId, ...end } of ends) {
        facts.endLeg(legId, 'controller-lost', end);
        logger.warn({ callId, legId, endedAt: toRfc3339(end.atMs), witness: end.witness }, 'a lost leg was closed');
      }
      removals.add(callId, facts.written());
    } catch (error) {
      logger.error({ callId, err: errorMessage(error) }, 'the record of a lost call could not be closed');
    }
  }
}

/** Keeps what adopted legs say until the actor is there to hear it. */
class Inbox {
  #actor: CallActor | undefined;
  readonly #waiting: ((actor: CallActor) => void)[] = [];

  readonly caller = (event: LegEvent): void => this.#put((actor) => actor.onCallerEvent(event));

  party(legId: string): (event: LegEvent) => void {
    return (event) => this.#put((actor) => actor.onPeerEvent(legId, event));
  }

  deliverTo(actor: CallActor): void {
    this.#actor = actor;
    for (const tell of this.#waiting.splice(0)) tell(actor);
  }

  #put(tell: (actor: CallActor) => void): void {
    if (this.#actor) tell(this.#actor);
    else this.#waiting.push(tell);
  }
}
