import type { AccountStore } from './accounts.ts';
import type { AgentSettingsStore } from './agents.ts';
import type { AuditStore } from './audit.ts';
import type { CardStore } from './cards.ts';
import type { PhoneCredentialStore } from './phone-credentials.ts';
import type { QueueSettingsStore } from './queues.ts';
import type { SessionStore } from './sessions.ts';
import type { UserStore } from './users.ts';

/** Every store of this room, on one database. */
export interface AccountsStores {
  accounts: AccountStore;
  users: UserStore;
  sessions: SessionStore;
  agents: AgentSettingsStore;
  queues: QueueSettingsStore;
  cards: CardStore;
  phones: PhoneCredentialStore;
  audit: AuditStore;
}

/** Changes to several stores that happen whole or not at all: a change and its entry on the audit record. */
export interface Transactions<Stores extends AccountsStores> {
  /**
   * Runs `work` on stores in one SQL transaction, as if nothing else ran (serializable); undone when it throws. It may
   * be run again when another transaction came in between, so it does nothing outside the stores it is given, waits
   * for nothing else, and does not use the stores outside the transaction.
   *
   * `snapshot`, for what many do at once: it reads how everything stood at its start, and of two that change the same
   * row one is run again. What depends on rows that it does not change may be out of date when it is written.
   */
  inTransaction<T>(work: (stores: Stores) => Promise<T>, options?: { snapshot?: boolean }): Promise<T>;
}

/** The stores, and transactions on them. */
export interface AccountsData extends AccountsStores, Transactions<AccountsStores> {}

/** Counts of failed sign-ins (or registrations), in windows of time, for limits that hold on all machines. */
export interface AttemptStore {
  /** Counts one more and gives the count within the running window and when that ends (ms since the epoch). */
  count(key: string, options: { atMs: number; windowMs: number }): Promise<{ count: number; endsAtMs: number }>;
  /** Takes one back: it was no failure. */
  uncount(key: string): Promise<void>;
  forget(key: string): Promise<void>;
  removeEnded(atMs: number): Promise<void>;
}
