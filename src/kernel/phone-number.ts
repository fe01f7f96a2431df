import { DenwabanError } from './errors.ts';

/** Numbers that lives depend on (service-rules.md, Calls 8): never dialled by a flow, refused where a flow names one. */
const emergencyNumbers = new Set(['110', '118', '119']);

/** Drops what people write between digits, and full-width forms: `０３－1234 5678` → `0312345678`. */
export function stripFormatting(written: string): string {
  return written.normalize('NFKC').replace(/[\s().\-‐‑–—−ー/]/g, '');
}

/** True for 110, 118 and 119, however they are written or prefixed (184/186 caller-id prefixes, +81, service keys * and #). */
export function isEmergencyNumber(written: string): boolean {
  const bare = stripFormatting(written)
    .replace(/[*#]/g, '')
    .replace(/^(184|186)/, '')
    .replace(/^(\+|0{2}|010)81/, '');
  return emergencyNumbers.has(bare) || emergencyNumbers.has(bare.replace(/^0/, ''));
}

/**
 * One spelling for each number: E.164 with `+` for Japanese national (`03-1234-5678` → `+81312345678`) and
 * international ones; extensions and service codes that fit neither stay as their bare characters.
 * @throws DenwabanError `PHONE_NUMBER_INVALID` when a character cannot be dialled.
 */
export function normalizePhoneNumber(written: string): string {
  const bare = stripFormatting(written);
  if (!/^\+?[0-9A-Za-z_*#]{1,40}$/.test(bare)) {
    throw new DenwabanError('PHONE_NUMBER_INVALID', `"${written}" is not a phone number`, {
      remedy: 'Write digits, with + for an international number; spaces and hyphens may stand between them',
    });
  }
  if (bare.startsWith('+')) return bare;
  if (/^010[1-9]\d{6,14}$/.test(bare)) return `+${bare.slice(3)}`;
  if (/^0[1-9]\d{8,9}$/.test(bare)) return `+81${bare.slice(1)}`;
  return bare;
}

/** The kind of a Japanese number, for outbound rules and prices. */
export type NumberKind =
  | 'emergency'
  | 'mobile'
  | 'landline'
  | 'ip-phone'
  | 'toll-free'
  | 'premium'
  | 'international'
  | 'other';

/** Classifies a number (any spelling) by the Japanese numbering plan. */
export function classifyPhoneNumber(written: string): NumberKind {
  if (isEmergencyNumber(written)) return 'emergency';
  const number = normalizePhoneNumber(written);
  if (!number.startsWith('+81')) return number.startsWith('+') ? 'international' : 'other';
  const national = number.slice(3);
  if (/^(120|800)/.test(national)) return 'toll-free';
  if (/^(990|570|180)/.test(national)) return 'premium';
  if (/^[789]0/.test(national)) return 'mobile';
  if (/^50/.test(national)) return 'ip-phone';
  return 'landline';
}
