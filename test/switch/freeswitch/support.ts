import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { header, type SipMessage } from '../../../src/kernel/sip/message.ts';
import {
  createFreeSwitch,
  type FreeSwitch,
  type FreeSwitchOptions,
} from '../../../src/switch/freeswitch/freeswitch.ts';
import type { Dialog, ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { createSipEndpoint } from '../../../src/switch/sip/endpoint.ts';
import { eventually } from '../../support/poll.ts';
import { Phone, startEngine } from '../media/phone.ts';

/** Test support: a FreeSWITCH part on real SIP and media, an event-socket client, telephones. */

export const password = 'ClueCon';

export interface World {
  /** Undefined where a real FreeSWITCH is under test. */
  freeSwitch: FreeSwitch | undefined;
  password: string;
  eventPort: number;
  sipPort: number;
  /** The SIP endpoint of the one under test, where it is ours. */
  sip: SipEndpoint | undefined;
  /** Closed in reverse at the end. */
  closing: (() => Promise<unknown> | unknown)[];
}

/**
 * Starts ours; or, with STACK=local and FREESWITCH_URLS as for the scenarios, uses a real one on `freeswitch-conf`:
 * the same expectations hold there. With options, `{}` among them, it is ours.
 */
export async function startWorld(options?: Partial<FreeSwitchOptions>): Promise<World> {
  const { STACK, FREESWITCH_URLS } = process.env;
  if (!options && STACK === 'local' && FREESWITCH_URLS) return useReal(new URL(FREESWITCH_URLS.split(',')[0] ?? ''));
  return startOurs(options ?? {});
}

async function useReal(url: URL): Promise<World> {
  const world: World = {
    freeSwitch: undefined,
    password: url.password,
    eventPort: Number(url.port),
    sipPort: 0,
    sip: undefined,
    closing: [],
  };
  const client = await EventSocket.open(world, '');
  world.sipPort = Number(/sip:mod_sofia@[\d.]+:(\d+)/.exec(await client.api('sofia status'))?.[1]);
  return world;
}

async function startOurs(options: Partial<FreeSwitchOptions>): Promise<World> {
  const sip = createSipEndpoint({
    listen: [
      { protocol: 'udp', address: '127.0.0.1', port: 0 },
      { protocol: 'tcp', address: '127.0.0.1', port: 0 },
    ],
    userAgent: 'test',
    contactUser: 'mod_sofia',
    t1Ms: 100,
  });
  await sip.start();
  const { engine } = await startEngine();
  const freeSwitch = createFreeSwitch({
    eventSocket: { address: '127.0.0.1', port: 0, password },
    sip,
    media: engine,
    ...options,
  });
  await freeSwitch.start();
  return {
    freeSwitch,
    password,
    eventPort: freeSwitch.eventSocketAddress.port,
    sipPort: sip.addresses[0]?.port ?? 0,
    sip,
    closing: [() => engine.stop(), () => sip.stop(), () => freeSwitch.stop()],
  };
}

export async function closeWorld(world: World): Promise<void> {
  const client = await EventSocket.open(world, '');
  await client.api('hupall');
  await noChannels(world);
  for (const close of world.closing.splice(0).reverse()) await close();
}

/** Waits until there is no channel left. */
export async function noChannels(world: World): Promise<void> {
  const client = await EventSocket.open(world, '');
  await eventually('no channel', async () => (await client.api('show channels count')).trim() === '0 total.', {
    timeoutMs: 8_000,
  });
}

export type EventFields = Record<string, string>;

interface Message {
  headers: Map<string, string>;
  body: string;
}

/** Events of states, and those that only the real one fires. */
const NOT_FIRED = /STATE|^CODEC$|PRIVATE_COMMAND|CALL_UPDATE|MEDIA_BUG|RTCP|CUSTOM|CHANNEL_DATA/;

/** A client of the event socket that understands nothing but frames: it shows what is really on the wire. */
export class EventSocket {
  readonly socket: Socket;
  readonly events: EventFields[] = [];
  readonly messages: Message[] = [];
  #bytes = Buffer.alloc(0);
  #answers: ((message: Message) => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#received(bytes));
  }

  /** Connects and logs in; subscribes to the events named. */
  static async open(world: World, events = 'ALL'): Promise<EventSocket> {
    const client = await EventSocket.connect(world);
    await client.command(`auth ${world.password}`);
    if (events !== '') await client.command(`event json ${events}`);
    return client;
  }

  static async connect(world: World): Promise<EventSocket> {
    const socket = connectTcp(world.eventPort, '127.0.0.1');
    const client = new EventSocket(socket);
    await eventually('auth/request', () => client.messages.length > 0);
    world.closing.push(() => socket.destroy());
    return client;
  }

  /** Sends a command; gives the whole reply. */
  async send(text: string): Promise<Message> {
    const answer = new Promise<Message>((resolve) => this.#answers.push(resolve));
    this.socket.write(`${text}\n\n`);
    return answer;
  }

  /** Sends a command; gives `Reply-Text`. */
  async command(text: string): Promise<string> {
    return (await this.send(text)).headers.get('Reply-Text') ?? '';
  }

  async api(text: string): Promise<string> {
    return (await this.send(`api ${text}`)).body;
  }

  /** Has a channel run an application; resolves with the event that says it is complete. */
  async execute(uuid: string, app: string, arg = '', extra = ''): Promise<EventFields> {
    const id = this.executeLater(uuid, app, arg, extra);
    return this.completion(id);
  }

  /** Has a channel run an application; gives the id its events carry. */
  executeLater(uuid: string, app: string, arg = '', extra = ''): string {
    const id = `${app}-${Math.random().toString(36).slice(2)}`;
    const lines = ['call-command: execute', `execute-app-name: ${app}`, `Event-UUID: ${id}`];
    if (arg !== '') lines.push(`execute-app-arg: ${arg}`);
    if (extra !== '') lines.push(extra);
    void this.send(`sendmsg ${uuid}\n${lines.join('\n')}`);
    return id;
  }

  completion(id: string): Promise<EventFields> {
    return this.wait(`${id} to complete`, 'CHANNEL_EXECUTE_COMPLETE', (event) => event['Application-UUID'] === id);
  }

  /** An event that has come or will come. */
  wait(
    what: string,
    name: string,
    matches: (event: EventFields) => boolean = () => true,
    timeoutMs = 8_000,
  ): Promise<EventFields> {
    return eventually(what, () => this.find(name, matches), { timeoutMs, everyMs: 5 });
  }

  find(name: string, matches: (event: EventFields) => boolean = () => true): EventFields | undefined {
    return this.events.find((event) => event['Event-Name'] === name && matches(event));
  }

  /** Names of the events of a channel since the `from`th event, in order: those that ours has, too. */
  namesOf(uuid: string, from = 0): string[] {
    return this.story(uuid, from).map((line) => line.split(' ')[0] ?? '');
  }

  /** The same, with what is executed or pressed. */
  story(uuid: string, from = 0): string[] {
    return this.events
      .slice(from)
      .filter((event) => event['Unique-ID'] === uuid && !NOT_FIRED.test(event['Event-Name'] ?? ''))
      .map((event) => [event['Event-Name'], event['Application'] ?? event['DTMF-Digit']].filter(Boolean).join(' '));
  }

  #received(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (;;) {
      const end = this.#bytes.indexOf('\n\n');
      if (end === -1) return;
      const headers = new Map(
        this.#bytes
          .toString('utf8', 0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
      );
      const length = Number(headers.get('Content-Length') ?? 0);
      if (this.#bytes.length < end + 2 + length) return;
      const body = this.#bytes.toString('utf8', end + 2, end + 2 + length);
      this.#bytes = this.#bytes.subarray(end + 2 + length);
      this.#take({ headers, body });
    }
  }

  #take(message: Message): void {
    this.messages.push(message);
    const type = message.headers.get('Content-Type');
    if (type === 'text/event-json') this.events.push(JSON.parse(message.body) as EventFields);
    else if (type === 'command/reply' || type === 'api/response') this.#answers.shift()?.(message);
  }
}

