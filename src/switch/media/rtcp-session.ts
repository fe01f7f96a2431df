import { randomBytes } from 'node:crypto';
import type { LegMedia } from './api.ts';
import { canBeSentTo, type Endpoint } from './latch.ts';
import type { LegInput } from './leg-input.ts';
import type { LegOutput } from './leg-output.ts';
import { buildRtcp, middleNtp, parseRtcp } from './rtcp.ts';
import type { MediaSockets } from './sockets.ts';

const intervalMs = 5_000;

/** What the peer reports of our stream. */
export interface RemoteView {
  packetsLost: number;
  jitterMs: number;
  /** 0 = not known yet. */
  roundTripMs: number;
}

/** A leg's RTCP: a report about every 5 s, at random times (RFC 3550 §6.2), and BYE at the end. */
export class RtcpSession {
  readonly #sockets: MediaSockets;
  readonly #input: LegInput;
  readonly #output: LegOutput;
  readonly #cname = randomBytes(12).toString('base64');
  #announced: Endpoint | undefined;
  #source: Endpoint | undefined;
  #dueMs: number;
  #packetsReported = 0;
  #lastSenderReport = 0;
  #lastSenderReportAtMs = 0;
  remote: RemoteView | undefined;
  reportsSent = 0;

  constructor(sockets: MediaSockets, input: LegInput, output: LegOutput, nowMs: number) {
    this.#sockets = sockets;
    this.#input = input;
    this.#output = output;
    this.#dueMs = nowMs + this.#nextIntervalMs(0.5);
  }

  setMedia(media: LegMedia): void {
    const { remote } = media;
    this.#announced = media.remoteRtcp ?? { address: remote.address, port: remote.port + 1 };
    this.#source = undefined;
  }

  /** Sends a report when one is due; cheap to call every frame. */
  tick(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + this.#nextIntervalMs(1);
    this.#send(nowMs, false);
  }

  bye(nowMs: number): void {
    this.#send(nowMs, true);
  }

  /** Takes RTCP from the address that RTP comes from, or from the one announced; false for what is none, or others'. */
  receive(message: Buffer, address: string, port: number, nowMs: number, toRtpPort = false): boolean {
    if (address !== this.#input.latch.target?.address && address !== this.#announced?.address) return false;
    const report = parseRtcp(message, this.#output.ssrc);
    if (!report) return false;
    if (address === this.#announced?.address && port === this.#announced.port) this.#input.latch.noteSign();
    if (!toRtpPort) this.#source = { address, port };
    if (report.senderReportNtp !== undefined) {
      this.#lastSenderReport = report.senderReportNtp;
      this.#lastSenderReportAtMs = nowMs;
    }
    const { aboutUs } = report;
    if (!aboutUs) return true;
    const rounds = aboutUs.lastSenderReport
      ? (middleNtp(Date.now()) - aboutUs.lastSenderReport - aboutUs.delaySinceLastSenderReport) | 0
      : 0;
    this.remote = {
      packetsLost: aboutUs.cumulativeLost,
      jitterMs: aboutUs.jitter / 8,
      roundTripMs: Math.max(0, (rounds * 1_000) / 65_536),
    };
    return true;
  }

  #nextIntervalMs(share: number): number {
    return intervalMs * share * (0.5 + Math.random());
  }

  #target(): Endpoint | undefined {
    if (this.#source) return this.#source;
    const rtp = this.#input.latch.target;
    // Behind NAT the announced address is of no use; the port above that of RTP may be.
    if (rtp && rtp.address !== this.#announced?.address) return { address: rtp.address, port: rtp.port + 1 };
    return rtp && this.#announced;
  }

  #send(nowMs: number, bye: boolean): void {
    const target = this.#target();
    if (!target || !canBeSentTo(target)) return;
    const output = this.#output;
    const reception = this.#input.reception.report();
    const sent = output.packetsSent > this.#packetsReported;
    this.#packetsReported = output.packetsSent;
    const sinceSenderReport = this.#lastSenderReport ? nowMs - this.#lastSenderReportAtMs : 0;
    const packet = buildRtcp({
      ssrc: output.ssrc,
      cname: this.#cname,
      bye,
      ...(sent && {
        sender: {
          epochMs: Date.now(),
          rtpTimestamp: output.timestamp,
          packets: output.packetsSent,
          octets: output.octetsSent,
        },
      }),
      ...(reception && {
        reception: {
          ...reception,
          lastSenderReport: this.#lastSenderReport,
          delaySinceLastSenderReport: Math.round(sinceSenderReport * 65.536) >>> 0,
        },
      }),
    });
    this.#sockets.sendRtcp(packet, target);
    this.reportsSent++;
  }
}
