import type { Migration } from './migration.ts';

/**
 * Temporary passwords have to be changed from now on, and expire: whoever has one from before goes on with it, which
 * may have been theirs for a year.
 */
export const temporaryPasswordsMigration: Migration = {
  version: 12,
  name: 'earlier passwords are nobody’s temporary ones',
  up: async (db) => {
    await db.updateTable('users').set({ password_temporary: 0 }).execute();
  },
};
