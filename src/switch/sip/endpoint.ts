import { EventEmitter } from 'node:events';
import { header, type SipMessage } from '../../kernel/sip/message.ts';
import { parseNameAddr, parseVia } from '../../kernel/sip/uri.ts';
import type {
  ClientTransaction,
  Dialog,
  HostPort,
  RequestOptions,
  SipEndpoint,
  SipEndpointCounts,
  SipEndpointEvents,
  SipEndpointOptions,
} from './api.ts';
import { mapValue, newBranch, newId, newTag, withTag } from './build.ts';
import type { Core, DialogInit, DialogPart, ResolvedOptions, Target, UasPart } from './core.ts';
import { SipDialog } from './dialog.ts';
import { type Envelope, serverKey } from './envelope.ts';
import { fillRequest, fixedOutside } from './fill.ts';
import { locate } from './resolve.ts';
import { Router } from './router.ts';
import { Tables } from './tables.ts';
import { ClientMachine, type ClientUser } from './transaction/client.ts';
import { type Timing, timingFrom, type Wire } from './transaction/machine.ts';
import { ServerMachine, type ServerUser } from './transaction/server.ts';
import type { Link } from './transport/link.ts';
import { Transports } from './transport/transports.ts';
import { UacTransaction } from './uac.ts';
import { replyWire, requestWire } from './wires.ts';

const defaultMethods = [
  ...['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE', 'PRACK'],
  ...['REFER', 'NOTIFY', 'SUBSCRIBE', 'MESSAGE', 'REGISTER', 'PUBLISH'],
];

/**
 * A SIP user agent on sockets of its own. Start it before use.
 *
 * A request outside a dialog goes to the listeners of `request`, OPTIONS too. Where there are none, OPTIONS gets 200
 * (RFC 3261 11.2) and everything else 503.
 */
export function createSipEndpoint(options: SipEndpointOptions): SipEndpoint {
  return new Endpoint(options);
}

class Endpoint extends EventEmitter<SipEndpointEvents> implements SipEndpoint, Core {
  readonly options: ResolvedOptions;
  readonly timing: Timing;
  readonly #transports: Transports;
  readonly #tables = new Tables();
  #cseq = 1 + Math.floor(Math.random() * 10_000);

  constructor(options: SipEndpointOptions) {
    super();
    this.options = {
      userAgent: options.userAgent,
      contactUser: options.contactUser ?? '',
      maxMessageBytes: options.maxMessageBytes ?? 65_535,
      allow: options.allow ?? defaultMethods,
      tellAllow: options.tellAllow ?? options.allow ?? defaultMethods,
      supported: options.supported ?? ['100rel', 'timer'],
      minSessionExpiresSeconds: options.minSessionExpiresSeconds ?? 90,
      overlapStatus: options.overlapStatus ?? 500,
      autoPrack: options.autoPrack ?? true,
      natAware: options.natAware ?? false,
      maxServerTransactions: options.maxServerTransactions ?? 20_000,
    };
    this.timing = timingFrom(options.t1Ms);
    const router = new Router(this, this.#tables, (envelope, text) => this.#wireBack(envelope).send(text, noMatter));
    this.#transports = new Transports(options.listen, options.publicAddress, this.options.maxMessageBytes, (arrival) =>
      router.receive(arrival),
    );
  }

  async start(): Promise<void> {
    await this.#transports.start();
  }

  async stop(): Promise<void> {
    this.#tables.clear();
    await this.#transports.stop();
  }

  get addresses(): HostPort[] {
    return this.#transports.addresses;
  }

  get dialogs(): readonly Dialog[] {
    return this.#tables.dialogs;
  }

  get dialogCount(): number {
    return this.#tables.dialogCount;
  }

  get counts(): SipEndpointCounts {
    return {
      dialogs: this.#tables.dialogCount,
      clientTransactions: this.#tables.clients.size,
      serverTransactions: this.#tables.servers.size,
      tcpConnections: this.#transports.connectionCount,
    };
  }

  request(options: RequestOptions): ClientTransaction {
    const { method, uri, headers: given } = options;
    if (method === 'ACK' || method === 'CANCEL') throw new Error(`${method} is not sent by itself`);
    const located = options.destination
      ? { peer: options.destination, askSrv: false }
      : this.locate(routeUri(given) ?? uri);
    const target = located ?? { peer: { protocol: 'udp', address: '', port: 0 }, askSrv: false };
    const message = this.#newRequest(options, target);
    fillRequest(this, message, target, given, fixedOutside);
    const transaction = new UacTransaction(this, message, target, {});
    if (located) transaction.start();
    else transaction.failLocally(503);
    return transaction;
  }

