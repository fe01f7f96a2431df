import type { AccountsData, AccountsStores } from '../../accounts/accounts-data.ts';
import type { AgentHistoryStore } from '../../desk/agent-history.ts';
import type { IntakeStore, ReportStore } from '../../desk/intake-store.ts';
import type { VoicemailStore } from '../../desk/voicemail.ts';
import type { FlowStore } from '../../flow/flow-store.ts';
import { DenwabanError } from '../../kernel/errors.ts';
import type { OutboxStore } from '../../outbox/outbox-store.ts';
import type { WebhookSecretStore } from '../../outbox/webhook-secrets.ts';
import type { SqlDatabase } from './open-sql.ts';
import { SqlAccountStore } from './sql-account-store.ts';
import { SqlAgentHistoryStore } from './sql-agent-history-store.ts';
import { SqlAuditStore } from './sql-audit-store.ts';
import { isTryAgain } from './sql-errors.ts';
import { SqlFlowStore } from './sql-flow-store.ts';
import { SqlIntakeStore } from './sql-intake-store.ts';
import { SqlOutboxStore } from './sql-outbox-store.ts';
import { SqlPhoneCredentialStore } from './sql-phone-credential-store.ts';
import { SqlReportStore } from './sql-report-store.ts';
import { SqlSessionStore } from './sql-session-store.ts';
import { SqlAgentSettingsStore, SqlCardStore, SqlQueueSettingsStore } from './sql-settings-stores.ts';
import { SqlUserStore } from './sql-user-store.ts';
import { SqlVoicemailStore } from './sql-voicemail-store.ts';
import { SqlWebhookSecretStore } from './sql-webhook-secret-store.ts';

const attemptsMax = 8;

/** Stores of other rooms whose changes are on the audit record too. */
interface OtherStores {
  flows: FlowStore;
  outbox: OutboxStore;
  webhookSecrets: WebhookSecretStore;
  intakes: IntakeStore;
  reports: ReportStore;
  voicemails: VoicemailStore;
  agentHistory: AgentHistoryStore;
}

/** The stores of the accounts room, and of others as far as what changes there is on the audit record. */
export interface SqlAccountsData extends AccountsData, OtherStores {
  inTransaction<T>(
    work: (stores: AccountsStores & OtherStores) => Promise<T>,
    options?: { snapshot?: boolean },
  ): Promise<T>;
}

/** The stores of the accounts room on a database, and changes to several of them as one. */
export function createAccountsData(database: SqlDatabase): SqlAccountsData {
  return {
    ...storesOn(database),
    inTransaction: async (work, { snapshot = false } = {}) => {
      const isolation = snapshot ? 'repeatable read' : 'serializable';
      for (let attempt = 1; ; attempt++) {
        try {
          // On SQLite a transaction has the only write lock from its start: nothing to set.
          const transaction = database.db.transaction();
          const isolated = database.kind === 'postgres' ? transaction.setIsolationLevel(isolation) : transaction;
          return await isolated.execute((trx) => work(storesOn({ db: trx, kind: database.kind })));
        } catch (error) {
          if (!isTryAgain(error)) throw error;
          if (attempt === attemptsMax) {
            throw new DenwabanError('TOO_BUSY', 'too many changes at the same time', {
              remedy: 'Try again',
              cause: error,
            });
          }
        }
      }
    },
  };
}

function storesOn(database: Pick<SqlDatabase, 'db' | 'kind'>): AccountsStores & OtherStores {
  return {
    accounts: new SqlAccountStore(database),
    users: new SqlUserStore(database),
    sessions: new SqlSessionStore(database),
    agents: new SqlAgentSettingsStore(database),
    queues: new SqlQueueSettingsStore(database),
    cards: new SqlCardStore(database),
    phones: new SqlPhoneCredentialStore(database),
    audit: new SqlAuditStore(database),
    flows: new SqlFlowStore(database),
    outbox: new SqlOutboxStore(database),
    webhookSecrets: new SqlWebhookSecretStore(database),
    intakes: new SqlIntakeStore(database),
    reports: new SqlReportStore(database),
    voicemails: new SqlVoicemailStore(database),
    agentHistory: new SqlAgentHistoryStore(database),
  };
}
