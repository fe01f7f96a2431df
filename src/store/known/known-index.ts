import type { Account, AssignedNumber } from '../../accounts/accounts.ts';
import type { AccountCard } from '../../accounts/cards.ts';
import type { StoredFlow } from '../../flow/flow-store.ts';
import type { KnownSettings } from './known-copy.ts';

/** Settings by what they are asked for by. */
export interface KnownIndex {
  numbers: ReadonlyMap<string, AssignedNumber>;
  accounts: ReadonlyMap<string, Account>;
  cards: ReadonlyMap<string, AccountCard>;
  phones: ReadonlyMap<string, KnownSettings['phones'][number]>;
  numbersOf(accountId?: string): AssignedNumber[];
  /** The newest version, or the named one. */
  flow(flowId: string, version?: number): StoredFlow | undefined;
}

/** Makes settings quick to ask. */
export function indexOf(settings: KnownSettings): KnownIndex {
  const flows = new Map<string, StoredFlow>();
  for (const { supersededAtMs, ...flow } of settings.flows) {
    flows.set(`${flow.flowId}@${flow.version}`, flow);
    if (supersededAtMs === undefined) flows.set(flow.flowId, flow);
  }
  return {
    numbers: new Map(settings.numbers.map((one) => [one.number, one])),
    accounts: new Map(settings.accounts.map((one) => [one.accountId, one])),
    cards: new Map(settings.cards.map((one) => [one.accountId, one])),
    phones: new Map(settings.phones.map((one) => [one.username, one])),
    numbersOf: (id) => settings.numbers.filter(({ accountId }) => id === undefined || accountId === id),
    flow: (flowId, version) => flows.get(version === undefined ? flowId : `${flowId}@${version}`),
  };
}
