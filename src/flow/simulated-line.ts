import { unreachable } from '../kernel/assert.ts';
import type { CallScript, CallScriptStep } from './call-script.ts';
import type { Flow } from './flow.ts';
import { type FlowState, startState, step } from './interpreter.ts';
import { isNumber } from './number-match.ts';
import type { PromptDuration } from './prompt-durations.ts';
import type { Effect, Prompt } from './protocol.ts';
import type { SimulatedCall, TranscriptEntry } from './simulated-call.ts';
import { type Happening, SimulatedDesk } from './simulated-desk.ts';

type Effected<T extends Effect['type']> = Extract<Effect, { type: T }>;
interface Task {
  atMs: number;
  order: number;
  run: () => void;
}

const eventsMax = 20_000;

/** A caller, a line and a telephone in one, on a clock that jumps from event to event. */
export class SimulatedLine {
  readonly #flow: Flow;
  readonly #script: CallScript;
  readonly #durationOf: PromptDuration;
  readonly #startMs: number;
  readonly #tasks = new Set<Task>();
  readonly #timers = new Map<string, Task>();
  readonly #transcript: TranscriptEntry[] = [];
  readonly #unused: Set<CallScriptStep>;
  #state: FlowState;
  #nowMs = 0;
  #order = 0;
  #promptCount = 0;
  #playing: { effect: Effected<'play'>; startedMs: number; number: number; end: Task } | undefined;
  #recording: { effect: Effected<'record'>; startedMs: number; silence: Task | undefined; limit: Task } | undefined;
  #dialling: { effect: Effected<'dial'>; task: Task } | undefined;
  readonly #desk: SimulatedDesk;
  #over = false;

