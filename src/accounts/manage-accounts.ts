import { DenwabanError } from '../kernel/errors.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import type { Account, AnsweringService, AssignedNumber, WrittenAccount } from './accounts.ts';
import { type AccountCard, type CardRules, unmaskCard, type WrittenRules } from './cards.ts';
import { type Change, onRecord } from './change.ts';

/** Adds or replaces an account. What is written says nothing of, the provider's own decisions, stays as it is. */
export async function saveAccount(change: Change, written: WrittenAccount): Promise<Account> {
  const { accounts } = change.stores;
  const { accountId } = written;
  const before = await accounts.findAccount(accountId);
  const account: Account = {
    ...written,
    status: written.status ?? before?.status ?? 'active',
    answeringService: written.answeringService ?? before?.answeringService ?? 'active',
  };
  await accounts.saveAccount(account);
  const subject = { kind: 'account' as const, id: accountId, accountId };
  await onRecord(change, before ? 'account.change' : 'account.add', subject, { before, after: account });
  return account;
}

/** Gives a number to an account, or moves it. @throws DenwabanError `ACCOUNT_UNKNOWN`, `PHONE_NUMBER_INVALID`. */
export async function assignNumber(change: Change, assigned: AssignedNumber): Promise<AssignedNumber> {
  const { accounts } = change.stores;
  const after = { ...assigned, number: normalizePhoneNumber(assigned.number) };
  const before = await accounts.findNumber(after.number);
  await accounts.assignNumber(after);
  // An account sees nothing of what a number was for before it was its own (service-rules.md, Calls 9).
  if (before && before.accountId !== after.accountId) {
    await onRecord(change, 'number.release', numberSubject(before), { before });
    await onRecord(change, 'number.assign', numberSubject(after), { after });
  } else {
    await onRecord(change, 'number.assign', numberSubject(after), { before, after });
  }
  return after;
}

/** @throws DenwabanError `NUMBER_UNKNOWN`. */
export async function releaseNumber(change: Change, number: string): Promise<void> {
  const before = await change.stores.accounts.findNumber(number);
  if (!before || !(await change.stores.accounts.releaseNumber(number))) {
    throw new DenwabanError('NUMBER_UNKNOWN', 'this number is assigned to nobody');
  }
  await onRecord(change, 'number.release', numberSubject(before), { before });
}

/**
 * Adds or replaces an account's card; secrets that are still masked are kept.
 * @throws DenwabanError `ACCOUNT_UNKNOWN`, `SECRET_MISSING`.
 */
export async function saveCard(change: Change, written: AccountCard): Promise<AccountCard> {
  const { cards } = change.stores;
  const { accountId } = written;
  const before = await cards.find(accountId);
  const { card, missing } = unmaskCard(written, before);
  if (missing.length > 0) {
    throw new DenwabanError('SECRET_MISSING', `the address of ${missing.join(', ')} is masked and not known`, {
      remedy: 'Write the whole address of a new destination',
    });
  }
  await cards.save(card);
  const subject = { kind: 'card' as const, id: accountId, accountId };
  await onRecord(change, before ? 'card.change' : 'card.add', subject, { before, after: card });
  return card;
}

/** Sets the provider's rules for an account. @throws DenwabanError `ACCOUNT_UNKNOWN`. */
export async function saveCardRules(change: Change, accountId: string, written: WrittenRules): Promise<CardRules> {
  const { cards } = change.stores;
  const before = await cards.rules(accountId);
  const rules = { ...written, complaintsSinceMs: written.complaintsSinceMs ?? before.complaintsSinceMs };
  await cards.saveRules(accountId, rules);
  await onRecord(change, 'card.rules', { kind: 'card', id: accountId, accountId }, { before, after: rules });
  return rules;
}

/**
 * Suspends an account's answering service, or lets it go on: then complaints are counted anew, so that the next one does
 * not suspend it again. @throws DenwabanError `ACCOUNT_UNKNOWN`.
 */
export async function setAnsweringService(
  change: Change,
  accountId: string,
  answeringService: AnsweringService,
): Promise<Account> {
  const { accounts, cards } = change.stores;
  const account = await accounts.findAccount(accountId);
  if (!account) throw new DenwabanError('ACCOUNT_UNKNOWN', `there is no account "${accountId}"`);
  if (answeringService === 'active') {
    await saveCardRules(change, accountId, { ...(await cards.rules(accountId)), complaintsSinceMs: change.atMs });
  }
  return saveAccount(change, { ...account, answeringService });
}

function numberSubject({ number, accountId }: AssignedNumber) {
  return { kind: 'number' as const, id: number, accountId };
}
