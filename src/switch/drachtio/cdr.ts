import type { ControlClient } from './control-client.ts';
import type { RouteTable } from './route-table.ts';
import { cdrFrame, type Origin } from './wire-format.ts';

/** How a call ended, in drachtio's words. */
export type StopReason =
  | 'call-rejected'
  | 'call-canceled'
  | 'normal-release'
  | 'session-expired'
  | 'system-initiated-termination'
  | 'system-error-initiated-termination';

/** Call detail records: each goes to one of the clients that routed its kind, in turn, as in the real server. */
export class CdrPoster {
  readonly #routes: RouteTable<ControlClient>;

  constructor(routes: RouteTable<ControlClient>) {
    this.#routes = routes;
  }

  /** An INVITE came in or went out. */
  attempt(origin: Origin, raw: string): void {
    this.#post('cdr:attempt', origin, '', raw);
  }

  /** A call was answered; `role` is ours. */
  start(origin: Origin, role: 'uac' | 'uas', raw: string): void {
    this.#post('cdr:start', origin, role, raw);
  }

  /** A call was refused, cancelled or ended. */
  stop(origin: Origin, reason: StopReason, raw: string): void {
    this.#post('cdr:stop', origin, reason, raw);
  }

  #post(record: string, origin: Origin, detail: string, raw: string): void {
    this.#routes.select(record)?.send(cdrFrame(record, origin, detail, raw));
  }
}