export function sdpOf(phone: Phone, options: { formats?: string; lines?: string; address?: string } = {}): string {
  const { formats = '0 8 101', lines = '', address = '127.0.0.1' } = options;
  return [
    'v=0',
    'o=- 1 1 IN IP4 127.0.0.1',
    's=-',
    `c=IN IP4 ${address}`,
    't=0 0',
    `m=audio ${phone.rtp.address().port} RTP/AVP ${formats}`,
    'a=rtpmap:101 telephone-event/8000',
    ...(lines === '' ? [] : [lines]),
    '',
  ].join('\r\n');
}

/** A telephone: a SIP user agent and its RTP. */
export interface Caller {
  sip: SipEndpoint;
  phone: Phone;
  uuid: string;
  dialog: Dialog;
  answer: SipMessage;
  /** BYEs and other requests that came in the dialog. */
  requests: SipMessage[];
}

async function startPhoneSip(world: World): Promise<{ sip: SipEndpoint; phone: Phone }> {
  const sip = createSipEndpoint({
    listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }],
    userAgent: 'phone',
    contactUser: 'phone',
    t1Ms: 100,
  });
  await sip.start();
  const phone = await Phone.open();
  world.closing.push(async () => {
    phone.close();
    await sip.stop();
  });
  return { sip, phone };
}

