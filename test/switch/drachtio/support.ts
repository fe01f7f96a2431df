import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import SrfClass from 'drachtio-srf';
import { FrameDecoder } from '../../../src/switch/drachtio/frame-codec.ts';
import {
  createDrachtioServer,
  type DrachtioServer,
  type DrachtioServerOptions,
} from '../../../src/switch/drachtio/server.ts';
import type { SipEndpoint } from '../../../src/switch/sip/api.ts';
import { createSipEndpoint } from '../../../src/switch/sip/endpoint.ts';
import { eventually } from '../../support/poll.ts';
import { freePort } from '../../support/ports.ts';
import { endProcess } from '../../support/process.ts';
import type { App } from './srf-types.ts';

export const SECRET = 'cymru';

/** What our side says about its media. */
export const localSdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40002 RTP/AVP 0',
  'a=rtpmap:0 PCMU/8000',
  'a=sendrecv',
  '',
].join('\r\n');

/** A drachtio-server under test: ours, or a real one where `DRACHTIO_BIN` names its program. */
export interface Switch {
  control: { host: string; port: number; secret: string };
  /** `host:port` for SIP over UDP. */
  sip: string;
  /** The same for TCP. */
  sipTcp: string;
  sipPort: number;
  /** Ours only. */
  server?: DrachtioServer;
  endpoint?: SipEndpoint;
  stop(): Promise<void>;
}

export type SwitchOptions = Pick<DrachtioServerOptions, 'limits' | 'clientLimits' | 'patience'> & { t1Ms?: number };

/** Starts the server under test. */
export async function startSwitch(options: SwitchOptions = {}): Promise<Switch> {
  const program = process.env['DRACHTIO_BIN'];
  if (program) return startRealDrachtio(program);
  return startEmbedded(options);
}

/** Starts ours, for what the real one does otherwise or has no settings for. */
export async function startEmbedded(options: SwitchOptions = {}): Promise<Switch & { server: DrachtioServer }> {
  const { t1Ms, ...serverOptions } = options;
  const endpoint = createSipEndpoint({
    listen: (['udp', 'tcp'] as const).map((protocol) => ({ protocol, address: '127.0.0.1', port: 0 })),
    ...(t1Ms === undefined ? {} : { t1Ms }),
    userAgent: 'denwaban-test',
    autoPrack: false,
    natAware: true,
  });
  await endpoint.start();
  const server = createDrachtioServer({
    listen: { address: '127.0.0.1', port: 0 },
    secret: SECRET,
    sip: endpoint,
    ...serverOptions,
  });
  await server.start();
  const portOf = (wanted: 'udp' | 'tcp') => endpoint.addresses.find(({ protocol }) => protocol === wanted)?.port ?? 0;
  const sipPort = portOf('udp');
  return {
    control: { host: '127.0.0.1', port: server.address.port, secret: SECRET },
    sip: `127.0.0.1:${sipPort}`,
    sipTcp: `127.0.0.1:${portOf('tcp')}`,
    sipPort,
    server,
    endpoint,
    stop: async () => {
      await server.stop();
      await endpoint.stop();
    },
  };
}

async function startRealDrachtio(program: string): Promise<Switch> {
  const folder = mkdtempSync(join(tmpdir(), 'drachtio-'));
  const [controlPort, sipPort] = [await freePort(), await freePort()];
  const config = join(folder, 'drachtio.conf.xml');
  writeFileSync(
    config,
    `<drachtio><admin port="${controlPort}" secret="${SECRET}">127.0.0.1</admin>
<sip><contacts><contact>sip:127.0.0.1:${sipPort};transport=udp,tcp</contact></contacts></sip>
<cdrs>true</cdrs><logging><console/><sofia-loglevel>3</sofia-loglevel><loglevel>info</loglevel></logging></drachtio>`,
  );
  const running = spawn(program, ['-f', config], { stdio: 'ignore' });
  await eventually('drachtio-server to listen', () => canConnect(controlPort), { timeoutMs: 10_000 });
  return {
    control: { host: '127.0.0.1', port: controlPort, secret: SECRET },
    sip: `127.0.0.1:${sipPort}`,
    sipTcp: `127.0.0.1:${sipPort}`,
    sipPort,
    stop: async () => {
      await endProcess(running, 'SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

const Srf = SrfClass as unknown as new (tags?: string[]) => App;

/** An unmodified drachtio-srf, connected. */
export async function connectSrf(to: Switch, tags: string[] = []): Promise<App> {
  const srf = new Srf(tags);
  srf.on('error', () => undefined);
  const connected = new Promise<void>((resolve, reject) => {
    srf.on('connect', (error: Error | null) => (error ? reject(error) : resolve()));
  });
  srf.connect(to.control);
  await connected;
  return srf;
}

/** Lets srf go without a chance to say anything, as when its process is killed. */
export function killSrf(srf: App): void {
  const { client } = (srf as unknown as { _app: { client: { wp: object; mapServer: Map<Socket, unknown> } } })._app;
  Object.assign(client.wp, { closing: true });
  for (const socket of client.mapServer.keys()) socket.resetAndDestroy();
}

/** A client that speaks the protocol byte by byte. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: string[] = [];
  closed = false;
  readonly #decoder = new FrameDecoder();
  #lastId = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.frames.push(...this.#decoder.push(chunk).frames));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
  }

  static async connect(to: Switch): Promise<RawClient> {
    const socket = createConnection(to.control.port, to.control.host);
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  static async authenticated(to: Switch): Promise<RawClient> {
    const client = await RawClient.connect(to);
    await client.ask(`authenticate|${SECRET}|`);
    return client;
  }

  /** Sends a frame, gives its message id. */
  send(text: string): string {
    const id = `msg-${++this.#lastId}`;
    const frame = `${id}|${text}`;
    this.socket.write(`${Buffer.byteLength(frame)}#${frame}`);
    return id;
  }

  /** Sends a frame and waits for its answer, given without the ids. */
  async ask(text: string): Promise<string> {
    const id = this.send(text);
    return this.answerTo(id);
  }

  async answerTo(id: string): Promise<string> {
    const found = await eventually(`an answer to ${id}`, () =>
      this.frames.find((frame) => frame.split('|')[1] === 'response' && frame.split('|')[2] === id),
    );
    return found.split('|').slice(3).join('|');
  }

  /** The next frame that is SIP (or a CDR) and matches; it is taken off the list. */
  async take(pattern: RegExp): Promise<{ tokens: string[]; sip: string }> {
    const frame = await eventually(`a frame like ${pattern}`, () => this.frames.find((one) => pattern.test(one)));
    this.frames.splice(this.frames.indexOf(frame), 1);
    const at = frame.indexOf('\r\n');
    return { tokens: frame.slice(0, at).split('|'), sip: frame.slice(at + 2) };
  }
}
