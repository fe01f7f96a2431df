import type { DialogPart, UasPart } from './core.ts';
import { type Envelope, mergeKey } from './envelope.ts';
import type { ClientMachine } from './transaction/client.ts';
import type { ServerMachine } from './transaction/server.ts';

/** A server transaction with the one above it. */
export interface ServerEntry {
  machine: ServerMachine;
  transaction: UasPart;
}

/** What is going on at an endpoint, by the keys messages bring. */
export class Tables {
  readonly clients = new Map<string, ClientMachine>();
  readonly servers = new Map<string, ServerEntry>();
  readonly #merges = new Map<string, UasPart>();
  readonly #dialogsById = new Map<string, DialogPart>();
  readonly #dialogsByTags = new Map<string, DialogPart>();

  /** Whether the same request is in work over another way (8.2.2.2). */
  isMerged(envelope: Envelope): boolean {
    return this.#merges.has(mergeKey(envelope));
  }

  addServer(key: string, entry: ServerEntry): void {
    this.servers.set(key, entry);
    const merge = mergeKey(entry.transaction.envelope);
    if (!this.#merges.has(merge)) this.#merges.set(merge, entry.transaction);
  }

  dropServer(key: string, transaction: UasPart): void {
    this.servers.delete(key);
    const merge = mergeKey(transaction.envelope);
    if (this.#merges.get(merge) === transaction) this.#merges.delete(merge);
  }

  addDialog(dialog: DialogPart): void {
    this.#dialogsById.set(dialog.id, dialog);
    this.#dialogsByTags.set(tagsKey(dialog.callId, dialog.localTag, dialog.remoteTag), dialog);
  }

  dropDialog(dialog: DialogPart): void {
    this.#dialogsById.delete(dialog.id);
    const key = tagsKey(dialog.callId, dialog.localTag, dialog.remoteTag);
    if (this.#dialogsByTags.get(key) === dialog) this.#dialogsByTags.delete(key);
  }

  findDialog(callId: string, localTag: string, remoteTag: string): DialogPart | undefined {
    return this.#dialogsByTags.get(tagsKey(callId, localTag, remoteTag));
  }

  dialogById(id: string): DialogPart | undefined {
    return this.#dialogsById.get(id);
  }

  get dialogs(): DialogPart[] {
    return [...this.#dialogsById.values()];
  }

  get dialogCount(): number {
    return this.#dialogsById.size;
  }

  /** Stops every timer and forgets everything, without a word to anybody. */
  clear(): void {
    for (const machine of this.clients.values()) machine.dispose();
    for (const { machine, transaction } of this.servers.values()) {
      machine.dispose();
      transaction.dispose();
    }
    for (const dialog of this.#dialogsById.values()) dialog.dispose();
    for (const map of [this.clients, this.servers, this.#merges, this.#dialogsById, this.#dialogsByTags]) map.clear();
  }
}

function tagsKey(callId: string, localTag: string, remoteTag: string): string {
  return `${callId}\n${localTag}\n${remoteTag}`;
}
