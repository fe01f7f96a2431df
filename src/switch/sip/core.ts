import type { SipMessage } from '../../kernel/sip/message.ts';
import type {
  ClientTransaction,
  Dialog,
  DialogEvents,
  HostPort,
  RequestOptions,
  SentMessage,
  ServerTransaction,
  SipEndpointOptions,
} from './api.ts';
import type { Envelope } from './envelope.ts';
import type { ClientMachine, ClientUser } from './transaction/client.ts';
import type { Timing } from './transaction/machine.ts';
import type { ServerMachine } from './transaction/server.ts';
import type { Link } from './transport/link.ts';

/** Options with their defaults filled in. */
export type ResolvedOptions = Required<Omit<SipEndpointOptions, 'publicAddress' | 'listen' | 't1Ms'>>;

/** Where a request goes: the address may still be a host name. */
export interface Target {
  peer: HostPort;
  /** The URI named no port, so that SRV records decide (RFC 3263 4.2). */
  askSrv: boolean;
}

/** What transactions and dialogs need of the endpoint that holds them. */
export interface Core {
  readonly options: ResolvedOptions;
  readonly timing: Timing;
  /** Our Contact as that peer shall see it, in angle brackets. */
  contact(peer: HostPort): string;
  /** A new topmost Via with a new branch. */
  newVia(peer: HostPort): string;
  /** A CSeq for a request outside a dialog: each is higher than the one before. */
  nextCseq(): number;
  /** Where a URI leads; undefined when we can't speak to it (sips, tel …). */
  locate(uri: string): Target | undefined;
  /**
   * Starts a client transaction.
   * @param fallback a connection of the peer's to use when its address can't be connected to.
   */
  openClient(request: SipMessage, text: string, target: Target, user: ClientUser, fallback?: Link): ClientMachine;
  /** Starts a server transaction for a request. */
  openServer(envelope: Envelope, transaction: UasPart): ServerMachine;
  /** Sends what has no transaction: the ACK for a 2xx (13.2.2.4). */
  sendAlone(text: string, target: Target, fallback?: Link): void;
  /** The stack has refused a request by itself. */
  refused(method: string, status: number, source: HostPort): void;
  openDialog(init: DialogInit): DialogPart;
  dropDialog(dialog: DialogPart): void;
  /** Gives a request to whoever listens; the stack answers when nobody does. */
  offer(transaction: UasPart, dialog?: DialogPart): void;
}

export type InDialogOptions = Omit<RequestOptions, 'uri'>;

export type Ending = DialogEvents['terminated'][0];

/** How a dialog begins (12.1). */
export type DialogInit = {
  callId: string;
  localTag: string;
  remoteTag: string;
  /** From or To value that stands for us in requests of ours, tag included. */
  localAddress: string;
  remoteAddress: string;
  remoteTarget: string;
  routeSet: string[];
  localCseq: number;
  remoteCseq: number | undefined;
  /** The connection the peer used, for when its Contact can't be connected to. */
  link: Link | undefined;
  peer: HostPort;
  /** The peer's message, for what it allows. */
  peerMessage: SipMessage;
  /** The INVITE that makes it. */
} & ({ role: 'uas'; invite: UasPart } | { role: 'uac'; invite: UacPart });

/** A dialog as transactions and the router see it. */
export interface DialogPart extends Dialog {
  /** RSeq and CSeq of the newest reliable provisional answer, for a PRACK. */
  lastReliable: { rseq: number; cseq: number } | undefined;
  /** A request of the peer's with the dialog's tags. */
  receive(transaction: UasPart): void;
  /** An ACK of the peer's with the dialog's tags. */
  receiveAck(ack: Envelope): void;
  /** A 2xx of ours to an INVITE went out. */
  awaitAck(transaction: UasPart, raw: string): void;
  /** A final answer of ours to a request in the dialog. */
  answered(transaction: UasPart, response: SipMessage): void;
  /** A final answer to a request of ours in the dialog; made here when the peer gave none. */
  peerAnswered(transaction: UacPart, response: SipMessage): void;
  /** A 2xx to the INVITE that made the dialog. */
  establish(transaction: UacPart, response: SipMessage): void;
  /** Says whether the 2xx to our INVITE of that CSeq was acknowledged, and if so does it again (13.2.2.4). */
  ackAgain(cseq: number): boolean;
  confirm(): void;
  /** The INVITE failed, or was answered on another branch: an early dialog ends without a word. */
  abandon(): void;
  /** Ends the dialog with a BYE of the stack's own. */
  hangUp(why: Ending): void;
  /** Remembers our newest SDP: a refresh by re-INVITE repeats it. */
  noteLocalBody(message: SipMessage): void;
  /** Stops all timers without a word: the endpoint stops. */
  dispose(): void;
}

/** A request of the peer's as dialogs and the router see it. */
export interface UasPart extends ServerTransaction {
  readonly dialog: DialogPart | undefined;
  readonly envelope: Envelope;
  readonly localTag: string;
  /** 100 Trying goes out. */
  trying(): void;
  /** Sends a 2xx once more. */
  resend(raw: string): void;
  /** CANCEL came (9.2), or BYE instead of it: 487 unless it was answered before. */
  cancelled(cancel: SipMessage, raw: string): void;
  /** PRACK came: whether it acknowledges an answer of ours. */
  acknowledgeProvisional(rack: string): boolean;
  onTerminated(answered: boolean): void;
  dispose(): void;
}

/** A request of ours as dialogs see it. */
export interface UacPart extends ClientTransaction {
  readonly sent: SentMessage;
  readonly cseq: number;
}
