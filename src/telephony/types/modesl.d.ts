/** The part of modesl 1.2 (no types of its own) that `event-link.ts` uses. */
declare module 'modesl' {
  import type { Socket } from 'node:net';

  export interface Event {
    getHeader(name: string): string | null;
    getBody(): string;
  }

  export class Connection {
    constructor(host: string, port: number, password: string, onReady?: () => void);
    /** Null after the other side has closed. */
    readonly socket: Socket | null;
    readonly authed: boolean;
    on(event: string, listener: (...args: never[]) => void): this;
    removeAllListeners(): this;
    /** Sends a command; the callback gets its `command/reply`. */
    sendRecv(command: string, callback?: (reply: Event) => void): void;
    /** Sends an API command; the callback gets its `api/response`. */
    api(command: string, callback: (response: Event) => void): void;
    events(format: 'json' | 'plain', events: string[], callback?: () => void): void;
  }

  const esl: { Connection: typeof Connection };
  export default esl;
}
