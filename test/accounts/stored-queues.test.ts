import { expect, it } from 'vitest';
import { queueSettingsSchema, storedQueueSettings } from '../../src/accounts/queues.ts';

it('a queue that was stored with announcements of its own is read without them, and can be stored so no more', () => {
  const settings = queueSettingsSchema.parse({ queueId: 'desk', name: '受付' });
  const old = JSON.stringify({ ...settings, announcements: { everySeconds: 45, position: true, estimate: true } });
  expect(storedQueueSettings(old)).toEqual(settings);
  expect(queueSettingsSchema.safeParse(JSON.parse(old)).error?.issues).toMatchObject([{ keys: ['announcements'] }]);
});
