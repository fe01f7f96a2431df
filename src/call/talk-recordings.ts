import type { Prompt } from '../flow/protocol.ts';
import { deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Logger } from '../kernel/logger.ts';
import { incompleteness, keptMs } from './caller-messages.ts';
import type { CallLimits } from './limits.ts';
import type { PeerCallHost } from './peer-call.ts';
import { type PromptLibrary, resolvePrompts } from './prompts.ts';
import type { RecordingFolder } from './recordings.ts';
import type { CallIdentity, SavedRecording } from './saved-call.ts';
import type { Leg, LegEvent, RecordOutcome, Sound } from './telephony.ts';

const noticePlayId = 'engine:recording-notice';
const noticeTimer = 'recording-notice';
/** Longer than the sentence; they are connected then, whatever became of the sound. */
const noticeMs = 15_000;
/** The policy was asked for when the caller began to wait; where it is not there by now, nothing is recorded. */
const policyMs = 500;

/** What the account's card says. */
export interface RecordingPolicy {
  record: boolean;
  /** The caller is told so. */
  announce: boolean;
}

const never: RecordingPolicy = { record: false, announce: false };

export interface TalkRecordingsHost extends Pick<PeerCallHost, 'clock' | 'facts' | 'timers' | 'post' | 'callerLeg'> {
  readonly identity: CallIdentity;
  readonly limits: CallLimits;
  readonly prompts: PromptLibrary;
  readonly recordings: RecordingFolder;
  readonly logger: Logger;
  policyOf(accountId: string): Promise<RecordingPolicy | undefined>;
  /** A recording began, ended, paused or went on. */
  onChanged(): void;
}

/** The agent who has the caller, or is about to. */
interface Talker {
  agentId: string;
  legId: string;
}

/**
 * The recordings of what caller and agents say to each other, by the account's policy: one a talk, on the caller's
 * channel of the media server, so that it outlives this controller.
 */
export class TalkRecordings {
  readonly #host: TalkRecordingsHost;
  #policy: Promise<RecordingPolicy | undefined> | undefined;
  #language: string;
  /** Whose talk is recorded once they are connected. */
  #next: Talker | undefined;
  /** The caller has been told, which once is enough. */
  #told = false;
  /** Those whose end has not been told, the present one among them. */
  readonly #open = new Map<string, SavedRecording>();
  #stopWatching: (() => void) | undefined;
  #current: SavedRecording | undefined;
  #onNoticeDone: (() => void) | undefined;

  constructor(host: TalkRecordingsHost) {
    this.#host = host;
    this.#language = host.identity.language;
  }

  /** What is saved of them. */
  get saved(): readonly SavedRecording[] {
    return [...this.#open.values()];
  }

  /** Whether the talk is recorded now; undefined: it is not. */
  get state(): 'on' | 'paused' | undefined {
    if (!this.#current) return undefined;
    return this.#current.paused ? 'paused' : 'on';
  }

  /** The caller waits for people: what the account wants is asked for now, so that nobody waits for it later. */
  expect(language: string): void {
    const { policyOf, identity, logger } = this.#host;
    this.#language = language;
    this.#policy = policyOf(identity.accountId).catch((error: unknown) => {
      const { callId } = identity;
      logger.error({ callId, err: errorMessage(error) }, 'the recording policy could not be read: nothing is recorded');
      return never;
    });
  }

