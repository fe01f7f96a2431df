import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IncomingCall, Leg, LegEvent } from '../../src/call/telephony.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { spawnSwitch } from '../../src/switch/spawn.ts';
import { createTelephony, type SwitchTelephony, type TelephonyOptions } from '../../src/telephony/create-telephony.ts';
import { tone, writeWav } from '../support/audio.ts';
import { eventually } from '../support/poll.ts';
import { TestPhone } from './phone.ts';

/** A drachtio and a FreeSWITCH to talk to: the embedded switch, or with STACK=local the pair of this machine. */
export interface Pair {
  drachtio: { host: string; port: number; secret: string };
  freeswitch: { name: string; host: string; port: number; password: string };
  stop(): Promise<void>;
}

/** An embedded switch with these RTP ports. */
export async function openEmbedded(rtpPortMin: number, rtpPortMax: number): Promise<Pair> {
  const secret = randomUUID();
  const spawned = await spawnSwitch({
    bindAddress: '127.0.0.1',
    publicAddress: '127.0.0.1',
    ...{ sipPort: 0, controlPort: 0, eventSocketPort: 0, mrfSipPort: 0, rtpPortMin, rtpPortMax },
    ...{ controlSecret: secret, eventSocketPassword: secret },
    ...{ maxCalls: 100, maxCallsPerSecond: 100, mediaTimeoutMs: 60_000 },
  });
  const host = '127.0.0.1';
  return {
    drachtio: { host, port: spawned.controlPort, secret },
    freeswitch: { name: 'embedded', host, port: spawned.eventSocketPort, password: secret },
    stop: () => spawned.stop(),
  };
}

export async function openPair(): Promise<Pair> {
  const { STACK, DRACHTIO_URL, FREESWITCH_URLS } = process.env;
  if (STACK === 'local' && DRACHTIO_URL && FREESWITCH_URLS) {
    const [drachtio, freeswitch] = [new URL(DRACHTIO_URL), new URL(FREESWITCH_URLS)];
    const { hostname: host, port, password } = freeswitch;
    return {
      drachtio: { host: drachtio.hostname, port: Number(drachtio.port), secret: drachtio.password },
      freeswitch: { name: 'local', host, port: Number(port), password },
      stop: async () => undefined,
    };
  }
  return openEmbedded(42_000, 44_000);
}

/** A leg with all that has happened on it. */
export interface WatchedLeg {
  leg: Leg;
  events: LegEvent[];
  /** Waits for an event of this type, not counting those before `after`. */
  event<T extends LegEvent['type']>(type: T, after?: number): Promise<Extract<LegEvent, { type: T }>>;
}

export function watch(events: LegEvent[], leg: Leg): WatchedLeg {
  const find = <T extends LegEvent['type']>(type: T, after: number) =>
    events.slice(after).find((event): event is Extract<LegEvent, { type: T }> => event.type === type);
  return { leg, events, event: (type, after = 0) => eventually(`event ${type}`, () => find(type, after)) };
}

/** A telephony under test with the phones that ring it. Everything opened through it is closed by `close`. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'denwaban-telephony-'));
  readonly incoming: IncomingCall[] = [];
  readonly telephony: SwitchTelephony;
  readonly #phones: TestPhone[] = [];

  private constructor(telephony: SwitchTelephony) {
    this.telephony = telephony;
  }

  static async open(pair: Pair, more: Partial<TelephonyOptions> = {}): Promise<Bench> {
    const bench = new Bench(
      createTelephony({
        drachtio: pair.drachtio,
        freeswitches: [pair.freeswitch],
        clock: systemClock,
        logger: silentLogger,
        ...more,
      }),
    );
    await bench.telephony.start({
      onIncoming: (call) => bench.incoming.push(call),
      outlook: () => Promise.resolve(200),
    });
    return bench;
  }

  get sip(): { port: number } {
    return { port: this.telephony.sipAddress()?.port ?? 0 };
  }

  async phone(): Promise<TestPhone> {
    const phone = await TestPhone.open();
    this.#phones.push(phone);
    return phone;
  }

  /** A phone rings `number`; gives the offered call. */
  async ring(number = '0312345678', { offerless = false } = {}): Promise<{ phone: TestPhone; call: IncomingCall }> {
    const phone = await this.phone();
    phone.offerless = offerless;
    const before = this.incoming.length;
    phone.startCall(number, this.sip);
    const call = await eventually('the call to be offered', () => this.incoming[before]);
    return { phone, call };
  }

  /** A phone rings and is answered. */
  async talk(options: { offerless?: boolean } = {}): Promise<WatchedLeg & { phone: TestPhone }> {
    const { phone, call } = await this.ring('0312345678', options);
    const events: LegEvent[] = [];
    const outcome = await call.answer((event) => events.push(event));
    if (!outcome.ok) throw new Error(`not answered: ${JSON.stringify(outcome)}`);
    await eventually('the phone to be answered', () => phone.status === 200);
    return { ...watch(events, outcome.leg), phone };
  }

  /** A WAV of a steady level, 8 kHz. */
  tone(name: string, ms: number, amplitude = 12_000): { file: string } {
    const file = writeWav(join(this.folder, `${name}.wav`), [tone(440, ms, amplitude)]);
    return { file };
  }

  async close(): Promise<void> {
    await this.telephony.stop();
    await Promise.all(this.#phones.map((phone) => phone.close()));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A TCP relay that tests cut: a network between the controller and FreeSWITCH. */
export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  open = true;
  #frozen = false;
  /** Connections that were ever made to it. */
  accepted = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(target: { host: string; port: number }): Promise<Relay> {
    const server = createServer();
    const relay = new Relay(server);
    server.on('connection', (near) => {
      relay.accepted += 1;
      if (!relay.open) {
        near.destroy();
        return;
      }
      const far = connect(target.port, target.host);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        relay.#sockets.add(one);
        one.setNoDelay(true);
        one.on('error', () => other.destroy());
        // Over once the other end has closed its side, too.
        one.on('close', () => other.resume().end());
        one.pipe(other);
        if (relay.#frozen) one.pause();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  /** Connections that stand. */
  get connections(): number {
    return [...this.#sockets].filter((socket) => !socket.destroyed).length / 2;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  /** Breaks every connection; `open` says whether new ones get through. */
  cut(open: boolean): void {
    this.open = open;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  /** Keeps every connection open and lets nothing through, or lets go: the other end hangs. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    for (const socket of this.#sockets) {
      if (frozen) socket.pause();
      else socket.resume();
    }
  }

  close(): Promise<void> {
    this.cut(false);
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
