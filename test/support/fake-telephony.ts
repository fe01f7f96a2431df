import type {
  AnswerOutcome,
  CallRecordRequest,
  DialAttempt,
  DialOutcome,
  DialRequest,
  IncomingCall,
  Leg,
  LegEvent,
  LegSnapshot,
  ListenMode,
  PlayOutcome,
  PlayRequest,
  RecordingOrder,
  RecordOutcome,
  RecordRequest,
  Telephony,
  TelephonyHandlers,
  TelephonyStatus,
} from '../../src/call/telephony.ts';
import type { EndCause, LegKind } from '../../src/kernel/call-fact.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { soundName as nameOf } from './sound-name.ts';

/** A leg without a telephone: tests press its keys and hang it up; it keeps the port's promises. */
export class FakeLeg implements Leg {
  readonly legId: string;
  readonly kind: LegKind;
  readonly #telephony: FakeTelephony;
  readonly #onEvent: (event: LegEvent) => void;
  /** All that was ordered, in words: `play hello.wav`, `stop`, `bridge leg-2` … */
  readonly orders: string[] = [];
  playing: PlayRequest | undefined;
  recording: RecordRequest | undefined;
  /** Recordings of the call, by id; `paused` as ordered. */
  readonly callRecordings = new Map<string, { request: CallRecordRequest; paused: boolean }>();
  bridgedWith: FakeLeg | undefined;
  listening: { target: FakeLeg; mode: ListenMode } | undefined;
  ended: EndCause | undefined;
  /** Set to make `end` wait for {@link confirmEnd}. */
  slowToEnd = false;
  keySignCount = 0;
  readonly keySigns = async () => this.keySignCount;
  #confirmEnd: (() => void) | undefined;

  constructor(telephony: FakeTelephony, legId: string, kind: LegKind, onEvent: (event: LegEvent) => void) {
    this.#telephony = telephony;
    this.legId = legId;
    this.kind = kind;
    this.#onEvent = onEvent;
  }

  play(request: PlayRequest): void {
    if (this.ended) return;
    if (this.playing) this.finishPlay('stopped');
    this.orders.push(`play ${request.sounds.map(nameOf).join(' ')}`);
    this.playing = request;
  }

  stopPlay(): void {
    if (this.ended) return;
    this.orders.push('stop');
    if (this.playing) this.finishPlay('stopped');
  }

  record(request: RecordRequest): void {
    if (this.ended) return;
    this.orders.push(`record ${request.file.split('/').at(-1)}`);
    this.recording = request;
  }

  stopRecord(): void {
    this.finishRecord('stopped', 1_000);
  }

  recordCall(request: CallRecordRequest): void {
    if (this.ended) return;
    this.orders.push(`record call ${request.file.split('/').at(-1)}`);
    this.callRecordings.set(request.recordingId, { request, paused: false });
  }

  adoptRecording(request: CallRecordRequest): void {
    this.callRecordings.set(request.recordingId, { request, paused: false });
  }

  orderRecording(recordingId: string, order: RecordingOrder): void {
    const recording = this.callRecordings.get(recordingId);
    if (!recording || this.ended) return;
    this.orders.push(`${order} recording`);
    if (order === 'stop') this.finishCallRecording(recordingId);
    else recording.paused = order === 'pause';
  }

