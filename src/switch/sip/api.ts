import type { EventEmitter } from 'node:events';
import type { SipMessage } from '../../kernel/sip/message.ts';

/**
 * The face of the SIP stack towards the two that stand on it: `switch/drachtio` (which plays drachtio-server) and
 * `switch/freeswitch` (which plays mod_sofia). Implemented in this folder; RFC 3261 unless said otherwise.
 */

export type TransportProtocol = 'udp' | 'tcp';

export interface HostPort {
  protocol: TransportProtocol;
  address: string;
  port: number;
}

/** Headers to add or override, by name. An array gives several header lines. */
export type HeaderMap = Record<string, string | string[]>;

/** Where a message went, as the wire carried it. */
export interface SentMessage {
  message: SipMessage;
  /** The message as text. */
  raw: string;
  peer: HostPort;
}

/** A request from the network that wants an answer. INVITE has already got 100 Trying. */
export interface ServerTransaction extends EventEmitter<ServerTransactionEvents> {
  readonly id: string;
  readonly request: SipMessage;
  /** The request as it was understood, in one spelling: not the bytes that came. So everywhere here for what arrives. */
  readonly raw: string;
  readonly source: HostPort;
  readonly receivedAtMs: number;
  /** The dialog the request belongs to, if it is in one. */
  readonly dialog: Dialog | undefined;
  /** 0 until a final answer was sent. */
  readonly finalStatus: number;
  /**
   * Answers. The stack fills Via, From, To (with its tag), Call-ID, CSeq, Contact, Content-Length; `headers` are added
   * or override. A 2xx to INVITE creates the dialog and is resent until its ACK (RFC 3261 13.3.1.4). A 101–199 with
   * `Require: 100rel` in `headers` is sent reliably (RFC 3262).
   * @throws Error when a final answer was sent already.
   */
  respond(
    status: number,
    options?: { reason?: string; headers?: HeaderMap; body?: string },
  ): SentMessage & { dialog?: Dialog };
}

export interface ServerTransactionEvents {
  /**
   * CANCEL arrived before a final answer. The stack has answered it 200 and the INVITE 487. A BYE in the early dialog
   * counts too: then it is the BYE that is given here, and it comes as a request as well.
   */
  cancel: [cancel: SipMessage, raw: string];
  /** ACK: of a 2xx (it can carry SDP), or of a final failure. */
  ack: [ack: SipMessage, raw: string];
  /** No ACK came for our 2xx in 64*T1: the stack has sent BYE and ended the dialog. */
  'ack-timeout': [];
  /** PRACK for a reliable provisional answer; the stack has answered it 200. */
  prack: [prack: SipMessage, raw: string];
  /** The transaction is over and forgotten. */
  terminated: [];
}

/** A request of ours on its way. */
export interface ClientTransaction extends EventEmitter<ClientTransactionEvents> {
  readonly id: string;
  readonly sent: SentMessage;
  /** Sends CANCEL (after the first provisional answer, as RFC 3261 9.1 asks). INVITE only. */
  cancel(headers?: HeaderMap): void;
}

export interface ClientTransactionEvents {
  /**
   * Any answer. On a 2xx to INVITE `dialog` is the new or existing one; the one who sent the request must call
   * `dialog.ack()` once, and the stack repeats that ACK for resent 200s. ACKs for failures are the stack's own.
   * Timer B/F passed or no route: a 408 or 503 made here, with `local` true.
   */
  response: [response: SipMessage, info: { raw: string; dialog?: Dialog; source: HostPort; local: boolean }];
  terminated: [];
}

export interface RequestOptions {
  method: string;
  /** Request-URI. */
  uri: string;
  headers?: HeaderMap;
  body?: string;
  /** Sends here instead of to the URI's host. */
  destination?: HostPort;
}

