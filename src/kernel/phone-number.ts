import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { DenwabanError } from './errors.ts';

/** Numbers that lives depend on (service-rules.md, Calls 8): never dialled by a flow, refused where a flow names one. */
const emergencyNumbers = new Set(['110', '118', '119']);

/** A national number without its leading 0: 9 or 10 digits, 13 for machines (0200). */
const subscriber = String.raw`(?:[1-9]\d{8,9}|200\d{10})`;
const national = new RegExp(`^0${subscriber}$`);
const withoutPlus = new RegExp(`^81(0?${subscriber})$`);
const callerIdPrefixes = /^(?:184|186)+/;
/** 184 withholds the caller id of one call, 186 shows it: dialled before the number, no part of it. */
const callerIdPrefix = /^(?:184|186)(?=\+|0|81\d{9}|1\d\d$)/;

/**
 * Drops what people write between digits, what editors put there unseen (marks of direction, zero-width spaces), and
 * full-width forms: `０３－1234 5678` → `0312345678`.
 */
export function stripFormatting(written: string): string {
  const bare = written.normalize('NFKC').replace(/[\s().[\]\p{Pd}\p{Cf}−ー─━~・·‧•/]/gu, '');
  return bare.replace(/^\++/, '+');
}

/**
 * True for 110, 118 and 119, however they are written or prefixed: 184/186, a country code, a trunk zero, a carrier's
 * 00XY, and * and # about them, which a trunk may take for keys, or for a service's code (`*67`).
 */
