import type { AccountCard } from '../accounts/cards.ts';
import { isNeverDialledKind, readDialledNumber, tryNormalizePhoneNumber } from '../kernel/phone-number.ts';
import type { IntakeOutcome } from './intake-store.ts';

export const reportLanguages = ['ja', 'en'] as const;
/** Languages that reports and texts for agents are written in. */
export type ReportLanguage = (typeof reportLanguages)[number];

/** The language for people who read `language`: English for all but readers of Japanese. */
export function reportLanguage(language: string): ReportLanguage {
  return language === 'ja' ? 'ja' : 'en';
}

export const outcomeWords: Record<ReportLanguage, Record<IntakeOutcome, string>> = {
  ja: {
    message: '伝言',
    'put-through': 'おつなぎしました',
    'direct-transfer-request': '直接転送のご要望',
    complaint: '苦情',
    'sales-call': '営業電話',
    'wrong-number': '間違い電話',
    other: 'その他',
  },
  en: {
    message: 'message',
    'put-through': 'put through',
    'direct-transfer-request': 'asked to be put straight through',
    complaint: 'complaint',
    'sales-call': 'sales call',
    'wrong-number': 'wrong number',
    other: 'other',
  },
};

/** Where the national number is cut: toll-free numbers, mobile and IP phones, Tokyo and Osaka. The first that fits. */
const hyphenation = [
  /^(0800)(\d{3})(\d{4})$/,
  /^(0[5789]0)(\d{4})(\d{4})$/,
  /^(0120)(\d{3})(\d{3})$/,
  /^(0[36])(\d{4})(\d{4})$/,
];

/**
 * A number as people write it: `+819011112222` → `090-1111-2222`. Where area codes are cut depends on lists that change;
 * such numbers are written without hyphens. What is no number stays as it is.
 */
export function writtenNumber(number: string): string {
  const normal = normalNumber(number);
  if (normal === undefined || !/^\+?\d+$/.test(normal)) return number;
  if (!normal.startsWith('+81')) return normal;
  const national = `0${normal.slice(3)}`;
  const parts = hyphenation.map((pattern) => pattern.exec(national)).find((match) => match !== null);
  return parts?.slice(1).join('-') ?? national;
}

/** Normalised, or undefined for what is no number. */
export function normalNumber(written: string): string | undefined {
  return tryNormalizePhoneNumber(written);
}

/** The number that a call can be returned to, normalised; undefined: this one is not. */
export function callableNumber(written: string): string | undefined {
  const number = normalNumber(written);
  if (number === undefined || isNeverDialledKind(readDialledNumber(written).kind)) return undefined;
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : undefined;
}

/** The line's number, normalised; undefined where the caller withholds it. */
export function callerNumberOf(fromLine: string): string | undefined {
  const number = normalNumber(fromLine);
  return number !== undefined && /^\+?\d{3,}$/.test(number) ? number : undefined;
}

/** Whom the caller wanted: a person of the card by id or name, or as written. Undefined: nobody in particular. */
export function personWanted(
  card: AccountCard | undefined,
  forWhom: string,
): { personId: string | undefined; name: string } | undefined {
  const written = forWhom.trim();
  if (written === '') return undefined;
  const known = card?.persons.find(({ personId, name }) => personId === written || name === written);
  return known ? { personId: known.personId, name: known.name } : { personId: undefined, name: written };
}
