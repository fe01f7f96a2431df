import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';

/** A process of its own that opens the database named on its command line and closes it again. */
const database = await openSql(process.argv[2] ?? '', { clock: systemClock, logger: silentLogger });
await database.close();
