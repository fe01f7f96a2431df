import type { DeskCard } from '../../accounts/cards.ts';
import type { Colleague } from '../../desk/live-types.ts';
import type { TransferTo } from './call-orders.ts';

/** One to whom a caller can be transferred, as the dialog lists them. */
export interface TransferTarget {
  key: string;
  name: string;
  reading: string;
  /** Position, or number. */
  detail: string;
  number: string;
  to: TransferTo;
}

export interface TransferChoice {
  persons: DeskCard['persons'];
  colleagues: readonly Colleague[];
  queues: readonly { queueId: string; name: string }[];
}

/** The targets that fit what was typed: people of the account who may be put through, agents, queues, the number itself. */
export function findTargets(choice: TransferChoice, typed: string): TransferTarget[] {
  const wanted = plain(typed);
  const digits = digitsOf(typed);
  const fits = ({ name, reading, detail, number }: TransferTarget) =>
    [name, reading, detail].some((text) => plain(text).includes(wanted)) ||
    (digits !== undefined && number.includes(digits.replace(/^(\+81|0)/, '')));
  const number: TransferTarget[] =
    digits === undefined ? [] : [{ ...named('number', digits), to: { type: 'number', number: digits } }];
  return [...everybody(choice).filter(fits), ...number];
}

function everybody({ persons, colleagues, queues }: TransferChoice): TransferTarget[] {
  return [
    ...persons.flatMap(({ personId, name, reading, title, number }) =>
      number === undefined
        ? []
        : [{ ...named(personId, name), reading, detail: title, number, to: { type: 'person' as const, personId } }],
    ),
    ...colleagues.map(({ agentId, displayName }) => ({
      ...named(agentId, displayName),
      to: { type: 'agent' as const, agentId },
    })),
    ...queues.map(({ queueId, name }) => ({ ...named(queueId, name), to: { type: 'queue' as const, queueId } })),
  ].map((target) => ({ ...target, key: `${target.to.type} ${target.key}` }));
}

function named(key: string, name: string): Omit<TransferTarget, 'to'> {
  return { key, name, reading: '', detail: '', number: '' };
}

/** Width, case and kind of kana make no difference. */
function plain(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[ァ-ヶ]/g, (kana) => String.fromCodePoint((kana.codePointAt(0) ?? 0) - 0x60))
    .replace(/\s/g, '');
}

/** A number that can be dialled, as far as can be seen here. */
function digitsOf(typed: string): string | undefined {
  const number = typed.normalize('NFKC').replace(/[\s()‐-―ー−-]/g, '');
  return /^\+?\d{3,20}$/.test(number) ? number : undefined;
}
