/** So many requests of one kind that were refused before anybody saw a call in them. */
export interface Refusals {
  method: string;
  sipStatus: number;
  /** Why, in a word: `overload`, `draining`, `bad-request` … */
  cause: string;
  count: number;
  /** Those who sent most of them. */
  sources: { address: string; count: number }[];
}

export type Refusal = Pick<Refusals, 'method' | 'sipStatus' | 'cause'> & { address: string };

/** Why a request is refused, in a word, where its status alone says so. */
const causeOfStatus: Readonly<Record<number, string>> = {
  400: 'bad-request',
  405: 'method-not-allowed',
  415: 'media-type',
  420: 'bad-extension',
  422: 'session-too-short',
  481: 'no-such-call',
  482: 'merged',
  500: 'internal-error',
  505: 'version',
  513: 'too-large',
};
const causeLengthMax = 40;

/** The word that refusals are counted by: whoever refuses, the switch or a controller, it is the same. */
export function causeOfRefusal(sipStatus: number, reason: string): string {
  const words = reason.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return causeOfStatus[sipStatus] ?? (words.slice(0, causeLengthMax) || 'refused');
}

const kindsMax = 64;
const sourcesMax = 1_000;
const sourcesTold = 10;
/** Stands for all kinds beyond {@link kindsMax}. */
const otherKind = { method: 'other', cause: 'other' };

interface Kind {
  refusals: Omit<Refusals, 'sources'>;
  sources: Map<string, number>;
}

/** Counts refusals by kind and source, within bounds whatever comes, so that a flood leaves a line and not a million. */
export class RefusalFold {
  readonly #kindsMax: number;
  #kinds = new Map<string, Kind>();

  constructor(options: { kindsMax?: number } = {}) {
    this.#kindsMax = options.kindsMax ?? kindsMax;
  }

  note({ address, ...kind }: Refusal): void {
    this.add({ ...kind, count: 1, sources: [{ address, count: 1 }] });
  }

  /** As {@link note}, of many at once. */
  add({ method, sipStatus, cause, count, sources }: Refusals): void {
    const kind = this.#kindOf({ method: /^[A-Z]{1,16}$/.test(method) ? method : 'other', sipStatus, cause });
    kind.refusals.count += count;
    for (const source of sources) {
      const before = kind.sources.get(source.address);
      if (before === undefined && kind.sources.size >= sourcesMax) continue;
      kind.sources.set(source.address, (before ?? 0) + source.count);
    }
  }

  /** What has been counted since the last time. */
  take(): Refusals[] {
    const taken = [...this.#kinds.values()].map(({ refusals, sources }) => ({
      ...refusals,
      sources: [...sources]
        .map(([address, count]) => ({ address, count }))
        .sort((a, b) => b.count - a.count)
        .slice(0, sourcesTold),
    }));
    this.#kinds = new Map();
    return taken;
  }

  #kindOf(given: Omit<Refusals, 'count' | 'sources'>): Kind {
    const nameOf = (of: typeof given) => `${of.method} ${of.sipStatus} ${of.cause}`;
    const isRoom = this.#kinds.has(nameOf(given)) || this.#kinds.size < this.#kindsMax;
    const named = isRoom ? given : { ...given, ...otherKind, sipStatus: Math.floor(given.sipStatus / 100) * 100 };
    let kind = this.#kinds.get(nameOf(named));
    if (!kind) {
      kind = { refusals: { ...named, count: 0 }, sources: new Map() };
      this.#kinds.set(nameOf(named), kind);
    }
    return kind;
  }
}