  findDialog(id: string): Dialog | undefined {
    return this.#tables.dialogById(id);
  }

  // --- Core, for what belongs to this endpoint

  contact(peer: HostPort): string {
    const { contactUser } = this.options;
    const user = contactUser === '' ? '' : `${contactUser}@`;
    const transport = peer.protocol === 'tcp' ? ';transport=tcp' : '';
    return `<sip:${user}${this.#transports.sentBy(peer)}${transport}>`;
  }

  newVia(peer: HostPort): string {
    return `SIP/2.0/${peer.protocol.toUpperCase()} ${this.#transports.sentBy(peer)};rport;branch=${newBranch()}`;
  }

  nextCseq(): number {
    return ++this.#cseq;
  }

  locate(uri: string): Target | undefined {
    return locate(uri, this.#transports.hasUdp);
  }

  openClient(request: SipMessage, text: string, target: Target, user: ClientUser, fallback?: Link): ClientMachine {
    const { method } = request;
    const branch = parseVia(header(request, 'Via') ?? '')?.params.get('branch') ?? '';
    const key = `${branch}|${method}`;
    const watched: ClientUser = {
      onResponse: (response) => user.onResponse(response),
      onFailure: (status) => user.onFailure(status),
      ackFor: (response) => user.ackFor(response),
      dispose: () => user.dispose(),
      onTerminated: () => {
        this.#tables.clients.delete(key);
        user.onTerminated();
      },
    };
    const wire = requestWire(this.#transports, target, fallback);
    const machine = new ClientMachine(method === 'INVITE' ? 'invite' : 'other', text, wire, watched, this.timing);
    this.#tables.clients.set(key, machine);
    return machine;
  }

  openServer(envelope: Envelope, transaction: UasPart): ServerMachine {
    const key = serverKey(envelope);
    const watched: ServerUser = {
      onTerminated: (answered) => {
        this.#tables.dropServer(key, transaction);
        transaction.onTerminated(answered);
      },
    };
    const kind = envelope.message.method === 'INVITE' ? 'invite' : 'other';
    const machine = new ServerMachine(kind, this.#wireBack(envelope), watched, this.timing);
    this.#tables.addServer(key, { machine, transaction });
    machine.dispatch('start');
    return machine;
  }

  sendAlone(text: string, target: Target, fallback?: Link): void {
    requestWire(this.#transports, target, fallback).send(text, noMatter);
  }

  openDialog(init: DialogInit): SipDialog {
    const dialog = new SipDialog(this, init);
    this.#tables.addDialog(dialog);
    return dialog;
  }

  dropDialog(dialog: DialogPart): void {
    this.#tables.dropDialog(dialog);
  }

  refused(method: string, status: number, source: HostPort): void {
    this.emit('refused', method, status, source);
  }

  offer(transaction: UasPart, dialog?: DialogPart): void {
    if (dialog?.emit('request', transaction) || this.emit('request', transaction)) return;
    const { method } = transaction.request;
    transaction.respond(method === 'BYE' || method === 'OPTIONS' ? 200 : 503);
  }

  #wireBack(envelope: Envelope): Wire {
    return replyWire(this.#transports, envelope);
  }

  /** 8.1.1: request line, Via, From, To, Call-ID, CSeq. */
  #newRequest({ method, uri, headers: given, body }: RequestOptions, target: Target): SipMessage {
    const from = mapValue(given, 'From') ?? this.contact(target.peer);
    const cseqGiven = Number.parseInt(mapValue(given, 'CSeq') ?? '', 10);
    const cseq = Number.isInteger(cseqGiven) ? cseqGiven : this.nextCseq();
    return {
      method,
      uri,
      headers: [
        ['Via', this.newVia(target.peer)],
        ['From', withTag(from, newTag())],
        ['To', mapValue(given, 'To') ?? `<${uri}>`],
        ['Call-ID', mapValue(given, 'Call-ID') ?? newId()],
        ['CSeq', `${cseq} ${method}`],
      ],
      body: body ?? '',
    };
  }
}

/** The URI of the first Route the caller gave: that is where the request goes (8.1.2). */
function routeUri(given: RequestOptions['headers']): string | undefined {
  const route = mapValue(given, 'Route');
  return route === undefined ? undefined : parseNameAddr(route)?.uri;
}

/** For what is sent once: if it is lost, the peer's own repeats help. */
const noMatter = (): undefined => undefined;