  constructor(flow: Flow, script: CallScript, durationOf: PromptDuration) {
    this.#flow = flow;
    this.#script = script;
    this.#durationOf = durationOf;
    this.#startMs = Date.parse(script.at);
    this.#unused = new Set(script.steps);
    const { from: fromNumber, dial: toNumber } = script;
    this.#desk = new SimulatedDesk(script, {
      feed: (happening) => this.#feed(happening),
      note: (entry) => this.#note({ atMs: this.#nowMs, ...entry }),
      later: (delayMs, run) => {
        const task = this.#later(delayMs, run);
        return () => this.#cancel(task);
      },
    });
    this.#state = startState(flow, { callId: 'simulated', fromNumber, toNumber, language: flow.language });
  }

  /** Runs the call to its end. */
  run(): SimulatedCall {
    for (const scripted of this.#script.steps) {
      if (scripted.atMs !== undefined) this.#later(scripted.atMs, () => this.#act(scripted));
    }
    this.#feed({ type: 'started' });
    for (let count = 0; !this.#over; count++) {
      const next = this.#nextTask();
      if (!next || count >= eventsMax) {
        this.#end('simulator', next ? 'too-long' : 'stuck');
        break;
      }
      this.#tasks.delete(next);
      this.#nowMs = next.atMs;
      next.run();
    }
    return this.#result();
  }

  #result(): SimulatedCall {
    const transcript = this.#transcript.toSorted((a, b) => a.atMs - b.atMs);
    const end = transcript.findLast((entry) => entry.type === 'ended');
    return {
      transcript,
      nodes: transcript.flatMap((entry) => (entry.type === 'entered' ? [entry.nodeId] : [])),
      digits: transcript.flatMap((entry) => (entry.type === 'collected' ? [entry.digits] : [])),
      heard: transcript.flatMap((entry) => (entry.type === 'heard' ? entry.prompts : [])),
      outcome: end?.outcome ?? '',
      durationMs: this.#nowMs,
      unusedSteps: [...this.#unused],
    };
  }

  #nextTask(): Task | undefined {
    let next: Task | undefined;
    for (const task of this.#tasks) {
      if (!next || task.atMs < next.atMs || (task.atMs === next.atMs && task.order < next.order)) next = task;
    }
    return next;
  }

  #later(delayMs: number, run: () => void): Task {
    const task = { atMs: this.#nowMs + delayMs, order: ++this.#order, run };
    this.#tasks.add(task);
    return task;
  }

  #cancel(task: Task | undefined): void {
    if (task) this.#tasks.delete(task);
  }

  #note(entry: TranscriptEntry): void {
    this.#transcript.push(entry);
  }

  #feed(happening: Happening): void {
    const { state, effects } = step(this.#flow, this.#state, { ...happening, atMs: this.#startMs + this.#nowMs });
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: Effect): void {
    const atMs = this.#nowMs;
    switch (effect.type) {
      case 'play':
        this.#play(effect);
        break;
      case 'stop-play':
        this.#playEnds('stopped');
        break;
      case 'start-timer':
        this.#cancel(this.#timers.get(effect.timerId));
        this.#timers.set(
          effect.timerId,
          this.#later(effect.delayMs, () => this.#feed({ type: 'timer', timerId: effect.timerId })),
        );
        break;
      case 'cancel-timer':
        this.#cancel(this.#timers.get(effect.timerId));
        break;
      case 'record':
        this.#record(effect);
        break;
      case 'stop-record':
        this.#recordEnds('stopped');
        break;
      case 'dial':
        this.#dial(effect);
        break;
      case 'cancel-dial':
        this.#cancel(this.#dialling?.task);
        break;
      case 'escalate':
      case 'leave-desk':
      case 'call-back-later':
      case 'overflow-failed':
        this.#desk.perform(effect);
        break;
      case 'node-entered':
        this.#note({ atMs, type: 'entered', nodeId: effect.nodeId });
        break;
      case 'digits-collected':
        this.#note({ atMs, type: 'collected', nodeId: effect.nodeId, digits: effect.digits });
        break;
      case 'fault':
        this.#note({ atMs, type: 'fault', nodeId: effect.nodeId, message: effect.message });
        break;
      case 'hangup':
        this.#end('flow', effect.outcome);
        break;
      default:
        unreachable(effect);
    }
  }

  #play(effect: Effected<'play'>): void {
    this.#playEnds('stopped');
    const durations = effect.prompts.map((prompt) => this.#durationOf(prompt));
    const number = ++this.#promptCount;
    const isMissing = durations.includes(undefined);
    const durationMs = isMissing ? 0 : durations.reduce<number>((sum, duration) => sum + (duration ?? 0), 0);
    const end = this.#later(durationMs, () => this.#playEnds(isMissing ? 'not-found' : 'finished'));
    // What is repeated ends only when something ends it.
    if (effect.loop && !isMissing) this.#cancel(end);
    this.#playing = { effect, startedMs: this.#nowMs, number, end };
    this.#schedule('duringPrompt', number, 500);
  }

  #playEnds(outcome: 'finished' | 'stopped' | 'not-found'): void {
    const playing = this.#playing;
    if (!playing) return;
    this.#playing = undefined;
    this.#cancel(playing.end);
    const prompts = playing.effect.prompts.map(promptName);
    this.#note({ atMs: playing.startedMs, type: 'heard', prompts, untilMs: this.#nowMs, outcome });
    this.#later(0, () => this.#feed({ type: 'play-done', playId: playing.effect.playId, outcome }));
    this.#schedule('afterPrompt', playing.number, 300);
  }

  #record(effect: Effected<'record'>): void {
    const limit = this.#later(effect.maxDurationMs, () => this.#recordEnds('limit'));
    this.#recording = { effect, startedMs: this.#nowMs, silence: undefined, limit };
    this.#listen(0);
  }

  /** Silence begins after so much speech. */
  #listen(speakMs: number): void {
    if (!this.#recording) return;
    this.#cancel(this.#recording.silence);
    const { silenceMs } = this.#recording.effect;
    if (silenceMs > 0) this.#recording.silence = this.#later(speakMs + silenceMs, () => this.#recordEnds('silence'));
  }

  #recordEnds(outcome: 'stopped' | 'silence' | 'key' | 'limit' | 'leg-ended'): void {
    const recording = this.#recording;
    if (!recording) return;
    this.#recording = undefined;
    this.#cancel(recording.silence);
    this.#cancel(recording.limit);
    const durationMs = this.#nowMs - recording.startedMs;
    this.#note({ atMs: this.#nowMs, type: 'recorded', durationMs, outcome });
    const { recordingId } = recording.effect;
    this.#later(0, () => this.#feed({ type: 'record-done', recordingId, outcome, durationMs }));
  }

  #dial(effect: Effected<'dial'>): void {
    const answer = this.#script.answers.find(({ number }) => isNumber(effect.toNumber, number));
    const ringMs = answer?.ringMs ?? effect.ringTimeoutMs;
    const isLate = !answer || ringMs > effect.ringTimeoutMs;
    const outcome = isLate ? 'no-answer' : answer.outcome;
    const task = this.#later(Math.min(ringMs, effect.ringTimeoutMs), () => {
      this.#note({ atMs: this.#nowMs, type: 'dialled', number: effect.toNumber, outcome });
      if (outcome === 'answered') this.#talk(effect, answer?.talkMs ?? 0);
      this.#feed({ type: 'dial-done', dialId: effect.dialId, outcome });
    });
    this.#dialling = { effect, task };
  }

  #talk(effect: Effected<'dial'>, talkMs: number): void {
    this.#later(Math.min(talkMs, effect.maxTalkMs ?? talkMs), () => {
      this.#note({ atMs: this.#nowMs, type: 'peer-ended', number: effect.toNumber });
      this.#feed({ type: 'peer-ended', dialId: effect.dialId });
    });
  }

  #schedule(when: 'afterPrompt' | 'duringPrompt', number: number, standardMs: number): void {
    for (const scripted of this.#script.steps) {
      if (scripted[when] === number) this.#later(scripted.delayMs ?? standardMs, () => this.#act(scripted));
    }
  }

  #act(scripted: CallScriptStep): void {
    this.#unused.delete(scripted);
    if (scripted.hangUp) this.#end('caller', 'caller-hangup');
    if (scripted.speakMs !== undefined) this.#listen(scripted.speakMs);
    [...(scripted.keys ?? '')].forEach((key, index) => {
      this.#later(index * this.#script.keyGapMs, () => this.#press(key));
    });
  }

  #press(key: string): void {
    this.#note({ atMs: this.#nowMs, type: 'pressed', key });
    this.#later(0, () => this.#feed({ type: 'digit', digit: key }));
    if (this.#playing?.effect.stopOnDigit) this.#playEnds('stopped');
    if (this.#recording?.effect.stopKeys.includes(key)) this.#recordEnds('key');
  }

  #end(by: 'flow' | 'caller' | 'simulator', outcome: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#playEnds('stopped');
    this.#recordEnds('leg-ended');
    this.#note({ atMs: this.#nowMs, type: 'ended', by, outcome });
    this.#feed({ type: 'hung-up' });
  }
}

/** What a transcript calls a sound. */
function promptName(prompt: Prompt): string {
  if ('file' in prompt) return prompt.file;
  if ('text' in prompt) return `"${prompt.text}"`;
  return 'tone' in prompt ? `tone ${prompt.tone}` : `silence ${prompt.silenceMs} ms`;
}
