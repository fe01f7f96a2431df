import {
  isEmergencyNumber,
  normalizeNumberPrefix,
  readDialledNumber,
  stripFormatting,
  tryNormalizePhoneNumber,
} from '../kernel/phone-number.ts';

/** One spelling for comparisons; what is no phone number (`anonymous@…`) is compared as it stands. */
function spelling(written: string): string {
  return tryNormalizePhoneNumber(written) ?? stripFormatting(written);
}

/** Whether two spellings mean one number. */
export function isNumber(written: string, other: string): boolean {
  return spelling(written) === spelling(other);
}

/** Whether a number begins so: `090`, `+81 090` and `+8190` all match `090-1234-5678` and `+819012345678`. */
export function numberStartsWith(written: string, prefix: string): boolean {
  const start = normalizeNumberPrefix(prefix);
  return start !== '' && spelling(written).startsWith(start);
}

/** What is dialled for a number that a flow or a caller names: one spelling, and whether the caller id is withheld. */
export function dialledAs(written: string): { number: string; isWithheld: boolean } | undefined {
  if (isNeverDialled(written)) return undefined;
  const { number, isWithheld } = readDialledNumber(written);
  return { number, isWithheld };
}

/**
 * 110, 118 and 119 in any spelling, also with * and # about them, which a trunk may take for keys; and what is no
 * number at all. What else an account's rules do not allow is refused where it would be dialled, on record.
 */
export function isNeverDialled(written: string): boolean {
  return tryNormalizePhoneNumber(written) === undefined || isEmergencyNumber(written);
}
