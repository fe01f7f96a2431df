import { lookup, promises } from 'node:dns';
import { isIP } from 'node:net';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { connectionOf, type Description, hostIn, withAddress } from './session-description.ts';

/** The IPv4 address of a host; undefined where there is none, or nobody says in time. */
export type LookUp = (name: string) => Promise<string | undefined>;

/** A caller waits for this; who answers slower is as good as unknown. */
const deadlineMs = 1_500;
/** Names in work at once, since strangers choose them. */
const pendingMax = 20;
/** Of those, the ones that occupy a thread of Node's few. */
const systemPendingMax = 1;
const nameMax = 253;

/** Host names in `c=` lines (RFC 8866, 5.7 allows them): FreeSWITCH would send to nowhere, so it is told addresses. */
export class HostNames {
  readonly #clock: Clock;
  readonly #lookUp: LookUp;
  #pending = 0;

  constructor(clock: Clock, lookUp: LookUp = systemLookUp()) {
    this.#clock = clock;
    this.#lookUp = lookUp;
  }

  /** The description with addresses for the names of its audio; a name that nobody knows stays. */
  async resolve(description: Description): Promise<Description> {
    const audio = description.media.filter(({ kind, port }) => kind === 'audio' && port > 0);
    const hosts = audio.map((medium) => hostIn(connectionOf(description, medium) ?? ''));
    const names = new Set(hosts.filter((host) => host !== undefined && isIP(host) === 0 && host.length <= nameMax));
    let resolved = description;
    for (const name of names) {
      const address = name && (await this.#addressOf(name));
      if (name && address) resolved = withAddress(resolved, name, address);
    }
    return resolved;
  }

  async #addressOf(name: string): Promise<string | undefined> {
    if (this.#pending >= pendingMax) return undefined;
    this.#pending += 1;
    const answer = this.#lookUp(name)
      .catch(() => undefined)
      .finally(() => {
        this.#pending -= 1;
      });
    const address = await withDeadline(this.#clock, answer, deadlineMs);
    return address === deadlinePassed ? undefined : address;
  }
}

/**
 * Asks the name servers directly, and the system only for names of one label such as `localhost`: its resolver waits in
 * threads that the whole process shares.
 */
function systemLookUp(): LookUp {
  let pending = 0;
  return async (name) => {
    if (!/^[a-z0-9._-]+$/i.test(name)) return undefined;
    if (name.replace(/\.$/, '').includes('.')) {
      const resolver = new promises.Resolver({ timeout: deadlineMs, tries: 1 });
      return (await resolver.resolve4(name))[0];
    }
    if (pending >= systemPendingMax) return undefined;
    pending += 1;
    return new Promise((resolve) => {
      lookup(name, { family: 4 }, (error, address) => {
        pending -= 1;
        resolve(error ? undefined : address);
      });
    });
  };
}
