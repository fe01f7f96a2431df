import { EventEmitter } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import type {
  LegMedia,
  ListenMode,
  MediaEngine,
  MediaEngineEvents,
  MediaEngineOptions,
  MediaStats,
  OpenLegOptions,
  PlayCommand,
  RecordCommand,
} from './api.ts';
import { closedRecording, noStats, stoppedPlay } from './outcomes.ts';
import { PortPool } from './port-pool.ts';
import type { LegReport, Order, Usage } from './protocol.ts';
import type { WorkerLink } from './worker-link.ts';
import { Workers } from './workers.ts';

const maxWorkers = 64;
const workerScript = new URL('./worker.ts', import.meta.url);

interface OpenLeg {
  link: WorkerLink;
  rtpPort: number;
  closing?: Promise<MediaStats>;
  /** Plays and recordings that have not been reported as done. */
  plays: Set<string>;
  recordings: Set<string>;
}

/** Makes an engine; nothing runs before {@link MediaEngine.start}. @throws RangeError on a useless port range. */
export const createMediaEngine = (options: MediaEngineOptions & { workerScript?: URL }): WorkerMediaEngine =>
  new WorkerMediaEngine(options);

/** The engine's main-thread half: ports, which leg is where, and messages. It touches no media. */
export class WorkerMediaEngine extends EventEmitter<MediaEngineEvents> implements MediaEngine {
  readonly #options: MediaEngineOptions;
  readonly #ports: PortPool;
  readonly #workers: Workers;
  readonly #legs = new Map<string, OpenLeg>();
  /** Ids whose sockets are being opened. */
  readonly #opening = new Set<string>();

