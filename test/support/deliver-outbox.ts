import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createDeliverers } from '../../src/outbox/create-deliverers.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlOutboxStore } from '../../src/store/sql/sql-outbox-store.ts';
import { SqlWebhookSecretStore } from '../../src/store/sql/sql-webhook-secret-store.ts';

/** A process of its own that delivers what is in the database named on its command line, until it is told to stop or is killed. */
const [url = '', leaseMs = '2000'] = process.argv.slice(2);
const options = { clock: systemClock, logger: silentLogger };
const sql = await openSql(url, options);
const secrets = new SqlWebhookSecretStore(sql);
const outbox = createOutbox({
  store: new SqlOutboxStore(sql),
  deliverers: createDeliverers({ mail: undefined, allowInsecureTargets: true, secrets, ...options }),
  ...options,
  limits: { leaseMs: Number(leaseMs), renewEveryMs: Number(leaseMs) / 4, maxIdleMs: 200 },
});
outbox.start();
process.send?.('started');
process.once('message', async () => {
  await outbox.stop(2_000);
  await sql.close();
  process.disconnect?.();
});
