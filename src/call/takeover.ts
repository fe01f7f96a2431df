import { type Clock, type TimerHandle, toRfc3339 } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactSink } from '../ledger/ledger.ts';
import type { CallActor } from './actor.ts';
import type { CallSnapshot, CallStateStore } from './call-state-store.ts';
import { FactLog } from './fact-log.ts';
import { type RecordingFolder, recordedMs } from './recordings.ts';
import type { SavedCall } from './saved-call.ts';
import { recordedFact } from './talk-recordings.ts';
import type { Leg, LegEvent, LegSnapshot, Telephony } from './telephony.ts';

const claimAtOnce = 50;

export interface TakeoverOptions {
  telephony: Telephony;
  states: CallStateStore;
  ledger: FactSink;
  clock: Clock;
  logger: Logger;
  controllerId: string;
  leaseMs: number;
  recordings: Pick<RecordingFolder, 'fileFor'>;
  /** How many more calls this controller can drive. */
  roomFor(): number;
  /** An actor for a saved call that has not begun yet; undefined when its flow is gone. */
  rebuild(saved: SavedCall): Promise<CallActor | undefined>;
}

/** Keeps this controller's lease alive and takes over the calls of those whose lease has run out. */
export class Takeover {
  readonly #options: TakeoverOptions;
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  async #round(): Promise<void> {
    const { states, controllerId, leaseMs, clock, logger } = this.#options;
    try {
      await states.heartbeat(controllerId, leaseMs);
      await this.#claim();
    } catch (error) {
      logger.error({ err: errorMessage(error) }, 'the controller lease could not be renewed');
    }
    if (this.#stopped) return;
    this.#timer = clock.setTimeout(() => {
      this.#round().catch((error: unknown) => logger.error({ err: errorMessage(error) }, 'take-over failed'));
    }, leaseMs / 3);
  }

  async #claim(): Promise<void> {
    const { states, controllerId, roomFor, telephony } = this.#options;
    const limit = Math.min(claimAtOnce, roomFor());
    if (limit === 0 || !telephony.status().ready || this.#stopped) return;
    const orphans = await states.claimOrphans(controllerId, limit);
    await Promise.all(orphans.map((orphan) => this.#adopt(orphan)));
  }

  async #adopt(orphan: CallSnapshot): Promise<void> {
    const { logger, clock } = this.#options;
    const { callId } = orphan;
    const saved = orphan.state as SavedCall;
    logger.warn({ callId, savedAt: toRfc3339(orphan.savedAtMs) }, 'taking a call over');
    try {
      if (!(await this.#goOn(saved))) await this.#close(orphan);
    } catch (error) {
      logger.error({ callId, err: errorMessage(error), atMs: clock.nowMs() }, 'a call could not be taken over');
      await this.#close(orphan);
    }
  }

  /** True when an actor drives the call again. */
  async #goOn(saved: SavedCall): Promise<boolean> {
    const { telephony } = this.#options;
    const inbox = new Inbox();
    const caller = saved.caller ? await telephony.adopt(saved.caller, inbox.caller) : undefined;
    const legs = await this.#adoptParties(saved, caller, inbox);
    if (!caller) return false;
    const actor = await this.#options.rebuild(saved);
    if (!actor) {
      await Promise.all([caller, ...legs.values()].map((leg) => leg.end('flow-fault')));
      return false;
    }
    actor.resume(caller, saved, legs);
    if (saved.ending) actor.end(saved.ending);
    inbox.deliverTo(actor);
    return true;
  }

  /** Second parties are kept if they had answered and the caller is there; any other, and who listened, is hung up. */
  async #adoptParties(saved: SavedCall, caller: Leg | undefined, inbox: Inbox): Promise<Map<string, Leg>> {
    const kept = new Map<string, Leg>();
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
        if (leg && caller && answered && kind !== 'listener') kept.set(legId, leg);
        else await leg?.end('controller-lost');
      }),
    );
    return kept;
  }

  /** Nothing of the call is left: its record is closed. */
  async #close({ callId, state, savedAtMs }: CallSnapshot): Promise<void> {
    const saved = state as SavedCall;
    const { ledger, recordings, clock, logger, states, controllerId } = this.#options;
    try {
      const { accountId, callerLegId } = saved.identity;
      const facts = new FactLog({ ledger, clock, logger, callId, accountId }, saved.facts);
      if (facts.isOpen(callerLegId)) facts.append({ type: 'taken-over', legId: callerLegId });
      for (const recording of saved.recordings ?? []) {
        const file = recordings.fileFor(accountId, callId, recording.recordingId);
        const durationMs = (await recordedMs(file)) ?? savedAtMs - recording.startedAtMs;
        facts.append(recordedFact(callerLegId, recording, file, durationMs));
      }
      for (const legId of facts.openLegIds) facts.endLeg(legId, 'controller-lost');
      await states.remove(controllerId, callId);
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
