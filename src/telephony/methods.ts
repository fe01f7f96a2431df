import { acceptedTypes } from '../kernel/sip/session-body.ts';
import { parseNameAddr } from '../kernel/sip/uri.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** What is taken: calls, and what goes on in them. */
export const callMethods = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE', 'PRACK'];

/**
 * Methods that are taken in a dialog at most. drachtio is asked for them, since it answers 503 to what nobody wants, and a
 * proxy before us would take that for our end.
 */
export const declinedMethods = ['subscribe', 'publish', 'message', 'notify', 'refer', 'info'] as const;

/** What we tell of ourselves (RFC 3261, 11.2, 20.5): nothing that we then refuse. */
export class Abilities {
  readonly #takesRegister: boolean;

  constructor({ takesRegister }: { takesRegister: boolean }) {
    this.#takesRegister = takesRegister;
  }

  get allow(): string {
    return [...callMethods, ...(this.#takesRegister ? ['REGISTER'] : [])].join(', ');
  }

  /** For an answer that takes a call, or says that one would be taken. */
  get headers(): Record<string, string> {
    return { Allow: this.allow, Supported: '100rel, timer' };
  }

  /** For 200 to OPTIONS. */
  get optionsHeaders(): Record<string, string> {
    return { ...this.headers, Accept: acceptedTypes, 'Accept-Encoding': 'identity', 'Accept-Language': 'ja, en' };
  }

  /**
   * Refuses a request outside a dialog whose method makes nothing here (21.4.6), or one of a dialog that is gone; gives
   * the status.
   */
  decline(req: SrfRequest, res: SrfResponse): number {
    if (parseNameAddr(req.get('To') ?? '')?.tag) {
      res.send(481);
      return 481;
    }
    const allowed = this.allow.split(', ').filter((method) => method !== req.method);
    res.send(405, { headers: { Allow: allowed.join(', ') } });
    return 405;
  }
}
