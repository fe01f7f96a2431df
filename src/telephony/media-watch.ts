import Mrf, { type MediaServer as FsmrfServer } from 'drachtio-fsmrf';
import { DenwabanError, errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { SrfClient } from './types/srf.ts';

/**
 * What fsmrf is good for: it learns where a FreeSWITCH's SIP profile listens and keeps its heartbeat. It drives no
 * channel; that is `channel.ts`'s work. Call `start` only once the profile exists: fsmrf throws where nobody can catch.
 */
export class MediaWatch {
  readonly #mrf: Mrf;
  readonly #address: { host: string; port: number; password: string };
  readonly #logger: Logger;
  #server: FsmrfServer | undefined;

  constructor(srf: SrfClient, address: { host: string; port: number; password: string }, logger: Logger) {
    this.#mrf = new Mrf(srf);
    this.#address = address;
    this.#logger = logger;
  }

  /** Sessions of FreeSWITCH at its last heartbeat, whoever owns them. */
  get sessions(): number {
    return this.#server?.currentSessions ?? 0;
  }

  /** It said that it takes no more. */
  get full(): boolean {
    const { currentSessions = 0, maxSessions = 0 } = this.#server ?? {};
    return maxSessions > 0 && currentSessions >= maxSessions;
  }

  /** Connects; gives `ip:port` of the SIP profile. */
  async start(): Promise<string> {
    this.stop();
    const { host, port, password } = this.#address;
    const server = await this.#mrf.connect({
      address: host,
      port,
      secret: password,
      // fsmrf insists on a listener for outbound sockets, which nothing of ours uses: nobody outside may reach it.
      listenAddress: '127.0.0.1',
    });
    this.#server = server;
    server.conn.socket?.setNoDelay(true);
    server.on('error', (error) => {
      this.#logger.warn({ err: errorMessage(error) }, 'the media server watch reported an error');
    });
    const { address } = server.sip.ipv4.udp;
    if (!address) throw new DenwabanError('MEDIA_PROFILE', `FreeSWITCH at ${host} told no SIP address`);
    return address;
  }

  stop(): void {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const { conn } = server;
    // fsmrf's own `disconnect` takes every listener away and then writes; a socket that is gone already makes that an
    // `error` that nobody hears, which throws. And it would go on reconnecting.
    conn.closing = true;
    clearTimeout(conn.reconnectVars.retryTimer ?? undefined);
    if (conn.socket) server.disconnect();
    conn.on('error', (error: Error) => {
      this.#logger.debug({ err: errorMessage(error) }, 'a closed media server watch reported an error');
    });
  }
}
