import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordingRoom } from './recording-room.ts';

const wavHeaderBytes = 44;

/** Where recordings go: one folder per account, so that an account's can be destroyed together. */
export class RecordingFolder {
  readonly #root: string;
  readonly #room: Pick<RecordingRoom, 'hasRoom' | 'onFull'> | undefined;
  readonly #made = new Map<string, Promise<string | undefined>>();

  /** `room`: left out, there always is some. */
  constructor(root: string, room?: Pick<RecordingRoom, 'hasRoom' | 'onFull'>) {
    this.#root = root;
    this.#room = room;
  }

  /** False: nothing more is to be recorded. */
  get hasRoom(): boolean {
    return this.#room?.hasRoom ?? true;
  }

  /** `listener` runs when there is no more room for what is being recorded; gives what ends that. */
  onFull(listener: () => void): () => void {
    return this.#room?.onFull(listener) ?? (() => undefined);
  }

  /** Makes the account's folder unless that was done before. Rejects where the disk refuses. */
  async prepare(accountId: string): Promise<void> {
    let making = this.#made.get(accountId);
    if (!making) {
      making = mkdir(this.folderOf(accountId), { recursive: true });
      this.#made.set(accountId, making);
      making.catch(() => this.#made.delete(accountId));
    }
    await making;
  }

  /** Where those of an account lie. */
  folderOf(accountId: string): string {
    return join(this.#root, safeName(accountId));
  }

  fileFor(accountId: string, callId: string, recordingId: string): string {
    return join(this.folderOf(accountId), `${safeName(callId)}-${safeName(recordingId)}.wav`);
  }
}

/** How long a recording is, by its header and size; undefined where it cannot be read. */
export async function recordedMs(file: string): Promise<number | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const header = Buffer.alloc(wavHeaderBytes);
    const { bytesRead } = await handle.read(header);
    const bytesPerSecond = bytesRead < wavHeaderBytes ? 0 : header.readUInt32LE(28);
    if (bytesPerSecond === 0) return undefined;
    return Math.round((((await handle.stat()).size - wavHeaderBytes) * 1_000) / bytesPerSecond);
  } catch {
    return undefined; // Not there, or on another machine's disk.
  } finally {
    await handle?.close();
  }
}

/** Ids come from flows; nothing in them may lead out of the folder. */
function safeName(id: string): string {
  return id.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 100);
}
