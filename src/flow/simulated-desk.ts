import { unreachable } from '../kernel/assert.ts';
import type { CallScript } from './call-script.ts';
import { dialledAs, isNumber } from './number-match.ts';
import type { CallBackOutcome, Effect, FlowEvent, OverflowStep } from './protocol.ts';
import type { TranscriptEntry } from './simulated-call.ts';

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** A flow event whose time the line fills in. */
export type Happening = DistributiveOmit<FlowEvent, 'atMs'>;
type Effected<T extends Effect['type']> = Extract<Effect, { type: T }>;

/** The line that the desk is asked on. */
export interface SimulatedDeskHost {
  feed(happening: Happening): void;
  note(entry: DistributiveOmit<TranscriptEntry, 'atMs'>): void;
  /** Gives what takes it back. */
  later(delayMs: number, run: () => void): () => void;
}

/** The people of a simulated call: what the script's `desk` says becomes of the caller. */
export class SimulatedDesk {
  readonly #script: CallScript;
  readonly #host: SimulatedDeskHost;
  #waiting: (() => void)[] = [];
  /** Of the newest escalation. */
  #steps: OverflowStep[] = [];
  #atTheEnd: () => void = () => undefined;
  #callBackTo: string | undefined;

  constructor(script: CallScript, host: SimulatedDeskHost) {
    this.#script = script;
    this.#host = host;
  }

  perform(effect: Effected<'escalate' | 'leave-desk' | 'call-back-later' | 'overflow-failed'>): void {
    switch (effect.type) {
      case 'escalate':
        this.#escalate(effect);
        break;
      case 'leave-desk':
        this.#stopWaiting();
        break;
      case 'call-back-later':
        this.#host.later(0, () => this.#callBack(effect.escalationId));
        break;
      case 'overflow-failed':
        this.#host.later(0, () => this.#overflow(effect.escalationId));
        break;
      default:
        unreachable(effect);
    }
  }

  #stopWaiting(): void {
    for (const cancel of this.#waiting.splice(0)) cancel();
  }

  #escalate({ escalationId, queueId, callBackTo }: Effected<'escalate'>): void {
    const { feed, note, later } = this.#host;
    note({ type: 'queued', queue: queueId });
    this.#callBackTo = callBackTo;
    const desk = this.#script.desk.find(({ queue }) => queue === queueId);
    if (!desk) return;
    later(0, () => feed({ type: 'desk-progress', escalationId, position: 1, waitMs: desk.waitMs }));
    const { outcome, talkMs } = desk;
    this.#steps = outcome === 'no-agent' || outcome === 'time-out' ? [...desk.overflow] : [];
    const over = (as: typeof outcome) => {
      note({ type: 'desk', queue: queueId, outcome: as });
      if (as !== 'answered') feed({ type: 'desk-done', escalationId, outcome: as });
    };
    this.#atTheEnd = () => over(outcome);
    const end = later(desk.waitMs, () => {
      if (outcome !== 'answered') {
        this.#overflow(escalationId);
        return;
      }
      over('answered');
      feed({ type: 'desk-answered', escalationId });
      const done = later(talkMs, () => {
        note({ type: 'desk', queue: queueId, outcome: 'done' });
        feed({ type: 'desk-done', escalationId, outcome: 'done' });
      });
      this.#waiting.push(done);
    });
    this.#waiting.push(end);
  }

  /** The next step of the queue's overflow; after the last one the flow is told. */
  #overflow(escalationId: string): void {
    const step = this.#steps.shift();
    if (!step) this.#atTheEnd();
    else this.#host.feed({ type: 'desk-overflow', escalationId, step });
  }

  #callBack(escalationId: string): void {
    const { feed, note } = this.#host;
    const number = this.#callBackTo ?? this.#script.from;
    const dialled = dialledAs(number)?.number ?? '';
    const isForbidden = this.#script.answers.some(
      (answer) => answer.outcome === 'forbidden' && isNumber(number, answer.number),
    );
    // A phone's name is nobody's number.
    const isNumbered = /^\+?\d{2,}$/.test(dialled);
    const outcome: CallBackOutcome = isForbidden || !isNumbered ? 'refused' : 'kept';
    note({ type: 'call-back', number, outcome });
    if (outcome === 'kept') this.#stopWaiting();
    feed({ type: 'desk-call-back', escalationId, outcome });
  }
}