const sdpType = { 'Content-Type': 'application/sdp' };

/** Where audio goes to, from an answer or offer. */
export function audioPort(sdp: string): number {
  return Number(/^m=audio (\d+)/m.exec(sdp)?.[1] ?? 0);
}

/** Sends an INVITE; gives the final answer. */
export async function invite(
  world: World,
  body?: (phone: Phone) => string,
  headers: Record<string, string> = {},
): Promise<{ sip: SipEndpoint; phone: Phone; answer: SipMessage; dialog: Dialog | undefined; uuid: string }> {
  const { sip, phone } = await startPhoneSip(world);
  const sdp = body ? body(phone) : sdpOf(phone);
  const transaction = sip.request({
    method: 'INVITE',
    uri: `sip:drachtio@127.0.0.1:${world.sipPort}`,
    headers: { From: '"Bob" <sip:bob@127.0.0.1>', ...(sdp === '' ? {} : sdpType), ...headers },
    body: sdp,
  });
  for (;;) {
    const [answer, { dialog }] = (await once(transaction, 'response')) as [SipMessage, { dialog?: Dialog }];
    if ((answer.status ?? 0) < 200) continue;
    return { sip, phone, answer, dialog, uuid: header(transaction.sent.message, 'Call-ID') ?? '' };
  }
}

/** Calls in and is parked. */
export async function callIn(world: World, events: EventSocket, body?: (phone: Phone) => string): Promise<Caller> {
  const { sip, phone, answer, dialog, uuid } = await invite(world, body);
  if (!dialog) throw new Error(`refused with ${answer.status}`);
  const requests: SipMessage[] = [];
  dialog.on('request', (transaction: ServerTransaction) => {
    requests.push(transaction.request);
    transaction.respond(200);
  });
  dialog.ack();
  phone.target = { address: '127.0.0.1', port: audioPort(answer.body) };
  await events.wait(`${uuid} to be parked`, 'CHANNEL_PARK', (event) => event['Unique-ID'] === uuid);
  return { sip, phone, uuid, dialog, answer, requests };
}

/** Waits to be called; `answering` decides what an INVITE gets. */
export async function startCallee(
  world: World,
  answering: (transaction: ServerTransaction, phone: Phone) => void,
): Promise<{ uri: string; phone: Phone; sip: SipEndpoint; invites: SipMessage[] }> {
  const { sip, phone } = await startPhoneSip(world);
  const invites: SipMessage[] = [];
  sip.on('request', (transaction) => {
    invites.push(transaction.request);
    answering(transaction, phone);
  });
  return { uri: `phone@127.0.0.1:${sip.addresses[0]?.port}`, phone, sip, invites };
}

/** Answers a call with the phone's SDP. */
export function pickUp(transaction: ServerTransaction, phone: Phone): void {
  phone.target = { address: '127.0.0.1', port: audioPort(transaction.request.body) };
  const { dialog } = transaction.respond(200, { headers: sdpType, body: sdpOf(phone) });
  dialog?.on('request', (request) => request.respond(200));
}

const KEYS = '0123456789*#';

/** Presses keys, one after the other. */
export function press(phone: Phone, keys: string): void {
  for (const key of keys) phone.pressKey(KEYS.indexOf(key));
}
