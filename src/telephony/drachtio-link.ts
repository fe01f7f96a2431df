import type { Socket } from 'node:net';
import { type Clock, delay } from '../kernel/clock.ts';
import { LinkWatch } from './link-watch.ts';
import type { SrfClient } from './types/srf.ts';

/** A drachtio that is silent for so many seconds gets no new calls; after more the connection is given up. */
const silentAfter = 3;
/** Late on purpose: once the connection is closed, requests of phones in the dialogs of before no more reach us. */
const goneAfter = 10;
/** How long a TCP connection may take to be made. */
const connectMs = 3_000;
/** srf waits 1.7 times longer after every try; no longer than this. */
export const maxRetryMs = 1_000;

/**
 * Watches srf's connection to drachtio, which srf itself makes again after a loss: asks for signs of life, and breaks a
 * connection that gives none or is never made.
 */
export class DrachtioLink {
  readonly #srf: SrfClient;
  readonly #clock: Clock;
  readonly #watch: LinkWatch;
  #socket: Socket | undefined;
  #stopped = false;

  constructor(srf: SrfClient, clock: Clock) {
    this.#srf = srf;
    this.#clock = clock;
    this.#watch = new LinkWatch({
      ...{ clock, silentAfter, goneAfter },
      ask: () => this.#ask(),
      onGone: () => this.#socket?.destroy(),
    });
  }

  /** False while drachtio leaves questions unanswered. */
  get answers(): boolean {
    return this.#watch.answers;
  }

  /** Begins; srf must have been told to connect. */
  start(): void {
    const { wp } = this.#srf.app.client ?? {};
    wp?.on('connect', (socket) => {
      this.#socket = socket;
      socket.setNoDelay(true);
      socket.on('data', () => this.#watch.heard());
      this.#watch.start();
    });
    wp?.on('close', (socket) => {
      if (socket === this.#socket) this.#watch.stop();
    });
    wp?.on('reconnecting', ({ delay: afterMs }) => this.#limitConnecting(afterMs));
  }

  stop(): void {
    this.#stopped = true;
    this.#watch.stop();
  }

  /** A host that is not there answers no SYN, and TCP by itself would wait for minutes. */
  async #limitConnecting(afterMs: number): Promise<void> {
    await delay(this.#clock, afterMs + connectMs);
    const socket = this.#srf.app.client?.wp.socket;
    if (!this.#stopped && socket?.connecting) socket.destroy();
  }

  #ask(): void {
    const { client } = this.#srf.app;
    const socket = this.#socket;
    // Until it has let us in, the answer to that is what is waited for.
    if (!client || !socket || socket.destroyed || !client.mapServer.get(socket)?.ready) return;
    client.wp.send(socket, 'ping');
  }
}
