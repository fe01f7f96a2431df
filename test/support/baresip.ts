import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readWav, tone, writeWav } from './audio.ts';
import { eventually } from './poll.ts';
import { freePort, freePortPair } from './ports.ts';
import { type RunningProgram, runProgram } from './process.ts';

export interface PhoneEvent {
  type: string;
  param?: string;
  peeruri?: string;
  peerdisplayname?: string;
}

/** baresip, a SIP phone that is not ours, remote-controlled. */
export class Baresip {
  readonly sipPort: number;
  readonly user: string;
  readonly #folder: string;
  readonly #program: RunningProgram;
  readonly #control: Socket;
  readonly #events: PhoneEvent[] = [];
  #buffer = Buffer.alloc(0);

  private constructor(parts: {
    sipPort: number;
    user: string;
    folder: string;
    program: RunningProgram;
    control: Socket;
  }) {
    this.sipPort = parts.sipPort;
    this.user = parts.user;
    this.#folder = parts.folder;
    this.#program = parts.program;
    this.#control = parts.control;
    this.#control.on('data', (data) => this.#read(Buffer.from(data)));
    this.#control.on('error', () => this.#events.push({ type: 'CONTROL_LOST' }));
  }

  /** Starts a phone that says a tone of `toneHz` while it is in a call. `answer`: picks up by itself. */
  static async start(options: {
    user?: string;
    toneHz?: number;
    answer?: boolean;
    codec?: 'PCMU' | 'PCMA';
    sipPort?: number;
    /** It ends by itself then, even if the test run is killed. */
    lifeSeconds?: number;
    /** Registers at this server (`host:port`), by digest with `user` as its name. */
    register?: { server: string; password: string; transport?: 'udp' | 'tcp'; everySeconds?: number };
  }): Promise<Baresip> {
    const user = options.user ?? 'phone';
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-phone-'));
    const sipPort = options.sipPort ?? (await freePortPair());
    const controlPort = await freePort();
    writeWav(join(folder, 'source.wav'), [tone(options.toneHz ?? 440, 60_000)]);
    writeFileSync(join(folder, 'config'), config(folder, sipPort, controlPort));
    writeFileSync(join(folder, 'contacts'), '');
    writeFileSync(
      join(folder, 'accounts'),
      `${address(user, sipPort, options.register)};answermode=${options.answer ? 'auto' : 'manual'};audio_codecs=${options.codec ?? 'PCMU'}\n`,
    );
    const life = String(options.lifeSeconds ?? 180);
    const program = runProgram('baresip', ['-f', folder, '-t', life], { stdio: ['ignore', 'pipe', 'pipe'] });
    await eventually('baresip to be ready', () => program.output().includes('baresip is ready') || program.exited(), {
      timeoutMs: 15_000,
    });
    if (program.exited()) throw new Error(`baresip ended: ${program.output().slice(-1000)}`);
    const control = await new Promise<Socket>((resolve, reject) => {
      const socket = connect(controlPort, '127.0.0.1', () => resolve(socket));
      socket.on('error', reject);
    });
    return new Baresip({ sipPort, user, folder, program, control });
  }

  get uri(): string {
    return `sip:${this.user}@127.0.0.1:${this.sipPort}`;
  }

  get events(): readonly PhoneEvent[] {
    return this.#events;
  }

  dial(uri: string): void {
    this.#command('dial', uri);
  }

  accept(): void {
    this.#command('accept');
  }

  hangUp(): void {
    this.#command('hangup');
  }

  /** Presses one key (RFC 4733). */
  press(key: string): void {
    this.#command('sndcode', key);
  }

  hold(): void {
    this.#command('hold');
  }

  resume(): void {
    this.#command('resume');
  }

