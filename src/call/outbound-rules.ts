import type { OutboundRules } from '../accounts/accounts.ts';
import { classifyPhoneNumber, normalizePhoneNumber } from '../kernel/phone-number.ts';

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
