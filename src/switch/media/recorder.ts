import type { Codec, MediaEngineEvents, RecordCommand } from './api.ts';
import { decode, frameSamples, samplesPerMs } from './g711.ts';
import { WavWriter } from './wav-writer.ts';

export type RecordDone = MediaEngineEvents['record-done'][1];
export type RecordOutcome = RecordDone['outcome'];

/** Recordings end by themselves after so long, whatever was asked. */
const longestMs = 4 * 60 * 60_000;
const pieceFrames = 50;

const said = new Int16Array(frameSamples);
const heard = new Int16Array(frameSamples);

/** G.711 of one frame, from `start` on. */
export interface FrameBytes {
  bytes: Buffer;
  start: number;
  codec: Codec;
  /** Nothing came in it. */
  isGap?: boolean;
}

/**
 * Records what a leg says, or that and what it hears, frame by frame: a frame in which nothing came is silence, so the
 * file is as long as the time it took; or it is left out, where that was asked for.
 */
export class Recorder {
  readonly command: RecordCommand;
  readonly #writer: WavWriter;
  readonly #channels: 1 | 2;
  readonly #limitSamples: number;
  readonly #silenceSamples: number;
  readonly #onDone: (done: RecordDone) => void;
  #piece: Buffer;
  #pieceBytes = 0;
  #samples = 0;
  #quietSamples = 0;
  #lastFrame: number | undefined;
  #ending: Promise<void> | undefined;
  /** Takes silence for whatever comes. */
  masked = false;

  constructor(command: RecordCommand, onDone: (done: RecordDone) => void) {
    this.command = command;
    this.#onDone = onDone;
    this.#channels = command.channels === 'stereo' ? 2 : 1;
    const limitMs = command.maxDurationMs > 0 ? Math.min(command.maxDurationMs, longestMs) : longestMs;
    this.#limitSamples = Math.round(limitMs * samplesPerMs);
    this.#silenceSamples = command.silenceMs * samplesPerMs;
    this.#writer = new WavWriter(command.file, this.#channels, command.append === true);
    this.#piece = this.#newPiece();
  }

  stoppedBy(digit: string): boolean {
    const { terminators } = this.command;
    return terminators === 'any' || terminators.includes(digit);
  }

  /** Takes one frame; ends the recording where its limits say so. */
  write(frame: number, fromLeg: FrameBytes, toLeg: FrameBytes): void {
    if (this.#ending) return;
    if (this.command.skipsGaps && fromLeg.isGap) {
      this.#lastFrame = frame;
      // FreeSWITCH measures a gap like any other frame, and finds nothing in it.
      this.#quietSamples += frameSamples;
      if (this.#silenceSamples > 0 && this.#quietSamples >= this.#silenceSamples) this.end('silence');
      return;
    }
    for (let missed = frame - (this.#lastFrame ?? frame - 1) - 1; missed > 0; missed--) {
      said.fill(0);
      heard.fill(0);
      this.#writeFrame();
    }
    this.#lastFrame = frame;
    if (this.masked) {
      said.fill(0);
      heard.fill(0);
    } else {
      decode(fromLeg.codec, fromLeg.bytes, said, fromLeg.start);
      if (this.command.channels !== 'leg') decode(toLeg.codec, toLeg.bytes, heard, toLeg.start);
    }
    this.#writeFrame();
    // One in the background is told to be over when it is stopped, as FreeSWITCH does.
    if (this.#writer.failure && this.command.channels === 'leg') this.end('cut-short');
    else if (this.#samples >= this.#limitSamples) this.end('limit');
    else if (this.#silenceSamples > 0 && this.#quietSamples >= this.#silenceSamples) this.end('silence');
  }

  /** Ends the recording once; resolves when the file is complete and closed, after it was told. */
  end(outcome: RecordOutcome, terminator?: string): Promise<void> {
    this.#ending ??= this.#finish(outcome, terminator);
    return this.#ending;
  }

  get ended(): boolean {
    return this.#ending !== undefined;
  }

  async #finish(outcome: RecordOutcome, terminator: string | undefined): Promise<void> {
    this.#flush();
    await this.#writer.close();
    const { recordingId } = this.command;
    if (this.#writer.failure) {
      const { isOpened, writtenBytes } = this.#writer;
      const durationMs = Math.round(writtenBytes / (2 * this.#channels * samplesPerMs));
      this.#onDone({ recordingId, outcome: isOpened ? 'cut-short' : 'failed', durationMs });
      return;
    }
    const durationMs = Math.round(this.#samples / samplesPerMs);
    this.#onDone({ recordingId, outcome, durationMs, ...(terminator !== undefined && { terminator }) });
  }

  #writeFrame(): void {
    const count = Math.min(frameSamples, this.#limitSamples - this.#samples);
    if (count <= 0) return;
    let sum = 0;
    const { channels } = this.command;
    for (let index = 0; index < count; index++) {
      const left = said[index] ?? 0;
      const right = heard[index] ?? 0;
      sum += Math.abs(left);
      const first = channels === 'mixed' ? Math.max(-32_768, Math.min(32_767, left + right)) : left;
      this.#pieceBytes = this.#piece.writeInt16LE(first, this.#pieceBytes);
      if (channels === 'stereo') this.#pieceBytes = this.#piece.writeInt16LE(right, this.#pieceBytes);
    }
    this.#quietSamples = sum / count < this.command.silenceThreshold ? this.#quietSamples + count : 0;
    this.#samples += count;
    if (this.#pieceBytes === this.#piece.length) this.#flush();
  }

  #flush(): void {
    if (this.#pieceBytes > 0) this.#writer.write(this.#piece.subarray(0, this.#pieceBytes));
    this.#piece = this.#newPiece();
    this.#pieceBytes = 0;
  }

  #newPiece(): Buffer {
    return Buffer.allocUnsafeSlow(pieceFrames * frameSamples * 2 * this.#channels);
  }
}
