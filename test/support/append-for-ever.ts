import { silentLogger } from '../../src/kernel/logger.ts';
import { createLedger } from '../../src/ledger/create-ledger.ts';
import { entered } from './facts.ts';
import { systemClock } from './ledger-harness.ts';

/** A process of its own that writes facts until it is killed, and says which ones were acknowledged. Its store is down. */
const ledger = await createLedger({
  dataDir: process.argv[2] ?? '',
  store: {
    append: () => Promise.reject(new Error('connection refused')),
    factsOfCall: async () => [],
    listCallIds: async () => [],
  },
  clock: systemClock,
  logger: silentLogger,
  limits: { segmentBytes: 20_000 },
});
for (let round = 1; ; round++) {
  const facts = Array.from({ length: 20 }, (_, index) => entered(`call-${index}`, round));
  await Promise.all(facts.map((fact) => ledger.append(fact)));
  process.send?.(facts.map(({ factId }) => factId));
}
