/** A telephone that commands can phone with. `main.ts` hands in one built on the embedded switch's own parts. */
export interface Phone {
  /** Places a call. Never rejects: what becomes of it comes as events. */
  call(options: PhoneCallOptions): PhoneCall;
  close(): Promise<void>;
}

export interface PhoneCallOptions {
  /** `sip:number@host:port` */
  uri: string;
  fromNumber: string;
  /** Where what is heard is written: a WAV, 8 kHz, 16 bit, mono. */
  recordFile: string;
  onEvent(event: PhoneEvent): void;
}

export type PhoneEvent =
  | { type: 'ringing'; status: number }
  | { type: 'answered' }
  /** Something is heard, after silence. */
  | { type: 'sound' }
  /** Nothing has been heard for `silenceMs`, after a sound of `soundMs`. */
  | { type: 'silence'; soundMs: number }
  /** Over: refused (`status` ≥ 300), or by a hang-up of theirs or ours. */
  | { type: 'ended'; by: 'them' | 'us' | 'refused'; status: number; reason: string };

export interface PhoneCall {
  /** Presses one key (RFC 4733). */
  press(key: string): void;
  /** BYE, or CANCEL while it rings. */
  hangUp(): void;
}
