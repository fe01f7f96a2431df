import type { Socket } from 'node:net';
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES } from './frame-codec.ts';

/** Limits of one control connection. */
export interface ControlClientLimits {
  /** Bytes that may wait for a client that does not read; past it the client is dropped. */
  maxBufferedBytes: number;
  /** Time to authenticate, in ms. */
  authenticateWithinMs: number;
}

export interface ControlClientHandlers {
  onFrame(client: ControlClient, text: string): void;
  /** Once, when the connection is gone for whatever reason. */
  onGone(client: ControlClient, why: string): void;
}

/** Longest frame from someone who has not authenticated: a secret and twenty tags fit. */
const MAX_GREETING_BYTES = 4_096;

/** One connection of an application. */
export class ControlClient {
  readonly id: number;
  readonly #socket: Socket;
  readonly #limits: ControlClientLimits;
  readonly #handlers: ControlClientHandlers;
  readonly #decoder = new FrameDecoder(MAX_GREETING_BYTES);
  readonly #greetingTimer: NodeJS.Timeout;
  #authenticated = false;
  #alive = true;

  constructor(id: number, socket: Socket, limits: ControlClientLimits, handlers: ControlClientHandlers) {
    this.id = id;
    this.#socket = socket;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#greetingTimer = setTimeout(() => this.drop('not authenticated in time'), limits.authenticateWithinMs);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 45_000);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.drop(error.message));
    socket.on('close', () => this.drop('closed'));
  }

  /** False once the connection is gone or going. */
  get alive(): boolean {
    return this.#alive;
  }

  get authenticated(): boolean {
    return this.#authenticated;
  }

  /** The secret was right: longer frames are taken. */
  markAuthenticated(): void {
    this.#authenticated = true;
    this.#decoder.maxBytes = MAX_FRAME_BYTES;
    clearTimeout(this.#greetingTimer);
  }

  /** Sends one frame. A client that has stopped reading is dropped, so that it can't fill our memory. */
  send(text: string): void {
    if (!this.#alive) return;
    this.#socket.write(encodeFrame(text));
    if (this.#socket.writableLength > this.#limits.maxBufferedBytes) this.drop('reads too slowly');
  }

  /** Closes after what was sent has gone out. */
  sendAndClose(text: string): void {
    if (!this.#alive) return;
    this.#socket.end(encodeFrame(text));
    // A peer that never closes its side must not keep the socket.
    const timer = setTimeout(() => this.#socket.destroy(), 5_000);
    this.#socket.once('close', () => clearTimeout(timer));
    this.#gone('refused');
  }

  /** Closes at once. */
  drop(why: string): void {
    this.#socket.destroy();
    this.#gone(why);
  }

  #gone(why: string): void {
    if (!this.#alive) return;
    this.#alive = false;
    clearTimeout(this.#greetingTimer);
    this.#handlers.onGone(this, why);
  }

  #read(chunk: Buffer): void {
    const { frames, fault } = this.#decoder.push(chunk);
    for (const frame of frames) {
      if (!this.#alive) return;
      this.#handlers.onFrame(this, frame);
    }
    if (fault) this.drop(fault.message);
  }
}
