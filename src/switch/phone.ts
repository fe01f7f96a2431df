import { open } from 'node:fs/promises';
import type { MediaEngine } from './media/api.ts';
import { parseAnswer } from './phone-sdp.ts';
import type { Dialog, SipEndpoint } from './sip/api.ts';

/** What happens on a call of {@link createSipPhone}. */
export type SipPhoneEvent =
  | { type: 'ringing'; status: number }
  | { type: 'answered' }
  | { type: 'sound' }
  | { type: 'silence'; soundMs: number }
  | { type: 'ended'; by: 'them' | 'us' | 'refused'; status: number; reason: string };

export interface SipPhoneCall {
  press(key: string): void;
  hangUp(): void;
}

const silenceEndsPromptMs = 700;
const soundThreshold = 150;
const listenEveryMs = 100;

/**
 * A caller made of the switch's own SIP stack and media engine, for `denwaban call`, the demo and the canary: G.711
 * µ-law, RFC 4733 keys, a recording of what is heard, and a word when a prompt begins and ends.
 */
export function createSipPhone(parts: PhoneParts) {
  return {
    call(options: SipPhoneCallOptions): SipPhoneCall {
      const call = new PhoneCall(parts, options);
      call.start().catch((error: unknown) => call.end('refused', 500, String(error)));
      return call;
    },
  };
}

interface PhoneParts {
  sip: SipEndpoint;
  media: MediaEngine;
  /** Ours, for SDP and From. */
  address: string;
}

interface SipPhoneCallOptions {
  uri: string;
  fromNumber: string;
  recordFile: string;
  onEvent(event: SipPhoneEvent): void;
}

class PhoneCall implements SipPhoneCall {
  readonly #parts: PhoneParts;
  readonly #options: SipPhoneCallOptions;
  readonly #legId = `phone-${Math.random().toString(36).slice(2)}`;
  #dialog: Dialog | undefined;
  #cancel: (() => void) | undefined;
  #over = false;
  #stopListening: () => void = () => undefined;

  constructor(parts: PhoneParts, options: SipPhoneCallOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { sip, media, address } = this.#parts;
    const { uri, fromNumber } = this.#options;
    const { rtpPort } = await media.openLeg(this.#legId);
    const sdp = ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0']
      .concat([`m=audio ${rtpPort} RTP/AVP 0 8 101`, 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000'])
      .concat(['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=ptime:20', 'a=sendrecv', ''])
      .join('\r\n');
    const from = `<sip:${fromNumber}@${address}>;tag=${this.#legId}`;
    const invite = sip.request({
      method: 'INVITE',
      uri,
      headers: { From: from, 'Content-Type': 'application/sdp' },
      body: sdp,
    });
    this.#cancel = () => invite.cancel();
    invite.on('response', (response, { dialog }) => {
      const status = response.status ?? 0;
      if (status > 100 && status < 200) return this.#options.onEvent({ type: 'ringing', status });
      if (status >= 300) return this.end('refused', status, response.reason ?? '');
      if (status < 200 || !dialog || this.#dialog) return undefined;
      return this.#answered(dialog, response.body);
    });
  }

  #answered(dialog: Dialog, body: string): void {
    const { media } = this.#parts;
    this.#dialog = dialog;
    dialog.ack();
    dialog.on('request', (transaction) => void transaction.respond(200));
    dialog.on('terminated', (why) => this.end(why === 'local-bye' ? 'us' : 'them', 200, why));
    const answer = parseAnswer(body);
    if (!answer || this.#over) {
      dialog.request({ method: 'BYE' });
      return;
    }
    media.setMedia(this.#legId, answer);
    media.record(this.#legId, {
      recordingId: 'heard',
      file: this.#options.recordFile,
      maxDurationMs: 3_600_000,
      silenceMs: 0,
      silenceThreshold: 0,
      terminators: '',
      channels: 'leg',
    });
    this.#options.onEvent({ type: 'answered' });
    this.#stopListening = listen(this.#options.recordFile, this.#options.onEvent);
  }

  press(key: string): void {
    if (this.#dialog && !this.#over) this.#parts.media.sendDigits(this.#legId, key, 120);
  }

  hangUp(): void {
    if (this.#dialog) this.#dialog.request({ method: 'BYE' });
    else this.#cancel?.();
  }

  end(by: 'them' | 'us' | 'refused', status: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopListening();
    const report = () => this.#options.onEvent({ type: 'ended', by, status, reason });
    this.#parts.media.closeLeg(this.#legId).then(report, report);
  }
}

/** Follows the recording as it grows and tells when sound begins and when it has ended. */
function listen(file: string, onEvent: (event: SipPhoneEvent) => void): () => void {
  let offset = 44;
  let soundMs = 0;
  let quietMs = 0;
  let sounding = false;
  let busy = false;
  const hear = (frame: Buffer) => {
    let sum = 0;
    for (let i = 0; i < frame.length; i += 2) sum += Math.abs(frame.readInt16LE(i));
    const loud = sum / (frame.length / 2) > soundThreshold;
    quietMs = loud ? 0 : quietMs + 20;
    if (sounding) soundMs += 20;
    if (loud && !sounding) {
      sounding = true;
      soundMs = 20;
      onEvent({ type: 'sound' });
    }
    if (sounding && quietMs >= silenceEndsPromptMs) {
      sounding = false;
      onEvent({ type: 'silence', soundMs: soundMs - quietMs });
    }
  };
  const timer = setInterval(async () => {
    if (busy) return;
    busy = true;
    try {
      const handle = await open(file, 'r');
      const { size } = await handle.stat();
      const length = Math.max(0, Math.floor((size - offset) / 320) * 320);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
      await handle.close();
      offset += bytesRead;
      for (let at = 0; at + 320 <= bytesRead; at += 320) hear(buffer.subarray(at, at + 320));
    } catch (error) {
      // Not there before the first packet has been written: look again.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    } finally {
      busy = false;
    }
  }, listenEveryMs);
  return () => clearInterval(timer);
}
