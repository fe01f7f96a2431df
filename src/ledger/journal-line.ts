import { crc32 } from 'node:zlib';
import { type CallFact, callFactSchema } from '../kernel/call-fact.ts';
import { DenwabanError } from '../kernel/errors.ts';

/** No fact comes near this; a longer line is not a fact. */
export const maxLineBytes = 256 * 1024;

const checksumChars = 8;

/**
 * A fact as one line: CRC-32 of the JSON in hex, space, JSON, newline.
 * @throws DenwabanError `FACT_INVALID` when the fact does not fit its schema or is too long: a bug of the caller.
 */
export function encodeLine(fact: CallFact): Buffer {
  const checked = callFactSchema.safeParse(fact);
  if (!checked.success) {
    const where = checked.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).join(', ');
    throw new DenwabanError('FACT_INVALID', `a ${fact.type} fact does not fit its schema (${where})`);
  }
  const json = JSON.stringify(fact);
  const line = Buffer.from(`${checksum(json)} ${json}\n`);
  if (line.length > maxLineBytes) {
    throw new DenwabanError('FACT_INVALID', `a ${fact.type} fact of ${line.length} bytes is too long`);
  }
  return line;
}

/** The fact of a line (without its newline); undefined when the line is not what was written. */
export function decodeLine(line: Uint8Array): CallFact | undefined {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  const json = text.subarray(checksumChars + 1);
  if (text.toString('latin1', 0, checksumChars + 1) !== `${checksum(json)} `) return undefined;
  // The checksum holds, so this is a whole line of ours.
  return JSON.parse(json.toString()) as CallFact;
}

function checksum(json: string | Uint8Array): string {
  return crc32(json).toString(16).padStart(checksumChars, '0');
}
