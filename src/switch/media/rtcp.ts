import type { ReceptionReport } from './reception.ts';

/** RTCP compound packets (RFC 3550 §6): sender and receiver reports, CNAME, BYE. */

const senderReport = 200;
const receiverReport = 201;
const sourceDescription = 202;
const goodbye = 203;
/** Seconds from 1900 (NTP) to 1970. */
const ntpOffsetSeconds = 2_208_988_800;

export interface OutgoingReport {
  ssrc: number;
  cname: string;
  /** Given when RTP was sent since the last report. */
  sender?: { epochMs: number; rtpTimestamp: number; packets: number; octets: number };
  reception?: ReceptionReport & { lastSenderReport: number; delaySinceLastSenderReport: number };
  bye: boolean;
}

export function buildRtcp(report: OutgoingReport): Buffer {
  const parts = [buildReport(report), buildCname(report.ssrc, report.cname)];
  if (report.bye) {
    const bye = Buffer.alloc(8);
    header(bye, 1, goodbye);
    bye.writeUInt32BE(report.ssrc, 4);
    parts.push(bye);
  }
  return Buffer.concat(parts);
}

function header(packet: Buffer, count: number, type: number): void {
  packet.writeUInt8(0x80 | count, 0);
  packet.writeUInt8(type, 1);
  packet.writeUInt16BE(packet.length / 4 - 1, 2);
}

function buildReport({ ssrc, sender, reception }: OutgoingReport): Buffer {
  const blockStart = sender ? 28 : 8;
  const packet = Buffer.alloc(blockStart + (reception ? 24 : 0));
  header(packet, reception ? 1 : 0, sender ? senderReport : receiverReport);
  packet.writeUInt32BE(ssrc, 4);
  if (sender) {
    const seconds = Math.floor(sender.epochMs / 1_000);
    packet.writeUInt32BE((seconds + ntpOffsetSeconds) >>> 0, 8);
    packet.writeUInt32BE(Math.floor((sender.epochMs / 1_000 - seconds) * 2 ** 32), 12);
    packet.writeUInt32BE(sender.rtpTimestamp >>> 0, 16);
    packet.writeUInt32BE(sender.packets >>> 0, 20);
    packet.writeUInt32BE(sender.octets >>> 0, 24);
  }
  if (reception) {
    packet.writeUInt32BE(reception.ssrc, blockStart);
    packet.writeUInt32BE(
      ((reception.fractionLost << 24) | (reception.cumulativeLost & 0xffffff)) >>> 0,
      blockStart + 4,
    );
    packet.writeUInt32BE(reception.highestSequence, blockStart + 8);
    packet.writeUInt32BE(reception.jitter, blockStart + 12);
    packet.writeUInt32BE(reception.lastSenderReport, blockStart + 16);
    packet.writeUInt32BE(reception.delaySinceLastSenderReport, blockStart + 20);
  }
  return packet;
}

function buildCname(ssrc: number, cname: string): Buffer {
  const name = Buffer.from(cname, 'latin1').subarray(0, 255);
  // Item type, length, text, at least one null, padded to 32 bits.
  const packet = Buffer.alloc(8 + Math.ceil((2 + name.length + 1) / 4) * 4);
  header(packet, 1, sourceDescription);
  packet.writeUInt32BE(ssrc, 4);
  packet.writeUInt8(1, 8);
  packet.writeUInt8(name.length, 9);
  name.copy(packet, 10);
  return packet;
}

export interface IncomingReport {
  /** Middle 32 bits of the NTP time of the peer's sender report. */
  senderReportNtp?: number;
  /** What the peer says of our stream. */
  aboutUs?: {
    fractionLost: number;
    cumulativeLost: number;
    jitter: number;
    lastSenderReport: number;
    delaySinceLastSenderReport: number;
  };
  bye: boolean;
}

/** Reads a compound packet; undefined when it is malformed. `ourSsrc` picks the blocks that speak of us. */
export function parseRtcp(message: Buffer, ourSsrc: number): IncomingReport | undefined {
  const report: IncomingReport = { bye: false };
  let offset = 0;
  while (offset < message.length) {
    if (message.length < offset + 4 || message.readUInt8(offset) >> 6 !== 2) return undefined;
    const type = message.readUInt8(offset + 1);
    const end = offset + (message.readUInt16BE(offset + 2) + 1) * 4;
    if (end > message.length) return undefined;
    if (type === goodbye) report.bye = true;
    if (type === senderReport || type === receiverReport) readReport(message, offset, end, ourSsrc, report);
    offset = end;
  }
  return offset > 0 ? report : undefined;
}

function readReport(message: Buffer, offset: number, end: number, ourSsrc: number, report: IncomingReport): void {
  let block = offset + 8;
  if (message.readUInt8(offset + 1) === senderReport) {
    if (end < offset + 28) return;
    report.senderReportNtp = message.readUInt32BE(offset + 10);
    block = offset + 28;
  }
  for (let left = message.readUInt8(offset) & 0x1f; left > 0 && block + 24 <= end; left--, block += 24) {
    if (message.readUInt32BE(block) !== ourSsrc) continue;
    report.aboutUs = {
      fractionLost: message.readUInt8(block + 4),
      cumulativeLost: message.readIntBE(block + 5, 3),
      jitter: message.readUInt32BE(block + 12),
      lastSenderReport: message.readUInt32BE(block + 16),
      delaySinceLastSenderReport: message.readUInt32BE(block + 20),
    };
  }
}

/** Middle 32 bits of the NTP time (RFC 3550 §4), the unit of LSR and DLSR: 1/65,536 s. */
export const middleNtp = (epochMs: number): number => Math.floor((epochMs / 1_000 + ntpOffsetSeconds) * 65_536) >>> 0;
