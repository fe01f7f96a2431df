import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { MediaEngineEvents, RecordCommand } from '../media/api.ts';
import type { Core, Leg } from './core.ts';
import { separate } from './separate.ts';
import type { AppCall } from './session.ts';
import { terminatorsOf } from './sounds.ts';

export type RecordDone = MediaEngineEvents['record-done'][1];

/** A recording without a limit of its own ends here. */
const LONGEST_RECORDING_MS = 6 * 60 * 60_000;
const DEFAULT_SILENCE_SECONDS = 3;

/** Recordings that wait for their `record-done`, by id. */
export class RecordingsInProgress {
  readonly #waiting = new Map<string, (done: RecordDone) => void>();

  add(recordingId: string, done: (done: RecordDone) => void): void {
    this.#waiting.set(recordingId, done);
  }

  /** To be told of every `record-done`. */
  done(done: RecordDone): void {
    const waiting = this.#waiting.get(done.recordingId);
    this.#waiting.delete(done.recordingId);
    waiting?.(done);
  }
}

/** Whole seconds of an argument such as `+20`; undefined where there are none. */
function seconds(text: string | undefined): number | undefined {
  const value = Number.parseInt((text ?? '').replace(/^\+/, ''), 10);
  return value > 0 ? value : undefined;
}

function absolutePath(core: Core, path: string): string {
  return isAbsolute(path) ? path : join(core.settings.soundsFolder, path);
}

/** The folder of a recording is made, as FreeSWITCH does; where that fails the recording will say so. */
function makeFolder(core: Core, path: string): void {
  // One by one: `recursive` never ends where the kernel refuses with ENOENT (/proc).
  const missing: string[] = [];
  for (let folder = dirname(path); !existsSync(folder) && folder !== dirname(folder); folder = dirname(folder)) {
    missing.unshift(folder);
  }
  try {
    for (const folder of missing) mkdirSync(folder);
  } catch (error) {
    core.logger.warn({ error: String(error) }, 'folder of a recording cannot be made');
  }
}

function isWritable(core: Core, path: string): boolean {
  try {
    closeSync(openSync(path, 'a'));
    return true;
  } catch (error) {
    core.logger.warn({ error: String(error) }, 'a recording cannot be written');
    return false;
  }
}

/** `record <file> [<limit s> [<silence threshold> [<silence s>]]]`: what the caller says, until a key, silence or the limit. */
export async function record(core: Core, recordings: RecordingsInProgress, call: AppCall): Promise<void> {
  const { channel, frame, session } = call;
  const [path, limit, threshold, hits] = separate(call.arg, ' ');
  if (path === undefined) return;
  const terminators = terminatorsOf(channel.get('playback_terminators'));
  const silenceThreshold = seconds(threshold) ?? 0;
  const command: RecordCommand = {
    recordingId: randomUUID(),
    file: absolutePath(core, path),
    maxDurationMs: (seconds(limit) ?? LONGEST_RECORDING_MS / 1000) * 1000,
    silenceMs: silenceThreshold > 0 ? (seconds(hits) ?? DEFAULT_SILENCE_SECONDS) * 1000 : 0,
    silenceThreshold,
    terminators,
    channels: 'leg',
    skipsGaps: !channel.isTrue('record_fill_cng'),
  };
  channel.set('playback_terminator_used', undefined);
  // Unlike a recording in the background, this one makes no folder.
  if (!existsSync(dirname(command.file))) {
    core.hangup(requireLeg(core, channel.uuid), 'DESTINATION_OUT_OF_ORDER');
    return;
  }
  channel.fire('RECORD_START', [['Record-File-Path', path]]);
  const done = await session.wait<RecordDone>(frame, (settle) => {
    recordings.add(command.recordingId, settle);
    core.media.record(channel.uuid, command);
    // Keys are told while recording; the media engine itself ends it by a terminator.
    frame.onDigit = ({ digit }) => {
      if (terminators.includes(digit)) channel.set('playback_terminator_used', digit);
    };
    return () => {
      core.media.stopRecord(channel.uuid, command.recordingId);
      return true;
    };
  });
  frame.onDigit = undefined;
  if (done.outcome === 'failed') {
    core.hangup(requireLeg(core, channel.uuid), 'DESTINATION_OUT_OF_ORDER');
    return;
  }
  if (done.terminator !== undefined) channel.set('playback_terminator_used', done.terminator);
  if (done.outcome === 'silence') channel.set('silence_hits_exhausted', 'true');
  tellRecorded(call.channel, done.durationMs);
  channel.fire('RECORD_STOP', [['Record-File-Path', path]]);
}

