/** RTP packets (RFC 3550 §5.1). */

export const rtpHeaderBytes = 12;

/** Where things are in a received packet; one object is filled again and again, so that reception makes no garbage. */
export interface RtpFields {
  payloadType: number;
  marker: boolean;
  sequence: number;
  timestamp: number;
  ssrc: number;
  payloadStart: number;
  payloadEnd: number;
}

export const emptyRtpFields = (): RtpFields => ({
  payloadType: 0,
  marker: false,
  sequence: 0,
  timestamp: 0,
  ssrc: 0,
  payloadStart: 0,
  payloadEnd: 0,
});

/** Reads the header of `message` into `fields`; false when it is no well-formed RTP packet. */
export function parseRtp(message: Buffer, fields: RtpFields): boolean {
  if (message.length < rtpHeaderBytes) return false;
  const first = message.readUInt8(0);
  if (first >> 6 !== 2) return false;
  let start = rtpHeaderBytes + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (message.length < start + 4) return false;
    start += 4 + message.readUInt16BE(start + 2) * 4;
  }
  let end = message.length;
  if (first & 0x20) {
    const padding = message.readUInt8(end - 1);
    if (padding === 0) return false;
    end -= padding;
  }
  if (end < start) return false;
  const second = message.readUInt8(1);
  fields.marker = second >= 0x80;
  fields.payloadType = second & 0x7f;
  fields.sequence = message.readUInt16BE(2);
  fields.timestamp = message.readUInt32BE(4);
  fields.ssrc = message.readUInt32BE(8);
  fields.payloadStart = start;
  fields.payloadEnd = end;
  return true;
}

/** True for RTCP that came to the RTP port (RFC 5761 §4: packet types 192 to 223). */
export function looksLikeRtcp(message: Buffer): boolean {
  const type = message.length > 1 ? message.readUInt8(1) : 0;
  return type >= 192 && type <= 223;
}

/** Writes a 12-byte header at the start of `packet`. */
export function writeRtpHeader(
  packet: Buffer,
  payloadType: number,
  marker: boolean,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  packet[0] = 0x80;
  packet[1] = (marker ? 0x80 : 0) | payloadType;
  packet.writeUInt16BE(sequence, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(ssrc, 8);
}

/** `a - b` of two 16-bit sequence numbers, wrapped to -32,768 … 32,767. */
export const sequenceDistance = (a: number, b: number): number => ((a - b) << 16) >> 16;
/** `a - b` of two 32-bit timestamps, wrapped to 32-bit signed. */
export const timestampDistance = (a: number, b: number): number => (a - b) | 0;