  /**
   * An agent has taken the caller. Resolves when they may be connected: at once where the talk is not recorded, else
   * when both have heard that it is.
   */
  async announce(agentId: string, agent: Leg): Promise<void> {
    this.#next = undefined;
    const policy = await this.#policyInTime();
    if (!policy.record) return;
    // Nobody is told then that the talk is recorded.
    if (!this.#host.recordings.hasRoom) {
      this.#onMissing({ agentId, legId: agent.legId });
      return;
    }
    if (policy.announce && !this.#told && !(await this.#tell(agent))) return;
    this.#next = { agentId, legId: agent.legId };
  }

  /** Caller and agent are connected. */
  begin(): void {
    const caller = this.#host.callerLeg();
    const next = this.#next;
    this.end();
    if (!next || !caller) return;
    const recordingId = newId('recording');
    const { agentId, legId: agentLegId } = next;
    if (!this.#host.recordings.hasRoom) {
      this.#onMissing(next);
      return;
    }
    const recording = { recordingId, agentId, agentLegId, startedAtMs: this.#host.clock.nowMs(), paused: false };
    this.#open.set(recordingId, recording);
    this.#current = recording;
    this.#watchRoom();
    caller.recordCall(this.#request(recordingId));
    this.#host.onChanged();
  }

  /** They talk no more. */
  end(): void {
    this.#next = undefined;
    const current = this.#current;
    if (!current) return;
    this.#current = undefined;
    this.#stopWatching?.();
    this.#host.callerLeg()?.orderRecording(current.recordingId, 'stop');
    this.#host.onChanged();
  }

  /** False: nothing is recorded now. */
  pause(paused: boolean): boolean {
    const current = this.#current;
    if (!current) return false;
    if (current.paused === paused) return true;
    current.paused = paused;
    this.#host.callerLeg()?.orderRecording(current.recordingId, paused ? 'pause' : 'resume');
    this.#host.onChanged();
    return true;
  }

  /** Takes over those of another controller; {@link goOn} follows. */
  resume(saved: readonly SavedRecording[], caller: Leg): void {
    for (const recording of saved) {
      const { recordingId, startedAtMs } = recording;
      this.#open.set(recordingId, { ...recording });
      this.#told = true;
      caller.adoptRecording(this.#request(recordingId), Math.max(0, this.#host.clock.nowMs() - startedAtMs));
    }
  }

  /** After a take-over: this leg of an agent talks, no other does. */
  goOn(agentLegId: string | undefined): void {
    for (const recording of this.#open.values()) {
      if (recording.agentLegId === agentLegId) {
        this.#current = recording;
        this.#watchRoom();
      } else this.#host.callerLeg()?.orderRecording(recording.recordingId, 'stop');
    }
  }

  /** What happens on the caller's leg. False: it is nothing of ours. */
  onCallerEvent(event: LegEvent): boolean {
    if (event.type === 'play-done' && event.playId === noticePlayId) {
      this.#noticeDone();
      return true;
    }
    if (event.type !== 'record-done' || !this.#open.has(event.recordingId)) return false;
    this.#onDone(event.recordingId, event.outcome, event.durationMs);
    return true;
  }

  /** There is no more room: the talk goes on, and is recorded no further. */
  #watchRoom(): void {
    this.#stopWatching?.();
    this.#stopWatching = this.#host.recordings.onFull(() =>
      this.#host.post(() => {
        if (this.#current) this.#current.isCut = true;
        this.end();
      }),
    );
  }

  /** A talk that should be recorded is not: there is no room. */
  #onMissing({ agentId, legId: agentLegId }: Talker): void {
    const { facts, identity, clock } = this.#host;
    const recordingId = newId('recording');
    const recording = { recordingId, agentId, agentLegId, startedAtMs: clock.nowMs(), paused: false };
    const { file } = this.#request(recordingId);
    facts.append({ ...recordedFact(identity.callerLegId, recording, file, 0), incomplete: 'missing' });
  }

  async #policyInTime(): Promise<RecordingPolicy> {
    if (!this.#policy) this.expect(this.#language);
    const policy = await withDeadline(this.#host.clock, this.#policy ?? Promise.resolve(never), policyMs);
    if (policy !== deadlinePassed) return policy ?? never;
    const { callId } = this.#host.identity;
    this.#host.logger.error({ callId }, 'the recording policy is not known in time: nothing is recorded');
    return never;
  }

  /** Tells both. False: they cannot be told, so nothing is to be recorded. */
  async #tell(agent: Leg): Promise<boolean> {
    const { callerLeg, timers, logger, identity } = this.#host;
    const sounds = (await this.#find(noticeFile(this.#language))) ?? (await this.#find(noticeText(this.#language)));
    const caller = callerLeg();
    if (!sounds || !caller) {
      if (!sounds) logger.error({ callId: identity.callId }, 'the sentence that a call is recorded is missing');
      return false;
    }
    await new Promise<void>((resolve) => {
      this.#onNoticeDone = resolve;
      timers.start(noticeTimer, noticeMs, () => this.#noticeDone());
      for (const leg of [caller, agent]) leg.play({ playId: noticePlayId, sounds, stopOnDigit: false });
    });
    this.#told = true;
    return true;
  }

  async #find(prompt: Prompt): Promise<Sound[] | undefined> {
    try {
      return await resolvePrompts(this.#host.prompts, [prompt]);
    } catch (error) {
      const { callId } = this.#host.identity;
      this.#host.logger.warn({ callId, err: errorMessage(error) }, 'a prompt could not be looked up');
      return undefined;
    }
  }

  #noticeDone(): void {
    this.#host.timers.cancel(noticeTimer);
    this.#onNoticeDone?.();
    this.#onNoticeDone = undefined;
  }

  #onDone(recordingId: string, outcome: RecordOutcome, durationMs: number): void {
    const { facts, identity, logger, onChanged } = this.#host;
    const recording = this.#open.get(recordingId);
    if (!recording) return;
    this.#open.delete(recordingId);
    if (this.#current?.recordingId === recordingId) this.#current = undefined;
    if (!this.#current) this.#stopWatching?.();
    const { file } = this.#request(recordingId);
    if (outcome === 'failed' || recording.isCut) {
      logger.error({ callId: identity.callId }, 'a talk could not be recorded, or not to its end');
      keptMs(file, durationMs).then((ms) => {
        const message = ms > 0 ? 'the talk could not be recorded to its end' : 'the talk could not be recorded';
        facts.append({ type: 'fault', legId: identity.callerLegId, message });
        const fact = recordedFact(identity.callerLegId, recording, file, ms);
        facts.append({ ...fact, incomplete: incompleteness(ms) });
      });
    } else facts.append(recordedFact(identity.callerLegId, recording, file, durationMs));
    onChanged();
  }

  #request(recordingId: string) {
    const { recordings, identity, limits } = this.#host;
    const file = recordings.fileFor(identity.accountId, identity.callId, recordingId);
    return { recordingId, file, stereo: true, maxDurationMs: limits.maxTalkMs };
  }
}

/** What goes on record of a talk's recording. */
export function recordedFact(
  callerLegId: string,
  { recordingId, agentId, agentLegId }: SavedRecording,
  file: string,
  durationMs: number,
) {
  const of = { recordingId, agentId, peerLegId: agentLegId };
  return {
    type: 'recorded',
    legId: callerLegId,
    ...of,
    file,
    durationMs: Math.max(0, Math.round(durationMs)),
  } as const;
}

function noticeFile(language: string): Prompt {
  return { file: `prompts/${language === 'ja' ? 'ja' : 'en'}/recorded.wav` };
}

function noticeText(language: string): Prompt {
  if (language === 'ja') return { text: 'この通話は、録音させていただきます。', language };
  return { text: 'This call is being recorded.', language: 'en' };
}
