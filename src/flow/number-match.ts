import { DenwabanError } from '../kernel/errors.ts';
import { isEmergencyNumber, normalizePhoneNumber, stripFormatting } from '../kernel/phone-number.ts';

/** One spelling for comparisons; what is no phone number (`anonymous@…`) is compared as it stands. */
function spelling(written: string): string {
  try {
    return normalizePhoneNumber(written);
  } catch (error) {
    if (error instanceof DenwabanError) return stripFormatting(written);
    throw error;
  }
}

/** Whether two spellings mean one number. */
export function isNumber(written: string, other: string): boolean {
  return spelling(written) === spelling(other);
}

/** Whether a number begins so: `090` and `+8190` both match `090-1234-5678` and `+819012345678`. */
export function numberStartsWith(written: string, prefix: string): boolean {
  const number = spelling(written);
  const start = stripFormatting(prefix);
  if (number.startsWith(start)) return true;
  return /^0[1-9]/.test(start) && number.startsWith(`+81${start.slice(1)}`);
}

/** 110, 118 and 119 in any spelling, also with * and # about them, which a trunk may take for keys. */
export function isNeverDialled(number: string): boolean {
  return isEmergencyNumber(number) || isEmergencyNumber(stripFormatting(number).replace(/[*#]/g, ''));
}