  constructor(options: MediaEngineOptions & { workerScript?: URL }) {
    super();
    this.#options = options;
    this.#workers = new Workers({
      count: Math.max(1, Math.min(maxWorkers, options.workers ?? 1)),
      script: options.workerScript ?? workerScript,
      onEvent: (report) => this.#onEvent(report),
      onFault: (fault) => this.emit('fault', fault),
      onLost: (link, why) => this.#onLost(link, why),
      onBack: () => this.emit('workers', { legs: 0 }),
    });
    this.#ports = new PortPool(options.portMin, options.portMax);
  }

  async start(): Promise<void> {
    try {
      await this.#workers.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#workers.stop();
    for (const [legId, leg] of this.#legs) this.#forget(legId, leg);
  }

  get workers(): { total: number; up: number } {
    return { total: this.#workers.total, up: this.#workers.up.length };
  }

  get legCount(): number {
    return this.#legs.size;
  }

  async openLeg(legId: string, { beside = '' }: OpenLegOptions = {}): Promise<{ address: string; rtpPort: number }> {
    if (this.#legs.has(legId) || this.#opening.has(legId)) throw new Error(`leg ${legId} is open already`);
    const link = this.#linkOf(beside) ?? this.#workers.choose();
    if (!link) throw new Error('the media engine is not running');
    this.#opening.add(legId);
    link.legs.add(legId);
    try {
      const rtpPort = await this.#openOnFreePort(link, legId);
      this.#legs.set(legId, { link, rtpPort, plays: new Set(), recordings: new Set() });
      return { address: this.#options.bindAddress, rtpPort };
    } catch (error) {
      link.legs.delete(legId);
      throw error;
    } finally {
      this.#opening.delete(legId);
    }
  }

  /** The worker of a leg, where it answers. */
  #linkOf(legId: string): WorkerLink | undefined {
    const link = this.#legs.get(legId)?.link;
    return link && this.#workers.up.includes(link) ? link : undefined;
  }

  setMedia(legId: string, media: LegMedia): void {
    this.#order({ type: 'setMedia', legId, media });
  }

  play(legId: string, command: PlayCommand): void {
    const leg = this.#order({ type: 'play', legId, command });
    if (leg) leg.plays.add(command.playId);
    else this.#later('play-done', legId, stoppedPlay(command.playId));
  }

  stopPlay(legId: string): void {
    this.#order({ type: 'stopPlay', legId });
  }

  record(legId: string, command: RecordCommand): void {
    const leg = this.#order({ type: 'record', legId, command });
    if (leg) leg.recordings.add(command.recordingId);
    else this.#later('record-done', legId, closedRecording(command.recordingId));
  }

  stopRecord(legId: string, recordingId?: string): void {
    this.#order({ type: 'stopRecord', legId, ...(recordingId !== undefined && { recordingId }) });
  }

  maskRecord(legId: string, recordingId: string, masked: boolean): void {
    this.#order({ type: 'maskRecord', legId, recordingId, masked });
  }

  bridge(legA: string, legB: string): void {
    const linkA = this.#legs.get(legA)?.link;
    const linkB = this.#legs.get(legB)?.link;
    if (!linkA || !linkB || legA === legB) return;
    if (linkA === linkB) {
      linkA.order({ type: 'bridge', legA, legB });
      return;
    }
    const { port1, port2 } = new MessageChannel();
    linkA.order({ type: 'trunk', legId: legA, port: port1 }, [port1]);
    linkB.order({ type: 'trunk', legId: legB, port: port2 }, [port2]);
  }

  unbridge(leg: string): void {
    this.#order({ type: 'unbridge', legId: leg });
  }

  listen(listener: string, target: string, mode: ListenMode): void {
    const from = this.#legs.get(listener)?.link;
    const to = this.#legs.get(target)?.link;
    if (!from || !to || listener === target) return;
    const { port1, port2 } = new MessageChannel();
    from.order({ type: 'trunk', legId: listener, port: port1 }, [port1]);
    to.order({ type: 'tap', legId: target, listenerId: listener, mode, port: port2 }, [port2]);
  }

  setListenMode(listener: string, target: string, mode: ListenMode): void {
    this.#order({ type: 'tapMode', legId: target, listenerId: listener, mode });
  }

  sendDigits(legId: string, digits: string, durationMs: number): void {
    this.#order({ type: 'sendDigits', legId, digits, durationMs });
  }

  injectDigit(legId: string, digit: string, durationMs: number): void {
    this.#order({ type: 'injectDigit', legId, digit, durationMs });
  }

  setMediaTimeout(legId: string, timeoutMs: number, holdTimeoutMs = 0): void {
    this.#order({ type: 'setMediaTimeout', legId, timeoutMs, holdTimeoutMs });
  }

  closeLeg(legId: string): Promise<MediaStats> {
    const leg = this.#legs.get(legId);
    if (!leg) return Promise.resolve({ ...noStats });
    leg.closing ??= this.#close(legId, leg);
    return leg.closing;
  }

  async stats(legId: string): Promise<MediaStats> {
    const leg = this.#legs.get(legId);
    return leg ? await leg.link.ask('stats', { legId }) : { ...noStats };
  }

  async lateness(): Promise<{ sent: number; late: number }> {
    const readings = await this.#askAll('lateness');
    return {
      sent: readings.reduce((sum, { sent }) => sum + sent, 0),
      late: readings.reduce((sum, { late }) => sum + late, 0),
    };
  }

  /** What each worker holds. */
  usage(): Promise<Usage[]> {
    return this.#askAll('usage');
  }

  #askAll<Name extends 'lateness' | 'usage'>(type: Name) {
    return Promise.all(this.#workers.up.map((link) => link.ask(type, {})));
  }

  async #openOnFreePort(link: WorkerLink, legId: string): Promise<number> {
    const { bindAddress, portMin, portMax } = this.#options;
    for (let tried = 0; tried < this.#ports.size; tried++) {
      const rtpPort = this.#ports.take();
      if (rtpPort === undefined) break;
      try {
        await link.ask('open', { legId, address: bindAddress, rtpPort });
        return rtpPort;
      } catch (error) {
        this.#ports.giveBack(rtpPort);
        // Somebody else's port: the next one may be free.
        if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
      }
    }
    throw new Error(`no RTP port is free on ${bindAddress} between ${portMin} and ${portMax}`);
  }

  async #close(legId: string, leg: OpenLeg): Promise<MediaStats> {
    try {
      return await leg.link.ask('close', { legId });
    } catch {
      // The worker has gone, and the leg's sockets with it.
      return { ...noStats };
    } finally {
      this.#forget(legId, leg);
    }
  }

  /** Passes an order to the leg's worker; undefined when there is no such leg (it may have been closed just now). */
  #order(order: Exclude<Order, { type: 'bridge' | 'trunk' | 'tap' }>): OpenLeg | undefined {
    const leg = this.#legs.get(order.legId);
    leg?.link.order(order);
    return leg;
  }

  /** Emits after the caller has returned, as all events come. */
  #later<Name extends 'play-done' | 'record-done'>(name: Name, ...args: MediaEngineEvents[Name]): void {
    const emit = this.emit.bind(this) as (name: string, ...args: unknown[]) => boolean;
    queueMicrotask(() => emit(name, ...args));
  }

  #onEvent(report: LegReport): void {
    const leg = this.#legs.get(report.args[0]);
    if (report.name === 'play-done') leg?.plays.delete(report.args[1].playId);
    if (report.name === 'record-done') leg?.recordings.delete(report.args[1].recordingId);
    const emit = this.emit.bind(this) as (name: string, ...args: unknown[]) => boolean;
    emit(report.name, ...report.args);
  }

  /** A worker that is gone takes its legs with it: whoever waits for them is told, and new legs get a new worker. */
  #onLost(link: WorkerLink, why: Error): void {
    this.emit('workers', { lost: why.message, legs: link.legs.size });
    for (const legId of [...link.legs]) {
      const leg = this.#legs.get(legId);
      if (!leg) continue;
      this.#forget(legId, leg);
      for (const playId of leg.plays) this.emit('play-done', legId, stoppedPlay(playId));
      for (const recordingId of leg.recordings) {
        this.emit('record-done', legId, { recordingId, outcome: 'failed', durationMs: 0 });
      }
      this.emit('media-lost', legId);
    }
  }

  #forget(legId: string, leg: OpenLeg): void {
    leg.link.legs.delete(legId);
    if (this.#legs.get(legId) !== leg) return;
    this.#legs.delete(legId);
    this.#ports.giveBack(leg.rtpPort);
  }
}
