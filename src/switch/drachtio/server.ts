import { timingSafeEqual } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { causeOfRefusal, RefusalFold, type Refusals } from '../../kernel/refusal-fold.ts';
import type { HostPort, ServerTransaction, SipEndpoint } from '../sip/api.ts';
import { CallAdmission, type CallLimits } from './call-limits.ts';
import { CdrPoster } from './cdr.ts';
import { type ClientMessage, parseClientMessage } from './client-message.ts';
import { ClientRequests } from './client-requests.ts';
import { ControlClient, type ControlClientLimits } from './control-client.ts';
import { DialogTable } from './dialog-table.ts';
import { NetworkRequests } from './network-requests.ts';
import { RouteTable } from './route-table.ts';
import { type DrachtioLogger, hostPortText, type Patience, type SwitchState } from './switch-state.ts';
import { noFrame, nokFrame, okFrame } from './wire-format.ts';

/** The drachtio-server whose protocol is spoken here; srf asks for it. */
export const DRACHTIO_VERSION = 'v0.9.10';

export interface DrachtioServerOptions {
  /** Where clients connect; port 0 picks a free one. */
  listen: { address: string; port: number };
  secret: string;
  /** Started before this server, stopped after it. With `autoPrack: false`, as clients send PRACK themselves. */
  sip: SipEndpoint;
  /** Without limits every call is taken. */
  limits?: CallLimits;
  /** What peers are told to send to, where it differs from the bound address. */
  publicAddress?: string;
  /** Value of Retry-After in the 503s that are sent here; 5. */
  retryAfterSeconds?: number;
  /** Limits of a control connection; 8 MiB waiting to be read, 10 s to authenticate. */
  clientLimits?: Partial<ControlClientLimits>;
  /** 64 s (as the real server's) and, in a dialog, 30 s: just before the peer gives up (64*T1). */
  patience?: Patience;
  logger?: DrachtioLogger;
}

/** Counts for health checks. */
export interface DrachtioServerStatus {
  clients: number;
  dialogs: number;
  /** Calls from the network: those counted against `maxCalls`. */
  calls: number;
}

export interface DrachtioServer {
  /** @throws Error when the address is taken. */
  start(): Promise<void>;
  /** Closes the control port and its connections. Calls are not ended. */
  stop(): Promise<void>;
  /** Where clients connect, with the port actually chosen. */
  readonly address: { address: string; port: number };
  readonly status: DrachtioServerStatus;
  /** What was refused here since the last time, unseen by any client. */
  takeRefusals(): Refusals[];
}

/** Plays drachtio-server towards drachtio-srf. */
export function createDrachtioServer(options: DrachtioServerOptions): DrachtioServer {
  return new ControlServer(options);
}

const silent: DrachtioLogger = { debug: () => undefined, info: () => undefined, warn: () => undefined };
const MAX_ROUTES_PER_CLIENT = 64;

