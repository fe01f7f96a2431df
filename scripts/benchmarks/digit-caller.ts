import { createSocket, type Socket } from 'node:dgram';
import type { Dialog, SipEndpoint } from '../../src/switch/sip/api.ts';
import { tonePurity } from '../../test/support/audio.ts';

/**
 * A caller that measures: it sends RTP of its own making, presses a key as RFC 4733 events, and takes the time from
 * the key's last packet to the first packet of the prompt that the key leads to.
 */
export class DigitCaller {
  readonly #rtp: Socket;
  readonly #dialog: Dialog;
  readonly #remote: { address: string; port: number };
  readonly #eventPayloadType: number;
  #sequence = 1;
  #timestamp = 160;
  #sender: NodeJS.Timeout;
  #waiting: { frequencyHz: number; sentMs: number; done: (ms: number) => void } | undefined;
  /** While a key is pressed no audio is sent, as phones do. */
  #pressing = false;

  private constructor(parts: {
    rtp: Socket;
    dialog: Dialog;
    remote: { address: string; port: number };
    eventPayloadType: number;
  }) {
    this.#rtp = parts.rtp;
    this.#dialog = parts.dialog;
    this.#remote = parts.remote;
    this.#eventPayloadType = parts.eventPayloadType;
    const silence = Buffer.alloc(160, 0xff);
    this.#sender = setInterval(() => {
      this.#timestamp += 160;
      if (!this.#pressing) this.#send(0, silence, this.#timestamp, false);
    }, 20);
    this.#rtp.on('message', (packet) => this.#hear(packet));
  }

  static async call(sip: SipEndpoint, uri: string): Promise<DigitCaller> {
    const rtp = createSocket('udp4');
    await new Promise<void>((resolve) => rtp.bind(0, '127.0.0.1', resolve));
    const sdp = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0']
      .concat([`m=audio ${rtp.address().port} RTP/AVP 0 101`, 'a=rtpmap:0 PCMU/8000'])
      .concat(['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-15', 'a=ptime:20', ''])
      .join('\r\n');
    const invite = sip.request({ method: 'INVITE', uri, headers: { 'Content-Type': 'application/sdp' }, body: sdp });
    return new Promise((resolve, reject) => {
      invite.on('response', (response, { dialog }) => {
        const status = response.status ?? 0;
        if (status < 200) return;
        if (status >= 300 || !dialog) return reject(new Error(`${uri} answered ${status}`));
        dialog.ack();
        dialog.on('request', (transaction) => void transaction.respond(200));
        const port = Number(/m=audio (\d+)/.exec(response.body)?.[1]);
        const address = /c=IN IP4 ([\d.]+)/.exec(response.body)?.[1] ?? '127.0.0.1';
        const eventPayloadType = Number(/a=rtpmap:(\d+) telephone-event/i.exec(response.body)?.[1] ?? 101);
        resolve(new DigitCaller({ rtp, dialog, remote: { address, port }, eventPayloadType }));
      });
    });
  }

  /** Waits until a tone is heard, whatever the time. */
  heard(frequencyHz: number): Promise<number> {
    return new Promise((done) => {
      this.#waiting = { frequencyHz, sentMs: performance.now(), done };
    });
  }

  /** Presses a key for 100 ms; resolves with the ms from its last packet to the first packet of the tone that follows. */
  async press(digit: number, thenHz: number): Promise<number> {
    const start = this.#timestamp;
    this.#pressing = true;
    for (let packet = 1; packet <= 5; packet++) {
      this.#sendEvent(digit, packet * 160, false, start, packet === 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const measured = this.heard(thenHz);
    for (let repeat = 0; repeat < 3; repeat++) this.#sendEvent(digit, 960, true, start, false);
    this.#pressing = false;
    return measured;
  }

  end(): void {
    clearInterval(this.#sender);
    this.#dialog.request({ method: 'BYE' });
    this.#rtp.close();
  }

  #sendEvent(digit: number, duration: number, end: boolean, timestamp: number, marker: boolean): void {
    const payload = Buffer.from([digit, (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);
    this.#send(this.#eventPayloadType, payload, timestamp, marker);
  }

  #send(payloadType: number, payload: Buffer, timestamp: number, marker: boolean): void {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = payloadType | (marker ? 0x80 : 0);
    header.writeUInt16BE(this.#sequence++ & 0xffff, 2);
    header.writeUInt32BE(timestamp >>> 0, 4);
    header.writeUInt32BE(0x64656e77, 8);
    this.#rtp.send(Buffer.concat([header, payload]), this.#remote.port, this.#remote.address);
  }

  #hear(packet: Buffer): void {
    const waiting = this.#waiting;
    if (!waiting || packet.length < 172) return;
    const samples = Int16Array.from(packet.subarray(12, 172), muLawToLinear);
    if (tonePurity(samples, waiting.frequencyHz) < 0.5) return;
    this.#waiting = undefined;
    waiting.done(performance.now() - waiting.sentMs);
  }
}

function muLawToLinear(byte: number): number {
  const inverted = ~byte & 0xff;
  const magnitude = (((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4);
  return inverted & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
}
