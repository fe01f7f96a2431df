import { randomUUID } from 'node:crypto';
import type { HostPort } from '../sip/api.ts';

/** The lines drachtio-server sends to its clients, token by token (client.cpp, drachtio.h, cdr.cpp of 0.9.10). */

/** Who made a message: the far end, or the application through this server. */
export type Origin = 'network' | 'application';

const CRLF = '\r\n';

/** `source|bytes|protocol|address|port|time`, the six tokens that describe a SIP message. */
export function describe(origin: Origin, raw: string, peer: HostPort): string {
  return `${origin}|${Buffer.byteLength(raw)}|${peer.protocol}|${peer.address}|${peer.port}|${timeOfDay()}`;
}

/** Time of day, UTC, with microseconds: `hh:mm:ss.uuuuuu`. */
export function timeOfDay(): string {
  const epochMs = performance.timeOrigin + performance.now();
  const micros = Math.floor((epochMs % 1000) * 1000);
  return `${new Date(epochMs).toISOString().slice(11, 19)}.${String(micros).padStart(6, '0')}`;
}

/** A SIP message for a client. `receivedOn` is given for new requests only: the local address they came in at. */
export function sipFrame(
  description: string,
  ids: { transactionId: string; dialogId: string },
  raw: string,
  receivedOn?: HostPort,
): string {
  const at = receivedOn ? `${receivedOn.address}|${receivedOn.port}|` : '';
  return `${randomUUID()}|sip|${description}|${ids.transactionId}|${ids.dialogId}|${at}${CRLF}${raw}`;
}

/** Positive answer to a client's message. */
export function okFrame(msgId: string, detail = ''): string {
  return `${randomUUID()}|response|${msgId}|OK${detail === '' ? '' : `|${detail}`}`;
}

/** Refusal of SIP that a client wanted sent. The connection goes on. */
export function nokFrame(msgId: string, why: string): string {
  return `${randomUUID()}|response|${msgId}|NOK|${oneLine(why)}`;
}

/** Refusal of a message as such (`NO`, not `NOK`). The connection is closed after it. */
export function noFrame(msgId: string, why: string): string {
  return `${randomUUID()}|response|${msgId}|NO|${oneLine(why)}`;
}

/** Detail of the answer to a request that was sent: what the wire carried. */
export function sentRequestDetail(description: string, transactionId: string, raw: string): string {
  return `${description}|${transactionId}|Msg sent:|${CRLF}${raw}`;
}

/** Detail of the answer to a SIP response that was sent. */
export function sentResponseDetail(
  description: string,
  ids: { transactionId: string; dialogId: string },
  raw: string,
): string {
  return `${description}|${ids.transactionId}|${ids.dialogId}||Msg sent:|${CRLF}${raw}`;
}

/** A call detail record. `detail`: the role for cdr:start, the reason for cdr:stop. */
export function cdrFrame(record: string, origin: Origin, detail: string, raw: string): string {
  return `${randomUUID()}|${record}|${origin}|${timeOfDay()}${detail === '' ? '' : `|${detail}`}${CRLF}${raw}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n|]+/g, ' ');
}
