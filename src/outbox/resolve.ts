import { type LookupAddress, lookup, promises } from 'node:dns';

/** All addresses of a name, or why there are none. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

const queryTimeoutMs = 3_000;
const tries = 2;
/** Answers after which the system may still know the name: from its hosts file. */
const unknownName = new Set(['ENOTFOUND', 'ENODATA', 'ECONNREFUSED']);

/**
 * Asks the name servers directly. The system's resolver (getaddrinfo) waits in threads that Node has only a few of:
 * two names whose servers are silent would hold up every other. It is asked for names of one label, such as
 * `localhost`, and for those that the name servers do not know.
 * @param servers Name servers, `address:port`; the system's where left out.
 */
export function createResolve(servers?: readonly string[]): Resolve {
  return (hostname, callback) => {
    const askSystem = () => lookup(hostname, { all: true, verbatim: true }, callback);
    if (!hostname.replace(/\.$/, '').includes('.')) {
      askSystem();
      return;
    }
    void askServers(hostname, servers).then((answer) => {
      if (Array.isArray(answer)) callback(null, answer);
      else if (unknownName.has(answer.code ?? '')) askSystem();
      else callback(answer, []);
    });
  };
}

/** Never rejects. Where one kind of address is there, the other is not missed. */
async function askServers(
  hostname: string,
  servers?: readonly string[],
): Promise<LookupAddress[] | NodeJS.ErrnoException> {
  const resolver = new promises.Resolver({ timeout: queryTimeoutMs, tries });
  if (servers) resolver.setServers(servers);
  const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const addresses = answers.flatMap((answer, index) =>
    answer.status === 'fulfilled' ? answer.value.map((address) => ({ address, family: index === 0 ? 4 : 6 })) : [],
  );
  if (addresses.length > 0) return addresses;
  const errors = answers.flatMap((answer): NodeJS.ErrnoException[] =>
    answer.status === 'rejected' ? [answer.reason] : [],
  );
  const silence = errors.find(({ code = '' }) => !unknownName.has(code));
  return silence ?? Object.assign(new Error(`no address of ${hostname}`), { code: 'ENOTFOUND' });
}