/** RFC 3261 12. Holds tags, CSeqs, route set, remote target; ends by BYE either way, session timer, or ACK timeout. */
export interface Dialog extends EventEmitter<DialogEvents> {
  readonly id: string;
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly role: 'uac' | 'uas';
  readonly state: 'early' | 'confirmed' | 'terminated';
  readonly remoteTarget: string;
  /** Sends a request in the dialog; the stack fills Request-URI, Route, From, To, Call-ID, CSeq, Contact, Via. */
  request(options: Omit<RequestOptions, 'uri'>): ClientTransaction;
  /** Acknowledges the newest 2xx to an INVITE of ours. */
  ack(options?: { headers?: HeaderMap; body?: string }): SentMessage;
}

export interface DialogEvents {
  /** A request from the peer in this dialog (re-INVITE, UPDATE, INFO, REFER, NOTIFY, BYE …): must be answered. */
  request: [transaction: ServerTransaction];
  /** Over, once: by BYE (`local` = ours), by a 481/408 to a request, by session timer or by a missing ACK. */
  terminated: [why: 'local-bye' | 'remote-bye' | 'gone' | 'session-expired' | 'ack-timeout'];
}

export interface SipEndpointOptions {
  /** Sockets to open; port 0 picks a free one. */
  listen: HostPort[];
  /** What peers are told to send to (Via, Contact), where it differs from the bound address. */
  publicAddress?: string;
  /** Value of User-Agent/Server. */
  userAgent: string;
  /** User part of our Contact. */
  contactUser?: string;
  /** RFC 3261 T1 in ms; 500. */
  t1Ms?: number;
  /** Longest message accepted, in bytes; 65,535. */
  maxMessageBytes?: number;
  /** Methods taken; others get 405. By default all that a telephone system meets. */
  allow?: string[];
  /** What Allow tells, where an application refuses some of those; `allow`. */
  tellAllow?: string[];
  /** Extensions told in Supported; a request that requires another gets 420. By default `100rel` and `timer`. */
  supported?: string[];
  /** Shortest session interval accepted, in seconds (RFC 4028 Min-SE); 90. */
  minSessionExpiresSeconds?: number;
  /**
   * What a second INVITE or UPDATE of the peer's gets before the first is answered: 500 with Retry-After (RFC 3261
   * 14.2), or 491 as applications on drachtio-server say, which leaves it to them; 500.
   */
  overlapStatus?: 491 | 500;
  /**
   * Whether the stack sends the PRACK for a reliable provisional answer to an INVITE of ours, after the `response`
   * event, unless a listener has sent one or it holds an offer; true. False leaves them to the application, and
   * requests of ours tell `100rel` only where the application puts it into Supported.
   */
  autoPrack?: boolean;
  /**
   * Requests in a dialog go where the peer's messages came from if its Contact names another address, and no proxy has
   * put itself into the route: the peer is behind NAT. False.
   */
  natAware?: boolean;
  /** Requests in work at once before new ones get 503; 20,000. */
  maxServerTransactions?: number;
}

/** What an endpoint holds; all 0 some time after the last call is over. */
export interface SipEndpointCounts {
  dialogs: number;
  clientTransactions: number;
  serverTransactions: number;
  tcpConnections: number;
}

export interface SipEndpoint extends EventEmitter<SipEndpointEvents> {
  start(): Promise<void>;
  /** Closes the sockets. Calls are not ended. */
  stop(): Promise<void>;
  /** Bound addresses, with the ports actually chosen. */
  readonly addresses: HostPort[];
  /** A request outside any dialog. An INVITE that is answered creates one. */
  request(options: RequestOptions): ClientTransaction;
  findDialog(id: string): Dialog | undefined;
  /** All dialogs that exist now: for a process that ends, and says BYE to all. */
  readonly dialogs: readonly Dialog[];
  readonly dialogCount: number;
  readonly counts: SipEndpointCounts;
}

export interface SipEndpointEvents {
  /** A request outside any dialog. Also given for dialogs nobody listens to with `request`. */
  request: [transaction: ServerTransaction];
  /** The stack itself has refused a request with this status. */
  refused: [method: string, status: number, source: HostPort];
}
