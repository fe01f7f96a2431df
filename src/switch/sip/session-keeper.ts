import { hasToken, header, type SipMessage } from '../../kernel/sip/message.ts';
import type { Dialog } from './api.ts';
import { refreshSession } from './refresh.ts';
import { type SessionAgreement, SessionTimer } from './session-timer.ts';

/** Keeps the session of one dialog alive, or notices that it is dead (RFC 4028). */
export class SessionKeeper {
  readonly #dialog: Dialog;
  readonly #timer: SessionTimer;
  #peerTakesUpdate = false;
  #localSdp = '';

  /** @param onExpire the session was not refreshed in time. */
  constructor(dialog: Dialog, onExpire: () => void) {
    this.#dialog = dialog;
    this.#timer = new SessionTimer((intervalSeconds) => this.#refresh(intervalSeconds), onExpire);
  }

  /** (Re)starts after each agreement; undefined ends it. */
  restart(agreement: SessionAgreement | undefined): void {
    this.#timer.restart(agreement);
  }

  stop(): void {
    this.#timer.stop();
  }

  /** Remembers our newest SDP: a refresh by re-INVITE repeats it. */
  noteLocalBody(message: SipMessage): void {
    if (message.body === '') return;
    if (/^application\/sdp/i.test(header(message, 'Content-Type') ?? '')) this.#localSdp = message.body;
  }

  /** Remembers whether the peer takes UPDATE. */
  notePeer(message: SipMessage): void {
    if (header(message, 'Allow') !== undefined) this.#peerTakesUpdate = hasToken(message, 'Allow', 'UPDATE');
  }

  #refresh(intervalSeconds: number): void {
    if (this.#dialog.state !== 'confirmed') return;
    refreshSession(this.#dialog, {
      sdp: this.#peerTakesUpdate || this.#localSdp === '' ? undefined : this.#localSdp,
      intervalSeconds,
      retry: (delayMs, seconds) => {
        if (this.#dialog.state === 'confirmed') this.#timer.retryRefresh(delayMs, seconds);
      },
      avoidUpdate: () => {
        this.#peerTakesUpdate = false;
        return this.#localSdp !== '';
      },
    });
  }
}
