import type { Migration } from './migration.ts';

/** Changes of agents' states, as the desk told them. No foreign key: they are kept whatever becomes of the agent. */
export const agentHistoryMigration: Migration = {
  version: 7,
  name: "agents' changes of state",
  up: async (db, types) => {
    await db.schema
      .createTable('agent_changes')
      .addColumn('change_id', 'text', (column) => column.primaryKey())
      .addColumn('agent_id', 'text', (column) => column.notNull())
      .addColumn('from_state', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('at_ms', types.int, (column) => column.notNull())
      .addColumn('call_id', 'text')
      .addColumn('by_user_id', 'text')
      .modifyEnd(types.tableEnd)
      .execute();
    await db.schema
      .createIndex('agent_changes_of_agent')
      .on('agent_changes')
      .columns(['agent_id', 'at_ms', 'change_id'])
      .execute();
  },
};
