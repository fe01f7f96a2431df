import type { RefusalFold } from '../../kernel/refusal-fold.ts';
import type { HostPort, SipEndpoint } from '../sip/api.ts';
import type { CallAdmission } from './call-limits.ts';
import type { CdrPoster } from './cdr.ts';
import type { ControlClient } from './control-client.ts';
import type { DialogTable } from './dialog-table.ts';
import type { RouteTable } from './route-table.ts';

/** Where the room writes what an operator may want to know. Pino's shape. Never told numbers, names or messages. */
export interface DrachtioLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** How long a client may say nothing to a request before it is answered for it, in ms. */
export interface Patience {
  /** To a request outside a dialog, or one that begins a dialog. */
  newRequestMs: number;
  inDialogMs: number;
}

/** What the parts of the server share. */
export interface SwitchState {
  sip: SipEndpoint;
  routes: RouteTable<ControlClient>;
  dialogs: DialogTable;
  admission: CallAdmission;
  /** What is refused here, unseen by any client. */
  refusals: RefusalFold;
  cdr: CdrPoster;
  logger: DrachtioLogger;
  /** Value of Retry-After in our 503s. */
  retryAfterSeconds: number;
  patience: Patience;
  /** How peers reach us over the protocol of `like`: the public address where there is one. */
  ownAddress(like: { protocol: HostPort['protocol'] }): HostPort;
}

/** `address:port`, with brackets where the address is IPv6. */
export function hostPortText({ address, port }: HostPort): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
