/** An open connection that a stranger has made. */
export interface LimitedConnection {
  readonly address: string;
  /** Nothing that means anything has come over it yet. */
  readonly silent: boolean;
  /** When something came last, else when it was opened; on any clock that only goes forward. */
  readonly heardAtMs: number;
  close(why: string): void;
}

export interface ConnectionLimitSizes {
  total: number;
  perAddress: number;
  /** Connections that have said nothing yet. */
  silentPerAddress: number;
}

/**
 * Bounds how many connections stand open, so that no address keeps others out. Nobody new is refused: whoever has been
 * silent for longest makes room, at the same address first. An address is that of one peer, or of an office with many.
 */
export class ConnectionLimits {
  readonly #sizes: ConnectionLimitSizes;
  readonly #byAddress = new Map<string, Set<LimitedConnection>>();
  #count = 0;

  constructor(sizes: ConnectionLimitSizes) {
    this.#sizes = sizes;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a connection in; others may be closed for it. */
  add(connection: LimitedConnection): void {
    const { total, perAddress, silentPerAddress } = this.#sizes;
    const same = this.#byAddress.get(connection.address) ?? new Set();
    const silent = [...same].filter((other) => other.silent);
    if (silent.length >= silentPerAddress) this.#close(longestUnheard(silent), 'too many silent connections');
    if (same.size >= perAddress) this.#close(longestUnheard(same), 'too many connections of one address');
    if (this.#count >= total) this.#close(longestUnheard(this.#largest()), 'too many connections');
    same.add(connection);
    this.#byAddress.set(connection.address, same);
    this.#count += 1;
  }

  /** It is closed. Doing so again does nothing. */
  remove(connection: LimitedConnection): void {
    const same = this.#byAddress.get(connection.address);
    if (!same?.delete(connection)) return;
    this.#count -= 1;
    if (same.size === 0) this.#byAddress.delete(connection.address);
  }

  #close(connection: LimitedConnection | undefined, why: string): void {
    if (!connection) return;
    this.remove(connection);
    connection.close(why);
  }

  #largest(): Iterable<LimitedConnection> {
    let largest = new Set<LimitedConnection>();
    for (const set of this.#byAddress.values()) if (set.size > largest.size) largest = set;
    return largest;
  }
}

function longestUnheard(connections: Iterable<LimitedConnection>): LimitedConnection | undefined {
  let longest: LimitedConnection | undefined;
  for (const each of connections) if (!longest || each.heardAtMs < longest.heardAtMs) longest = each;
  return longest;
}
