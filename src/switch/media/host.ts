import type { MediaStats } from './api.ts';
import { type Fault, Faults } from './faults.ts';
import { Leg, type LegServices } from './leg.ts';
import { bridgeLegs } from './local-bridge.ts';
import { closedRecording, noStats, stoppedPlay } from './outcomes.ts';
import { PromptStore } from './prompt-store.ts';
import type { Lateness, Order, Usage } from './protocol.ts';
import { openMediaSockets, openSocketCount } from './sockets.ts';
import { Trunk } from './trunk.ts';
import { Wheel } from './wheel.ts';

/** A packet this much after its time counts as late. */
export const lateMs = 10;

type Emit = LegServices['emit'];

/** A worker's word on an error that it has caught. */
type TellFault = (fault: Fault) => void;

/** All legs of one worker, and the wheel that drives them. */
export class MediaHost {
  readonly #legs = new Map<string, Leg>();
  readonly #opening = new Set<string>();
  readonly #wheel = new Wheel();
  readonly #services: LegServices;
  readonly #store = new PromptStore();
  #sent = 0;
  #late = 0;

  constructor(emit: Emit, tellFault: TellFault) {
    const nowMs = () => performance.now();
    this.#services = {
      store: this.#store,
      nowMs,
      faults: new Faults(tellFault, nowMs),
      emit,
      sent: (dueMs) => {
        this.#sent++;
        if (performance.now() - dueMs > lateMs) this.#late++;
      },
    };
  }

  /** @throws Error with code EADDRINUSE when one of the two ports is taken; EEXIST when the leg is there already. */
  async open(legId: string, address: string, rtpPort: number): Promise<void> {
    if (this.#legs.has(legId) || this.#opening.has(legId)) {
      throw Object.assign(new Error(`leg ${legId} is open already`), { code: 'EEXIST' });
    }
    this.#opening.add(legId);
    try {
      const sockets = await openMediaSockets(address, rtpPort);
      this.#legs.set(legId, new Leg(legId, sockets, this.#services));
    } finally {
      this.#opening.delete(legId);
    }
  }

  async close(legId: string): Promise<MediaStats> {
    const leg = this.#legs.get(legId);
    if (!leg) return noStats;
    this.#legs.delete(legId);
    this.#wheel.remove(leg);
    return await leg.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#legs.keys()].map((legId) => this.close(legId)));
  }

  stats(legId: string): MediaStats {
    return this.#legs.get(legId)?.stats() ?? noStats;
  }

  /** Since the last reading. */
  lateness(): Lateness {
    const reading = { sent: this.#sent, late: this.#late };
    this.#sent = 0;
    this.#late = 0;
    return reading;
  }

  usage(): Usage {
    return {
      legs: this.#legs.size,
      sockets: openSocketCount(),
      promptBytes: this.#store.storedBytes,
      skippedFrames: this.#wheel.skippedFrames,
      faults: this.#services.faults.total,
    };
  }

  /** Does what is ordered. An order to a leg that has gone is answered as if the leg had gone right after it. */
  obey(order: Order): void {
    const leg = this.#legs.get(order.type === 'bridge' ? order.legA : order.legId);
    if (!leg) {
      this.#decline(order);
      return;
    }
    leg.guard(`order ${order.type}`, () => this.#obey(order, leg));
  }

  #obey(order: Order, leg: Leg): void {
    switch (order.type) {
      case 'setMedia':
        leg.setMedia(order.media);
        this.#wheel.add(leg);
        break;
      case 'play':
        leg.play(order.command);
        break;
      case 'stopPlay':
        leg.stopPlay();
        break;
      case 'record':
        leg.record(order.command);
        break;
      case 'stopRecord':
        leg.stopRecord(order.recordingId);
        break;
      case 'maskRecord':
        leg.maskRecord(order.recordingId, order.masked);
        break;
      case 'bridge': {
        const other = this.#legs.get(order.legB);
        if (other) bridgeLegs(leg, other);
        break;
      }
      case 'trunk':
        leg.join(new Trunk(leg, order.port));
        break;
      case 'tap':
        leg.taps.add(order.listenerId, order.port, order.mode);
        break;
      case 'tapMode':
        leg.taps.setMode(order.listenerId, order.mode);
        break;
      case 'unbridge':
        leg.leave();
        break;
      case 'sendDigits':
        leg.output.events.push(order.digits, order.durationMs);
        break;
      case 'injectDigit':
        leg.key(order.digit, order.durationMs, 'info');
        break;
      case 'setMediaTimeout':
        leg.setMediaTimeout(order.timeoutMs, order.holdTimeoutMs);
        break;
    }
  }

  #decline(order: Order): void {
    const { emit } = this.#services;
    if (order.type === 'play') emit('play-done', order.legId, stoppedPlay(order.command.playId));
    if (order.type === 'record') emit('record-done', order.legId, closedRecording(order.command.recordingId));
    if (order.type === 'trunk' || order.type === 'tap') order.port.close();
  }
}
