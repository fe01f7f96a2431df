/** The part of drachtio-fsmrf 4.1 (no types of its own) that `media-watch.ts` uses. */
declare module 'drachtio-fsmrf' {
  import type { Socket } from 'node:net';

  export interface MediaServer {
    /** Where its SIP profile listens: `ip:port`. */
    readonly sip: { ipv4: { udp: { address?: string } } };
    /** From the last heartbeat. */
    readonly currentSessions: number;
    readonly maxSessions: number;
    readonly cpuIdle?: number;
    readonly conn: {
      socket: Socket | null;
      closing?: boolean;
      reconnectVars: { retryTimer?: NodeJS.Timeout | null };
      on(event: string, listener: (...args: never[]) => void): unknown;
    };
    on(event: 'error' | 'end', listener: (error?: Error) => void): this;
    disconnect(): void;
  }

  export default class Mrf {
    constructor(srf: object);
    connect(options: {
      address: string;
      port: number;
      secret: string;
      listenAddress: string;
      profile?: string;
    }): Promise<MediaServer>;
  }
}
