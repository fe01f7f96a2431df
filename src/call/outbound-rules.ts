import type { OutboundRules } from '../accounts/accounts.ts';
import { classifyPhoneNumber, normalizePhoneNumber } from '../kernel/phone-number.ts';

/**
 * At which number a caller can be called back: one that the flow has collected, else their own. Undefined: it is not
 * known, or may not be dialled.
 */
export function callBackNumber(
  { outbound, fromNumber }: { outbound: OutboundRules; fromNumber: string },
  collected: string | undefined,
): string | undefined {
  const number = collected ?? fromNumber;
  return number !== 'anonymous' && mayDial(outbound, number) ? number : undefined;
}

/** May an account's flow dial this number? Prefixes are compared with the normalised number; `*` stands for any. */
export function mayDial(rules: OutboundRules, toNumber: string): boolean {
  let number: string;
  try {
    if (classifyPhoneNumber(toNumber) === 'emergency') return false;
    number = normalizePhoneNumber(toNumber);
  } catch {
    return false; // Not a number at all: nothing that could be dialled.
  }
  const matches = (prefix: string) => prefix === '*' || number.startsWith(prefix);
  return rules.allow.some(matches) && !rules.deny.some(matches);
}
