import type { Migration } from './migration.ts';

/** Whether people answer for an account. One suspended before this stays so as a whole: an operator decides. */
export const answeringServiceMigration: Migration = {
  version: 10,
  name: 'answering service of accounts',
  up: async (db) => {
    await db.schema
      .alterTable('accounts')
      .addColumn('answering_service', 'text', (column) => column.notNull().defaultTo('active'))
      .execute();
  },
};
