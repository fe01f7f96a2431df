import type { HostPort } from '../api.ts';

/** A way to a peer: a bound UDP socket, or one TCP connection. */
export interface Link {
  /** The address peers reach us at over it. For a connection: that of the listener, not its ephemeral port. */
  readonly local: HostPort;
  /** False once it is closed. */
  readonly usable: boolean;
  /** Sends to `peer` (a connection only ever sends to its own). `failed` is called at most once, never at once. */
  send(text: string, peer: HostPort, failed: (error: Error) => void): void;
}

/** Bytes that came in: one message. */
export interface Arrival {
  bytes: Buffer;
  source: HostPort;
  link: Link;
}

export type OnArrival = (arrival: Arrival) => void;

/** IPv4 as it is, where a dual-stack socket writes it as IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