class ControlServer implements DrachtioServer {
  readonly #options: DrachtioServerOptions;
  readonly #logger: DrachtioLogger;
  readonly #tcp: Server;
  readonly #clients = new Set<ControlClient>();
  readonly #refusals = new RefusalFold();
  readonly #onRefused = (method: string, sipStatus: number, { address }: HostPort) =>
    this.#refusals.note({
      ...{ method, sipStatus, address },
      cause: causeOfRefusal(sipStatus, sipStatus === 503 ? 'overload' : 'not-accepted'),
    });
  readonly #state: SwitchState;
  readonly #network: NetworkRequests;
  readonly #outgoing: ClientRequests;
  readonly #onSipRequest = (transaction: ServerTransaction) => this.#guard(() => this.#network.accept(transaction));
  #lastClientId = 0;

  constructor(options: DrachtioServerOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silent;
    this.#tcp = createServer((socket) => this.#connected(socket));
    const routes = new RouteTable<ControlClient>();
    const cdr = new CdrPoster(routes);
    this.#state = {
      sip: options.sip,
      routes,
      cdr,
      dialogs: new DialogTable(cdr),
      admission: new CallAdmission(options.limits),
      refusals: this.#refusals,
      logger: this.#logger,
      retryAfterSeconds: options.retryAfterSeconds ?? 5,
      patience: options.patience ?? { newRequestMs: 64_000, inDialogMs: 30_000 },
      ownAddress: ({ protocol }) => this.#ownAddress(protocol),
    };
    this.#outgoing = new ClientRequests(this.#state);
    this.#network = new NetworkRequests(this.#state, (callId) => this.#outgoing.findCaller(callId));
  }

  async start(): Promise<void> {
    const { address, port } = this.#options.listen;
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once('error', reject);
      this.#tcp.listen(port, address, () => {
        this.#tcp.off('error', reject);
        resolve();
      });
    });
    this.#tcp.on('error', (error) => this.#logger.warn({ error: error.message }, 'control port'));
    this.#options.sip.on('request', this.#onSipRequest);
    this.#options.sip.on('refused', this.#onRefused);
  }

  async stop(): Promise<void> {
    this.#options.sip.off('request', this.#onSipRequest);
    this.#options.sip.off('refused', this.#onRefused);
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    for (const client of [...this.#clients]) client.drop('server stops');
    this.#network.stop();
    await closed;
  }

  get address(): { address: string; port: number } {
    const bound = this.#tcp.address();
    if (!bound || typeof bound === 'string') throw new Error('control port is not open');
    return { address: bound.address, port: bound.port };
  }

  takeRefusals(): Refusals[] {
    return this.#refusals.take();
  }

  get status(): DrachtioServerStatus {
    const { dialogs, admission } = this.#state;
    return { clients: this.#clients.size, dialogs: dialogs.size, calls: admission.calls };
  }

  #connected(socket: Socket): void {
    const limits = { maxBufferedBytes: 8 * 1_048_576, authenticateWithinMs: 10_000, ...this.#options.clientLimits };
    const client = new ControlClient(++this.#lastClientId, socket, limits, {
      onFrame: (from, text) => this.#guard(() => this.#received(from, parseClientMessage(text))),
      onGone: (gone, why) => this.#guard(() => this.#disconnected(gone, why)),
    });
    this.#clients.add(client);
  }

  #disconnected(client: ControlClient, why: string): void {
    this.#logger.info({ client: client.id, why }, 'client gone');
    this.#clients.delete(client);
    this.#state.routes.removeClient(client);
    this.#network.abandonRequestsOfClient(client);
    this.#outgoing.abandonRequestsOfClient(client);
  }

  #received(client: ControlClient, message: ClientMessage): void {
    const { msgId, verb, tokens } = message;
    if (verb === 'authenticate') {
      this.#authenticate(client, message);
      return;
    }
    if (!client.authenticated) {
      client.sendAndClose(noFrame(msgId, 'not authenticated'));
      return;
    }
    switch (verb) {
      case 'ping':
        client.send(okFrame(msgId, 'pong'));
        return;
      case 'route':
        this.#route(client, msgId, tokens[0] ?? '');
        return;
      case 'remove_route':
        // Off every method, as 0.9.10 does whatever method is named
        this.#state.routes.removeClient(client);
        client.send(okFrame(msgId));
        return;
      case 'sip':
        this.#sip(client, message);
        return;
      case 'proxy':
        client.send(nokFrame(msgId, 'proxying is not supported'));
        return;
      case '':
        client.sendAndClose(noFrame(msgId, 'Invalid message format'));
        return;
      default:
        client.sendAndClose(noFrame(msgId, 'Unknown message type'));
        return;
    }
  }

  #authenticate(client: ControlClient, { msgId, tokens }: ClientMessage): void {
    if (!sameSecret(tokens[0] ?? '', this.#options.secret)) {
      this.#logger.warn({ client: client.id }, 'client with a wrong secret');
      client.sendAndClose(noFrame(msgId, 'incorrect secret'));
      return;
    }
    client.markAuthenticated();
    const list = (addresses: HostPort[]) =>
      addresses.map((address) => `${address.protocol}/${hostPortText(address)}`).join(',');
    const { addresses } = this.#options.sip;
    const contacts = list(addresses.map(({ protocol }) => this.#ownAddress(protocol)));
    client.send(okFrame(msgId, `${contacts}|${DRACHTIO_VERSION}|${list(addresses)}`));
  }

  #route(client: ControlClient, msgId: string, verb: string): void {
    if (this.#state.routes.countOf(client) >= MAX_ROUTES_PER_CLIENT || verb === '') {
      client.sendAndClose(noFrame(msgId, 'Route request includes unsupported verb'));
      return;
    }
    this.#state.routes.add(client, verb);
    client.send(okFrame(msgId));
  }

  #sip(client: ControlClient, message: ClientMessage): void {
    if (message.tokens.length < 2) {
      client.sendAndClose(noFrame(message.msgId, 'Invalid message format'));
      return;
    }
    const [transactionId = ''] = message.tokens;
    try {
      if (!message.startLine.startsWith('SIP/')) this.#outgoing.send(client, message);
      else if (transactionId !== '') this.#network.respond(client, message, transactionId);
      else client.sendAndClose(noFrame(message.msgId, 'transaction id missing'));
    } catch (error) {
      // What the stack refuses to send (a dialog just ended, a header it can't encode) is the client's to know
      const why = error instanceof Error ? error.message : String(error);
      this.#logger.info({ client: client.id, why }, 'not sent');
      client.send(nokFrame(message.msgId, `Server error: ${why}`));
    }
  }

  #ownAddress(protocol: HostPort['protocol']): HostPort {
    const bound = this.#options.sip.addresses.find((address) => address.protocol === protocol);
    if (!bound) throw new Error(`no SIP socket for ${protocol}`);
    return { ...bound, address: this.#options.publicAddress ?? bound.address };
  }

  /** One message must not bring down the calls of all others. */
  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#logger.warn({ error: error instanceof Error ? error.message : String(error) }, 'message not handled');
    }
  }
}

function sameSecret(given: string, secret: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(secret)];
  return one.length === other.length && timingSafeEqual(one, other);
}
