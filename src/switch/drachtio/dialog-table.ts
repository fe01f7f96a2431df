import { header, type SipMessage, serializeMessage } from '../../kernel/sip/message.ts';
import type { Dialog, DialogEvents, HostPort, ServerTransaction } from '../sip/api.ts';
import type { Release } from './call-limits.ts';
import type { CdrPoster, StopReason } from './cdr.ts';
import type { ControlClient } from './control-client.ts';
import { dialogIdOf } from './sip-headers.ts';
import { describe, sipFrame } from './wire-format.ts';

/** A dialog as clients know it. It outlives the client that owns it. */
export interface DialogEntry {
  /** `<Call-ID>;from-tag=<tag>`. */
  readonly id: string;
  readonly dialog: Dialog;
  /** Gets the requests from the network. When it is gone, nobody does: another client can send, but not receive. */
  readonly owner: ControlClient;
  /** Our and the peer's name as From or To carry them. */
  readonly parties: { local: string; remote: string };
  /** Where the peer was last heard. */
  readonly peer: HostPort;
  readonly release: Release;
  /** Its INVITE was answered. Before that it is known for the sake of PRACK only. */
  confirmed: boolean;
  /** Its INVITE was cancelled too late: BYE follows the ACK. */
  endAfterAck: boolean;
}

export interface NewDialog {
  dialog: Dialog;
  owner: ControlClient;
  peer: HostPort;
  /** Called once when the dialog is over. */
  release: Release;
  /** The INVITE and its answer. */
  invite: SipMessage;
  answer: SipMessage;
}

type Ending = DialogEvents['terminated'][0];

/** Endings that the stack brought about: the client is told by a BYE it did not send, with this text as its reason. */
const UNSOLICITED: Partial<Record<Ending, { text: string; cdr: StopReason }>> = {
  'ack-timeout': { text: 'ACK timeout', cdr: 'system-initiated-termination' },
  'session-expired': { text: 'Session timer expired', cdr: 'session-expired' },
  gone: { text: 'Dialog gone', cdr: 'system-initiated-termination' },
};

/** The dialogs of all clients, by drachtio's id. */
export class DialogTable {
  readonly #entries = new Map<string, DialogEntry>();
  readonly #byCallId = new Map<string, DialogEntry>();
  readonly #cdr: CdrPoster;
  /** A request from the peer in a dialog. */
  onRequest: (entry: DialogEntry, transaction: ServerTransaction) => void = () => undefined;
  /** A dialog is over, and no longer found. */
  onOver: (entry: DialogEntry) => void = () => undefined;

  constructor(cdr: CdrPoster) {
    this.#cdr = cdr;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): DialogEntry | undefined {
    return this.#entries.get(id);
  }

  findByCallId(callId: string): DialogEntry | undefined {
    return this.#byCallId.get(callId);
  }

  /** Takes a dialog in, or confirms it. Undefined when its id is another one's: clients can tell no forks apart. */
  add({ dialog, owner, peer, release, invite, answer }: NewDialog): DialogEntry | undefined {
    const id = dialogIdOf(invite);
    const confirmed = (answer.status ?? 0) >= 200;
    const known = this.#entries.get(id);
    if (known?.dialog === dialog) {
      known.confirmed ||= confirmed;
      return known;
    }
    if (known?.confirmed) return undefined;
    if (known) this.remove(known);
    const [from, to] = [header(invite, 'From') ?? '', header(answer, 'To') ?? ''];
    const parties = dialog.role === 'uac' ? { local: from, remote: to } : { local: to, remote: from };
    const entry: DialogEntry = { id, dialog, owner, parties, peer, release, confirmed, endAfterAck: false };
    this.#entries.set(id, entry);
    this.#byCallId.set(dialog.callId, entry);
    dialog.on('request', (transaction) => this.onRequest(entry, transaction));
    dialog.once('terminated', (why) => this.#terminated(entry, why));
    return entry;
  }

  /** Forgets a dialog; its id is unknown from now on. Doing so again does nothing. */
  remove(entry: DialogEntry): void {
    if (this.#entries.get(entry.id) !== entry) return;
    this.#entries.delete(entry.id);
    if (this.#byCallId.get(entry.dialog.callId) === entry) this.#byCallId.delete(entry.dialog.callId);
    entry.release();
    this.onOver(entry);
  }

  /** Tells the owner of a dialog that it is over though nobody asked for it. `raw`: the BYE, where it is known. */
  announceEnd(entry: DialogEntry, text: string, cdr: StopReason, raw = unseenBye(entry, text)): void {
    const ids = { transactionId: 'unsolicited', dialogId: entry.id };
    entry.owner.send(sipFrame(describe('application', raw, entry.peer), ids, raw));
    this.#cdr.stop('application', cdr, raw);
  }

  #terminated(entry: DialogEntry, why: Ending): void {
    // Ours: it is found until the BYE is answered, which can ask for credentials
    if (why === 'local-bye') return;
    const known = this.#entries.get(entry.id) === entry;
    this.remove(entry);
    const unsolicited = UNSOLICITED[why];
    if (known && entry.confirmed && unsolicited) this.announceEnd(entry, unsolicited.text, unsolicited.cdr);
  }
}

/** The BYE of the stack as it must have been; its CSeq is the one thing we can't know, and no client reads it. */
function unseenBye(entry: DialogEntry, text: string): string {
  return serializeMessage({
    method: 'BYE',
    uri: entry.dialog.remoteTarget,
    headers: [
      ['From', entry.parties.local],
      ['To', entry.parties.remote],
      ['Call-ID', entry.dialog.callId],
      ['CSeq', '1 BYE'],
      ['Reason', `SIP ;cause=200 ;text="${text}"`],
    ],
    body: '',
  });
}
