/** What calls share: places at once and calls a second. Bursts of one second's worth are let through. */
export interface SharedLimits {
  maxCalls: number;
  maxCallsPerSecond: number;
}

export interface FairShareOptions {
  limits: SharedLimits;
  nowMs(): number;
  /** Carriers and PBXs of ours: they have a reserve, and are not cut by shares. Left out: there are none. */
  trusts?: ((source: string) => boolean) | undefined;
}

/** One call let in. */
export interface SharedPlace {
  /** Gives the place back. Calling it again does nothing. */
  release(): void;
  /** The source has no more than its share of what is had at once. */
  readonly isWithinShare: boolean;
}

/** A source counts as one that calls for so long after its last call. */
const presentMs = 3_000;
const countEveryMs = 250;
/** Of what there is, what no source beyond its share has; half of it is for trusted peers alone, where there are any. */
const reservePart = 0.2;
/** Where there is less than this to share, nothing is kept back. */
const leastShared = 10;
const sourcesMax = 10_000;
/** Stands for all sources beyond {@link sourcesMax}: a flood from made-up addresses shares one share. */
const others = 'others';

interface Source {
  calls: number;
  lastAtMs: number;
  tokens: number;
  filledAtMs: number;
}

/**
 * A fair share for each source of calls, so that one that floods leaves the others their calls. While it calls alone a
 * source has all but the reserve; where several do, whoever has no more than an equal part is let in before those who
 * have more, down to the reserve of {@link FairShareOptions.trusts}. Costs the same for every call, let in or not.
 */
export class FairShare {
  readonly #options: FairShareOptions;
  readonly #sources = new Map<string, Source>();
  #calls = 0;
  #tokens: number;
  #filledAtMs: number;
  #present = 0;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: FairShareOptions) {
    this.#options = options;
    this.#tokens = this.#burst;
    this.#filledAtMs = options.nowMs();
  }

  /** Calls that have a place now. */
  get calls(): number {
    return this.#calls;
  }

  /** Sources that call at present. */
  get present(): number {
    return Math.max(1, this.#present);
  }

  /** Takes a place; undefined: refuse the call. `inUse`: places taken, where the caller of this knows of more. */
  admit(address: string, inUse = this.#calls): SharedPlace | undefined {
    const { limits, nowMs, trusts } = this.#options;
    const isTrusted = trusts?.(address) ?? false;
    const atMs = nowMs();
    const source = this.#sourceOf(address, atMs);
    source.lastAtMs = atMs;
    this.#count(atMs);
    this.#tokens = filled(this.#tokens, atMs - this.#filledAtMs, limits.maxCallsPerSecond, this.#burst);
    this.#filledAtMs = atMs;
    const isWithinShare = isTrusted || source.calls < partOf(limits.maxCalls, this.present);
    const places = limits.maxCalls - this.#keptBack(limits.maxCalls, isTrusted, isWithinShare);
    if (inUse >= places || !this.#takeToken(source, isTrusted, atMs)) return undefined;
    this.#calls += 1;
    source.calls += 1;
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      this.#calls -= 1;
      source.calls -= 1;
    };
    return { release, isWithinShare };
  }

  /** How much of `all` a call may not have: the reserve, or the part of it that is for trusted peers. */
  #keptBack(all: number, isTrusted: boolean, isWithinShare: boolean): number {
    if (isTrusted || all < leastShared) return 0;
    if (!isWithinShare) return Math.floor(all * reservePart);
    return this.#options.trusts ? Math.floor((all * reservePart) / 2) : 0;
  }

  #takeToken(source: Source, isTrusted: boolean, atMs: number): boolean {
    const { maxCallsPerSecond } = this.#options.limits;
    const part = partOf(maxCallsPerSecond, this.present);
    source.tokens = filled(source.tokens, atMs - source.filledAtMs, part, Math.max(1, part));
    source.filledAtMs = atMs;
    const isWithinShare = source.tokens >= 1;
    if (this.#tokens < 1 + this.#keptBack(this.#burst, isTrusted, isWithinShare)) return false;
    this.#tokens -= 1;
    if (isWithinShare) source.tokens -= 1;
    return true;
  }

  get #burst(): number {
    return Math.max(1, this.#options.limits.maxCallsPerSecond);
  }

  #sourceOf(address: string, atMs: number): Source {
    const known = this.#sources.get(address);
    if (known) return known;
    const name = this.#sources.size < sourcesMax ? address : others;
    const source = this.#sources.get(name) ?? {
      ...{ calls: 0, lastAtMs: atMs, filledAtMs: atMs },
      tokens: Math.max(1, partOf(this.#options.limits.maxCallsPerSecond, this.present + 1)),
    };
    if (!this.#sources.has(name)) this.#present += 1;
    this.#sources.set(name, source);
    return source;
  }

  /** Counts who calls at present, now and then, and forgets those who have gone. */
  #count(atMs: number): void {
    if (atMs - this.#countedAtMs < countEveryMs) return;
    this.#countedAtMs = atMs;
    let present = 0;
    for (const [name, source] of this.#sources) {
      if (source.calls > 0 || atMs - source.lastAtMs < presentMs) present += 1;
      else this.#sources.delete(name);
    }
    this.#present = present;
  }
}

/** An equal part for each of several sources, of what is not the reserve. */
function partOf(all: number, sources: number): number {
  return all < leastShared ? all / sources : (all * (1 - reservePart)) / sources;
}

function filled(tokens: number, elapsedMs: number, perSecond: number, most: number): number {
  return Math.min(most, tokens + (elapsedMs * perSecond) / 1_000);
}