  async bridge(peer: Leg): Promise<boolean> {
    if (!(peer instanceof FakeLeg) || this.ended || peer.ended || this.#telephony.bridgesFail) return false;
    for (const leg of [this, peer]) leg.finishPlay('stopped');
    this.orders.push(`bridge ${peer.kind}`);
    [this.bridgedWith, peer.bridgedWith] = [peer, this];
    return true;
  }

  async unbridge(): Promise<boolean> {
    const peer = this.bridgedWith;
    if (!peer || this.ended || peer.ended) return false;
    this.orders.push('unbridge');
    for (const leg of [this, peer]) leg.bridgedWith = undefined;
    return true;
  }

  async listen(target: Leg, mode: ListenMode): Promise<boolean> {
    if (!(target instanceof FakeLeg) || this.ended || target.ended || this.bridgedWith) return false;
    this.orders.push(`${mode} at ${target.kind}`);
    if (this.listening?.target !== target) this.stopListening();
    this.listening = { target, mode };
    return true;
  }

  stopListening(): void {
    const targetLegId = this.listening?.target.legId;
    this.listening = undefined;
    if (targetLegId) this.tell({ type: 'listen-done', targetLegId, atMonotonicMs: this.#nowMs });
  }

  async end(cause: EndCause): Promise<void> {
    if (this.ended) return;
    this.orders.push(`end ${cause}`);
    if (this.slowToEnd) {
      await new Promise<void>((resolve) => {
        this.#confirmEnd = resolve;
      });
    }
    this.#over(cause);
  }

  confirmEnd(): void {
    this.#confirmEnd?.();
  }

  snapshot(): LegSnapshot {
    return { legId: this.legId, kind: this.kind, adapter: { fake: true } };
  }

  /** The party presses a key; a prompt that stops on digits stops. */
  press(digits: string): void {
    for (const digit of digits) {
      if (this.ended) return;
      this.tell({ type: 'digit', digit, durationMs: 100, atMonotonicMs: this.#nowMs });
      if (this.playing?.stopOnDigit) this.finishPlay('stopped');
    }
  }

  /** The prompt ends. */
  finishPlay(outcome: PlayOutcome = 'finished'): void {
    const playing = this.playing;
    if (!playing || this.ended) return;
    this.playing = undefined;
    this.tell({ type: 'play-done', playId: playing.playId, outcome, atMonotonicMs: this.#nowMs });
  }

  /** The recording ends. */
  finishRecord(outcome: RecordOutcome = 'silence', durationMs = 2_500): void {
    const recording = this.recording;
    if (!recording || this.ended) return;
    this.recording = undefined;
    const { recordingId } = recording;
    this.tell({ type: 'record-done', recordingId, outcome, durationMs, atMonotonicMs: this.#nowMs });
  }

  /** A recording of the call ends. */
  finishCallRecording(recordingId: string, outcome: RecordOutcome = 'stopped', durationMs = 10_000): void {
    if (!this.callRecordings.delete(recordingId)) return;
    this.tell({ type: 'record-done', recordingId, outcome, durationMs, atMonotonicMs: this.#nowMs });
  }

  /** The party hangs up, or the switch loses the leg. */
  hangUp(cause: EndCause = this.kind === 'caller' ? 'caller-hangup' : 'peer-hangup'): void {
    this.#over(cause);
  }

  get #nowMs(): number {
    return this.#telephony.clock.monotonicMs();
  }

  #over(cause: EndCause): void {
    if (this.ended) return;
    if (this.recording) this.finishRecord('leg-ended');
    for (const recordingId of [...this.callRecordings.keys()]) this.finishCallRecording(recordingId, 'leg-ended');
    if (this.playing) this.finishPlay('leg-ended');
    this.ended = cause;
    const { bridgedWith: peer } = this;
    this.bridgedWith = undefined;
    for (const leg of this.#telephony.legs) if (leg.listening?.target === this || leg === this) leg.stopListening();
    this.tell({ type: 'ended', cause, atMonotonicMs: this.#nowMs });
    if (!peer || peer.ended) return;
    peer.bridgedWith = undefined;
    peer.tell({ type: 'unbridged', peerLegId: this.legId, atMonotonicMs: this.#nowMs });
  }

  /** Says something to the owner of the leg. */
  tell(event: LegEvent): void {
    this.#onEvent(event);
  }
}

/** An INVITE that a test has sent. */
export class FakeIncomingCall implements IncomingCall {
  readonly legId: string;
  readonly sipCallId: string;
  readonly fromNumber: string;
  readonly toNumber: string;
  readonly receivedMonotonicMs: number;
  readonly #telephony: FakeTelephony;
  rejected: { status: number; retryAfterSeconds?: number } | undefined;
  leg: FakeLeg | undefined;
  /** Set to hold the answer back until {@link completeAnswer}. */
  slowToAnswer = false;
  answering = false;
  #cancelled = false;
  #onCancelled: (() => void) | undefined;
  #complete: ((outcome: AnswerOutcome) => void) | undefined;
  #onEvent: ((event: LegEvent) => void) | undefined;
  constructor(telephony: FakeTelephony, legId: string, fromNumber: string, toNumber: string) {
    this.#telephony = telephony;
    this.legId = legId;
    this.sipCallId = `${legId}@fake`;
    this.fromNumber = fromNumber;
    this.toNumber = toNumber;
    this.receivedMonotonicMs = telephony.clock.monotonicMs();
  }

  get decided(): boolean {
    return Boolean(this.rejected || this.leg || this.#cancelled);
  }

  reject(status: number, options: { retryAfterSeconds?: number } = {}): void {
    if (this.decided) return;
    const { retryAfterSeconds } = options;
    this.rejected = { status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
    this.#complete?.({ ok: false, cause: 'failed', sipStatus: status });
  }

  onCancelled(callback: () => void): void {
    this.#onCancelled = callback;
    if (this.#cancelled) callback();
  }

  answer(onEvent: (event: LegEvent) => void): Promise<AnswerOutcome> {
    this.answering = true;
    this.#onEvent = onEvent;
    return new Promise((resolve) => {
      this.#complete = resolve;
      if (this.#cancelled) resolve({ ok: false, cause: 'cancelled', sipStatus: 487 });
      else if (!this.slowToAnswer) this.completeAnswer();
    });
  }

  completeAnswer(failure?: Extract<AnswerOutcome, { ok: false }>): void {
    const onEvent = this.#onEvent;
    if (!onEvent || this.decided) return;
    if (failure) {
      this.rejected = { status: failure.sipStatus };
      this.#complete?.(failure);
      return;
    }
    this.leg = new FakeLeg(this.#telephony, this.legId, 'caller', onEvent);
    this.#telephony.legs.push(this.leg);
    this.#complete?.({ ok: true, leg: this.leg });
  }

  /** The caller gives up before the answer. */
  cancel(): void {
    if (this.decided) return;
    this.#cancelled = true;
    this.#onCancelled?.();
    this.#complete?.({ ok: false, cause: 'cancelled', sipStatus: 487 });
  }
}

/** A phone that rings until told otherwise. */
export class FakeDial implements DialAttempt {
  readonly legId: string;
  readonly outcome: Promise<DialOutcome>;
  readonly request: DialRequest;
  readonly #telephony: FakeTelephony;
  cancelled = false;
  leg: FakeLeg | undefined;
  done = false;
  readonly #settle: (outcome: DialOutcome) => void;

  constructor(telephony: FakeTelephony, request: DialRequest) {
    this.#telephony = telephony;
    this.request = request;
    this.legId = request.legId;
    const { promise, resolve } = Promise.withResolvers<DialOutcome>();
    this.outcome = promise;
    this.#settle = resolve;
  }

  readonly snapshot = (): LegSnapshot => ({ legId: this.legId, kind: this.request.kind, adapter: {} });

  ring(): void {
    if (!this.done) this.request.onRinging();
  }

  /** Answers; returns undefined when it is too late. */
  answer(): FakeLeg | undefined {
    if (this.done) return undefined;
    this.done = true;
    this.leg = new FakeLeg(this.#telephony, this.legId, this.request.kind, this.request.onEvent);
    this.#telephony.legs.push(this.leg);
    this.#settle({ ok: true, leg: this.leg });
    return this.leg;
  }

  fail(cause: Extract<DialOutcome, { ok: false }>['cause'], sipStatus?: number): void {
    if (this.done) return;
    this.done = true;
    this.#settle({ ok: false, cause, ...(sipStatus === undefined ? {} : { sipStatus }) });
  }

  cancel(): void {
    this.cancelled = true;
    // As in life, a phone may answer before the CANCEL reaches it.
    if (!this.#telephony.cancelsAreLate) this.fail('cancelled', 487);
  }
}

/** The telephony port without a network. Tests play the callers, the phones and the switch. */
export class FakeTelephony implements Telephony {
  readonly clock: Clock;
  readonly legs: FakeLeg[] = [];
  readonly calls: FakeIncomingCall[] = [];
  readonly dials: FakeDial[] = [];
  /** Legs of another controller that still exist on the switch, by id. */
  readonly adoptable = new Map<string, LegKind>();
  bridgesFail = false;
  cancelsAreLate = false;
  draining = false;
  ready = true;
  #handlers: TelephonyHandlers | undefined;
  #nextLeg = 1;
  constructor(clock: Clock) {
    this.clock = clock;
  }

  async start(handlers: TelephonyHandlers): Promise<void> {
    this.#handlers = handlers;
  }

  drain(): void {
    this.draining = true;
  }

  async stop(): Promise<void> {
    this.#handlers = undefined;
  }

  status(): TelephonyStatus {
    return { ready: this.ready, mediaServers: [{ name: 'fake', ready: this.ready, legs: this.openLegs.length }] };
  }

  dial(request: DialRequest): DialAttempt {
    const dial = new FakeDial(this, request);
    this.dials.push(dial);
    if (this.draining && !request.peer) dial.fail('draining');
    return dial;
  }

  hasChannel: Telephony['hasChannel'] = async (legId) => this.openLegs.some((leg) => leg.legId === legId);

  async adopt(snapshot: LegSnapshot, onEvent: (event: LegEvent) => void): Promise<Leg | undefined> {
    const kind = this.adoptable.get(snapshot.legId);
    if (!kind) return undefined;
    const leg = new FakeLeg(this, snapshot.legId, kind, onEvent);
    this.legs.push(leg);
    return leg;
  }

  /** An INVITE arrives. */
  invite({ from = '09012345678', to = '0312345678', slowToAnswer = false } = {}): FakeIncomingCall {
    const call = new FakeIncomingCall(this, `leg-${this.#nextLeg++}`, from, to);
    call.slowToAnswer = slowToAnswer;
    this.calls.push(call);
    this.#handlers?.onIncoming(call);
    return call;
  }

  /** The switch takes a bridge apart without either party having hung up. */
  unbridge(leg: FakeLeg, peerLegId: string): void {
    leg.tell({ type: 'unbridged', peerLegId, atMonotonicMs: this.clock.monotonicMs() });
  }

  get openLegs() {
    return this.legs.filter((leg) => !leg.ended);
  }

  get openDials(): FakeDial[] {
    return this.dials.filter((dial) => !dial.done);
  }
}
