import type { OutboundRules } from '../accounts/accounts.ts';
import {
  type DialledNumber,
  isNeverDialledKind,
  leastNamedBy,
  normalizeNumberPrefix,
  readDialledNumber,
} from '../kernel/phone-number.ts';

/** What is dialled. */
export type OutboundNumber = DialledNumber;

/**
 * At which number a caller can be called back: one that the flow has collected, else their own. Undefined: it is not
 * known, or may not be dialled.
 */
export function callBackNumber(
  { outbound, fromNumber }: { outbound: OutboundRules; fromNumber: string },
  collected: string | undefined,
): string | undefined {
  const number = readForDialling(collected ?? fromNumber)?.number;
  // A phone's name, or a single key, is nobody's number.
  return number !== undefined && /^\+?\d{2,}$/.test(number) && mayDial(outbound, number) ? number : undefined;
}

/** May an account's flow dial this number? */
export function mayDial(rules: OutboundRules, toNumber: string): boolean {
  return outboundNumber(rules, toNumber) !== undefined;
}

/**
 * What is dialled for a number, in any spelling, where an account's rules allow it; undefined where they do not. The
 * rules are prefixes in any spelling (`+813`, `03`, `0120`, an extension's first digits); `*` stands for any. What is
 * given back is what was checked: dial nothing else.
 */
export function outboundNumber(rules: OutboundRules, toNumber: string): OutboundNumber | undefined {
  const dialled = readForDialling(toNumber);
  if (!dialled || isNeverDialledKind(dialled.kind)) return undefined;
  const { allow, deny } = normalized(rules);
  const least = leastNamedBy(dialled);
  const isAllowed = allow.some((prefix) => matches(prefix, dialled) && (least === '' || prefix.startsWith(least)));
  return isAllowed && !deny.some((prefix) => matches(prefix, dialled)) ? dialled : undefined;
}

const any = '*';

function matches(prefix: string, { number }: DialledNumber): boolean {
  return prefix === any || number.startsWith(prefix);
}

const known = new WeakMap<OutboundRules, { allow: string[]; deny: string[] }>();

function normalized(rules: OutboundRules): { allow: string[]; deny: string[] } {
  let found = known.get(rules);
  if (!found) {
    found = { allow: prefixes(rules.allow), deny: prefixes(rules.deny).flatMap(alsoWithPlus) };
    known.set(rules, found);
  }
  return found;
}

function prefixes(written: readonly string[]): string[] {
  return written.map((prefix) => (prefix.trim() === any ? any : normalizeNumberPrefix(prefix))).filter(Boolean);
}

/** `8190` denies mobiles as `+8190` does: who denies is understood in the wider sense, who allows in the narrower. */
function alsoWithPlus(prefix: string): string[] {
  const inJapan = /^810?(\d*)$/.exec(prefix);
  return inJapan ? [prefix, `+81${inJapan[1]}`] : [prefix];
}

function readForDialling(written: string): DialledNumber | undefined {
  try {
    return readDialledNumber(written);
  } catch {
    return undefined; // Not a number at all: nothing that could be dialled.
  }
}
