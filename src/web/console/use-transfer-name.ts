import { useDeskCard } from './account-card.tsx';
import { writtenNumber } from './time.ts';

/** What to call whoever rings for a caller: a person of the account by name, another number as it is written. */
export function useTransferName(accountId: string): (to: string) => string {
  const { data: card } = useDeskCard(accountId);
  return (to) =>
    card?.persons.find(({ number }) => number !== undefined && plain(number) === plain(to))?.name ?? writtenNumber(to);
}

function plain(number: string): string {
  return number.replace(/[^\d+]/g, '').replace(/^\+81/, '0');
}
