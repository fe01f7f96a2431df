import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';

/** How far the clocks of controllers may be apart. */
const skewMs = 60_000;

/**
 * Nonces that need no memory: they say when they were made, and are signed with a secret that all controllers share,
 * for the address they were sent to. So a challenge of one controller is good at another, and nobody can answer one
 * that they did not receive.
 */
export class Nonces {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;

  constructor(clock: Clock, lifetimeMs: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs;
  }

  make(secret: string, address: string): string {
    const head = `${this.#clock.nowMs().toString(36)}.${randomBytes(9).toString('base64url')}`;
    return `${head}.${sign(secret, address, head)}`;
  }

  /** False for a nonce that is too old, or was never ours, or was another address's. */
  isFresh(nonce: string, secret: string, address: string): boolean {
    const at = nonce.lastIndexOf('.');
    const head = nonce.slice(0, Math.max(at, 0));
    const [given, expected] = [nonce.slice(at + 1), sign(secret, address, head)].map((text) => Buffer.from(text));
    if (!given || !expected || given.length !== expected.length || !timingSafeEqual(given, expected)) return false;
    const ageMs = this.#clock.nowMs() - Number.parseInt(head, 36);
    return ageMs >= -skewMs && ageMs <= this.#lifetimeMs;
  }
}

function sign(secret: string, address: string, head: string): string {
  return createHmac('sha256', secret).update(`${address}|${head}`).digest('base64url').slice(0, 24);
}