export function isEmergencyNumber(written: string): boolean {
  const bare = stripFormatting(written);
  const parts = [bare.replace(/[*#]/g, ''), bare.replace(/^[*#]\d\d/, ''), ...bare.split(/[*#]+/)];
  return parts.some((part) => emergencyNumbers.has(withoutPrefixes(part)));
}

function withoutPrefixes(part: string): string {
  return part
    .replace(callerIdPrefixes, '')
    .replace(/^122(?=00)/, '')
    .replace(/^\+(?=0|1\d\d$)/, '')
    .replace(/^(?:00\d{1,2}(?=1\d\d$)|(?:\+|010|0{0,3})81)/, '')
    .replace(callerIdPrefixes, '')
    .replace(/^0+/, '');
}

/** Says that the call's own caller id is not to be shown: `184` before the number. */
export function asksToWithhold(written: string): boolean {
  const bare = stripFormatting(written);
  return bare.startsWith('184') && callerIdPrefix.test(bare);
}

/**
 * One spelling for each number: E.164 with `+` for Japanese national (`03-1234-5678` → `+81312345678`) and
 * international ones, with whatever prefix they are dialled; extensions and service codes that fit neither stay as
 * their bare characters.
 * @throws DenwabanError `PHONE_NUMBER_INVALID` when a character cannot be dialled.
 */
export function normalizePhoneNumber(written: string): string {
  const bare = stripFormatting(written).replace(callerIdPrefix, '');
  if (!/^\+?[0-9A-Za-z_*#]{1,40}$/.test(bare)) {
    throw new DenwabanError('PHONE_NUMBER_INVALID', `"${written}" is not a phone number`, {
      remedy: 'Write digits, with + for an international number; spaces and hyphens may stand between them',
    });
  }
  return toInternational(bare);
}

/** As {@link normalizePhoneNumber}; undefined for what is no phone number. */
export function tryNormalizePhoneNumber(written: string): string | undefined {
  try {
    return normalizePhoneNumber(written);
  } catch {
    return undefined; // The only error it throws says so.
  }
}

function toInternational(bare: string): string {
  const number = /^\+0\d+$/.test(bare) ? bare.slice(1) : bare; // No country code begins with 0.
  if (number.startsWith('+')) return withCountryCode(number.slice(1));
  if (national.test(number)) return `+81${number.slice(1)}`;
  if (/^010[1-9]\d{4,14}$/.test(number)) return withCountryCode(number.slice(3));
  if (/^0081\d{5,}$/.test(number)) return withCountryCode(number.slice(2));
  return withoutPlus.test(number) ? withCountryCode(number) : number;
}

/** Of a number that begins with its country code: the trunk zero goes (`+81 (0)3`, `+44 (0)20`), in Japan's 184/186 too. */
function withCountryCode(digits: string): string {
  if (!digits.startsWith('81')) {
    const parsed = /^\d+$/.test(digits) ? parsePhoneNumberFromString(`+${digits}`) : undefined;
    return parsed?.isValid() ? parsed.number : `+${digits}`;
  }
  const rest = digits.slice(2).replace(/^(?:184|186)(?=0[1-9]\d{8,9}$)/, '');
  return `+81${rest.replace(/^0/, '')}`;
}

/**
 * What all numbers that a rule means begin with, in the spelling of {@link normalizePhoneNumber}: `03`, `+81 03` and
 * `0081 3` are `+813`, `0120` is `+81120`, `010 44` is `+44`. Beginnings of extensions stay as they are.
 */
export function normalizeNumberPrefix(written: string): string {
  const bare = stripFormatting(written).replace(/^(?:184|186)(?=\+|0)/, '');
  const whole = tryNormalizePhoneNumber(bare);
  if (whole?.startsWith('+')) return whole;
  const fromAbroad = /^(?:0081|01081)0?(\d*)$/.exec(bare);
  if (fromAbroad) return `+81${fromAbroad[1]}`;
  if (/^010/.test(bare)) return `+${bare.slice(3)}`;
  return /^0(?!0)/.test(bare) ? `+81${bare.slice(1)}` : bare;
}

/** Whether a rule can mean any number at all: the beginning of a number, of an extension, or of a name. */
export function isNumberPrefix(written: string): boolean {
  return (
    /^(?:\+?\d*|[*#][\d*#]*|[A-Za-z_]\w*)$/.test(normalizeNumberPrefix(written)) && stripFormatting(written) !== ''
  );
}

/** The kind of a number by the Japanese numbering plan, for outbound rules and prices. */
export type NumberKind =
  | 'emergency'
  /** 1XY: 117, 171, 188 … */
  | 'special'
  | 'mobile'
  | 'landline'
  | 'ip-phone'
  | 'toll-free'
  /** 0570: the caller pays a price of its own. */
  | 'navi'
  | 'premium'
  /** 020: machines and pagers. */
  | 'm2m'
  | 'international'
  | 'satellite'
  /** A carrier's prefix (00XY) before a number: what is behind it would be dialled unseen. */
  | 'prefix'
  /** Written like a public number, but none that exists. */
  | 'impossible'
  /** Extensions and the like. */
  | 'other';

/** A number as it is dialled. */
export interface DialledNumber {
  /** E.164, or the bare characters of an extension. */
  number: string;
  kind: NumberKind;
  /** The caller id is not to be shown: it was written with 184. */
  isWithheld: boolean;
}

/** By the national number without 0. The first that matches counts. */
const japanese: readonly [pattern: RegExp, kind: NumberKind][] = [
  [/^20/, 'm2m'],
  [/^(?:990|180|170|910)/, 'premium'],
  [/^570\d{6}$/, 'navi'],
  [/^(?:120\d{6}|800\d{7})$/, 'toll-free'],
  [/^[6789]0\d{7,8}$/, 'mobile'],
  [/^50\d{7,8}$/, 'ip-phone'],
  [/^[1-9]\d{8}$/, 'landline'],
];

/** Country codes that belong to no country: satellites, and networks that reach round the world. */
const satellite = /^\+(?:870|878|88[1238])/;
/** +979 is the world's premium rate. */
const worldPremium = /^\+979/;

/** Classifies a number, in any spelling. @throws DenwabanError `PHONE_NUMBER_INVALID`. */
export function classifyPhoneNumber(written: string): NumberKind {
  if (isEmergencyNumber(written)) return 'emergency';
  const number = normalizePhoneNumber(written);
  if (number.startsWith('+81')) return kindInJapan(number.slice(3));
  if (number.startsWith('+')) return kindAbroad(number);
  if (/^1\d\d$/.test(number)) return 'special';
  if (/^(?:122)?00/.test(number)) return 'prefix';
  return /^0\d{5,}$/.test(number) || /^\d[\d*#]*[A-Za-z_]/.test(number) || isPublicInside(number)
    ? 'impossible'
    : 'other';
}

/**
 * More digits than an extension has, though no number by our reading: `442071234567`, `*67` or a word before a number,
 * 184 twice. A trunk may read a number in it all the same, one that no rule has looked at.
 */
function isPublicInside(number: string): boolean {
  return number.replace(/\D/g, '').length > longestExtension;
}

/** What will be dialled for what is written. @throws DenwabanError `PHONE_NUMBER_INVALID`. */
export function readDialledNumber(written: string): DialledNumber {
  const number = normalizePhoneNumber(written);
  return { number, kind: classifyPhoneNumber(written), isWithheld: asksToWithhold(written) };
}

const longestExtension = 8;

/** Kinds that no rule of an account allows. */
const neverDialled: ReadonlySet<NumberKind> = new Set(['emergency', 'm2m', 'premium', 'prefix', 'impossible']);

/** True for what is dialled for nobody, whatever an account's rules say. */
export function isNeverDialledKind(kind: NumberKind): boolean {
  return neverDialled.has(kind);
}

/**
 * The prefix by which a rule must name a number of this kind at least; '' where any rule will do. Dear and far numbers
 * are not meant by who allows all (`*`) or all of Japan (`+81`): navi by 0570, other countries by their code, and those
 * that share the code of another country by their area.
 */
export function leastNamedBy({ number, kind }: Pick<DialledNumber, 'number' | 'kind'>): string {
  if (kind === 'special') return number.slice(0, 1);
  if (kind === 'navi') return '+81570';
  if (kind === 'satellite') return number.slice(0, 4);
  if (kind !== 'international') return '';
  const parsed = parsePhoneNumberFromString(number);
  const code = `+${parsed?.countryCallingCode ?? ''}`;
  const shares = code === '+1' && parsed?.country !== undefined && !['US', 'CA'].includes(parsed.country);
  return shares ? number.slice(0, 5) : code;
}

function kindInJapan(digits: string): NumberKind {
  return japanese.find(([pattern]) => pattern.test(digits))?.[1] ?? 'impossible';
}

function kindAbroad(number: string): NumberKind {
  if (worldPremium.test(number)) return 'premium';
  if (satellite.test(number)) return /^\+\d{7,15}$/.test(number) ? 'satellite' : 'impossible';
  const parsed = parsePhoneNumberFromString(number);
  if (!parsed?.isPossible()) return 'impossible';
  return parsed.getType() === 'PREMIUM_RATE' ? 'premium' : 'international';
}