  /** Waits for an event of the phone, e.g. `CALL_ESTABLISHED`, `CALL_CLOSED`, `CALL_INCOMING`. */
  async heardOf(
    type: string,
    { count = 1, timeoutMs = 15_000 }: { count?: number; timeoutMs?: number } = {},
  ): Promise<PhoneEvent> {
    return eventually(`${this.user}: ${type}`, () => this.#events.filter((event) => event.type === type)[count - 1], {
      timeoutMs,
    });
  }

  /**
   * Waits until the server has answered its first registration; gives the answer, e.g. `200 OK` or `403 Forbidden`.
   * Read from what it prints: the event can come before anybody listens to events.
   */
  registration(): Promise<string> {
    return eventually(
      `${this.user} to register`,
      () => / (\d{3} [A-Z][\w ]*?)(?: \(.*)?\n/.exec(this.#program.output())?.[1],
      { timeoutMs: 15_000 },
    );
  }

  /** What the phone has heard in its newest call so far. */
  heard(): Int16Array {
    const newest = this.#newestDump();
    return newest ? readWav(join(this.#folder, newest)).samples : new Int16Array(0);
  }

  /** Gives what is heard from now on: in this call, or in the next one. */
  listen(): () => Int16Array {
    const [dump, before] = [this.#newestDump(), this.heard().length];
    return () => (this.#newestDump() === dump ? this.heard().subarray(before) : this.heard());
  }

  /** How often it has been rung; one that picks up by itself says nothing of that. */
  get rung(): number {
    return this.#count('CALL_INCOMING');
  }

  /** How many calls it has been in. */
  get talks(): number {
    return this.#count('CALL_ESTABLISHED');
  }

  /** Of one that is only ever called, and picks up by hand: it neither rings nor talks. */
  get isIdle(): boolean {
    return this.rung === this.#count('CALL_CLOSED');
  }

  #count(type: string): number {
    return this.#events.filter((event) => event.type === type).length;
  }

  #newestDump(): string | undefined {
    const dumps = readdirSync(this.#folder).filter((name) => name.endsWith('-dec.wav'));
    return dumps.sort().at(-1);
  }

  /** Without power from one moment to the next. */
  kill(): void {
    this.#program.child.kill('SIGKILL');
  }

  /** Ends a phone that may still wait for a controller that is gone: an ACK, the answer to its BYE. */
  async discard(): Promise<void> {
    this.kill();
    await this.#program.exit;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    this.#command('quit');
    this.#control.end();
    await this.#program.end({ withinMs: 8_000 });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #command(command: string, params = ''): void {
    const json = JSON.stringify({ command, params, token: command });
    this.#control.write(`${Buffer.byteLength(json)}:${json},`);
  }

  /** Netstrings: `<bytes>:<JSON>,`. */
  #read(data: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, data]);
    for (;;) {
      const colon = this.#buffer.indexOf(':');
      const length = Number(this.#buffer.toString('latin1', 0, Math.max(colon, 0)));
      if (colon < 0 || this.#buffer.length < colon + 1 + length + 1) return;
      const message: unknown = JSON.parse(this.#buffer.toString('utf8', colon + 1, colon + 1 + length));
      this.#buffer = this.#buffer.subarray(colon + 1 + length + 1);
      if (typeof message === 'object' && message !== null && 'event' in message)
        this.#events.push(message as unknown as PhoneEvent);
    }
  }
}

/** The phone's own line: its address, and where and how it registers. */
function address(
  user: string,
  sipPort: number,
  register?: { server: string; password: string; transport?: 'udp' | 'tcp'; everySeconds?: number },
): string {
  if (!register) return `<sip:${user}@127.0.0.1:${sipPort}>;regint=0`;
  const { server, password, transport = 'udp', everySeconds = 60 } = register;
  return `<sip:${user}@${server};transport=${transport}>;regint=${everySeconds};auth_user=${user};auth_pass=${password}`;
}

function config(folder: string, sipPort: number, controlPort: number): string {
  return [
    `sip_listen 127.0.0.1:${sipPort}`,
    'net_interface 127.0.0.1',
    'call_max_calls 4',
    `audio_player aufile,${join(folder, 'play.wav')}`,
    `audio_source aufile,${join(folder, 'source.wav')}`,
    `audio_alert aufile,${join(folder, 'alert.wav')}`,
    'auplay_srate 8000',
    'ausrc_srate 8000',
    'auplay_channels 1',
    'ausrc_channels 1',
    'rtp_ports 16000-17998',
    'jitter_buffer_delay 2-5',
    'module_path /usr/lib/baresip/modules',
    ...['g711', 'aufile', 'sndfile', 'account', 'menu', 'ctrl_tcp'].map((module) => `module ${module}.so`),
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    `snd_path ${folder}`,
    '',
  ].join('\n');
}