function requireLeg(core: Core, uuid: string): Leg {
  const leg = core.legs.get(uuid);
  if (!leg) throw new Error(`no leg ${uuid}`);
  return leg;
}

function tellRecorded(channel: AppCall['channel'], durationMs: number): void {
  channel.setAll({
    record_seconds: Math.floor(durationMs / 1000),
    record_ms: durationMs,
    record_samples: durationMs * 8,
  });
}

/**
 * `record_session`, `uuid_record start`: both directions in the background, in stereo where RECORD_STEREO is set.
 * False when that file is being recorded already or cannot be written.
 */
export function startBackgroundRecording(
  core: Core,
  recordings: RecordingsInProgress,
  leg: Leg,
  path: string,
  limit?: string,
): boolean {
  const { channel } = leg;
  if (path === '' || leg.recordings.has(path)) return false;
  const recordingId = randomUUID();
  const file = absolutePath(core, path);
  makeFolder(core, file);
  if (!isWritable(core, file)) return false;
  let completed: () => void = () => undefined;
  const complete = new Promise<void>((resolve) => {
    completed = resolve;
  });
  leg.recordings.set(path, { recordingId, complete });
  recordings.add(recordingId, (done) => {
    leg.recordings.delete(path);
    tellRecorded(channel, done.durationMs);
    const cause = completionCause(done.outcome);
    channel.set('record_completion_cause', cause);
    channel.fire('RECORD_STOP', [
      ['Record-File-Path', path],
      ['Record-Completion-Cause', cause],
    ]);
    completed();
  });
  channel.fire('RECORD_START', [['Record-File-Path', path]]);
  core.media.record(channel.uuid, {
    recordingId,
    file,
    maxDurationMs: (seconds(limit) ?? LONGEST_RECORDING_MS / 1000) * 1000,
    silenceMs: 0,
    silenceThreshold: 0,
    terminators: '',
    channels: channel.isTrue('RECORD_STEREO') ? 'stereo' : 'mixed',
    append: channel.isTrue('RECORD_APPEND'),
  });
  return true;
}

/** Puts silence into a background recording from now on, or no longer. False when there is none of that name. */
export function maskRecording(core: Core, leg: Leg, path: string, masked: boolean): boolean {
  const recording = leg.recordings.get(path);
  if (recording) core.media.maskRecord(leg.channel.uuid, recording.recordingId, masked);
  return recording !== undefined;
}

/** FreeSWITCH says `success-maxtime` also where it was told to stop. */
function completionCause(outcome: RecordDone['outcome']): string {
  if (outcome === 'failed' || outcome === 'cut-short') return 'uri-failure';
  if (outcome === 'closed') return 'success-silence';
  return 'success-maxtime';
}

/**
 * Ends a background recording, or `all`; resolves when the files are complete. False when there is none of that name.
 */
export async function stopBackgroundRecording(core: Core, leg: Leg, path: string): Promise<boolean> {
  const wanted = path === 'all' ? [...leg.recordings.values()] : [leg.recordings.get(path)];
  const ending = wanted.filter((recording) => recording !== undefined);
  for (const { recordingId } of ending) core.media.stopRecord(leg.channel.uuid, recordingId);
  await Promise.all(ending.map((recording) => recording.complete));
  return ending.length > 0;
}
