import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import type { DeskStore } from './desk-store.ts';
import { GivenUpCallBacks } from './given-up.ts';
import { IntakeOpener } from './intake-opener.ts';
import type { IntakeData } from './intake-store.ts';
import { IntakeWatch } from './intake-watch.ts';
import { Intakes } from './intakes.ts';

const openDeadlineMs = 2_000;

/** Intakes, what opens them, and the watches over unfinished ones and given-up call-backs, until the shutdown. */
export function startIntakes(options: {
  data: IntakeData;
  desk: Pick<DeskStore, 'listAgents' | 'givenUp' | 'caseOpened'>;
  /** A report and its deliveries are in the database. */
  onReported(): void;
  reportAfterMs: number;
  clock: Clock;
  logger: Logger;
  shutdown: Pick<Shutdown, 'add'>;
}): { intakes: Intakes; opener: IntakeOpener } {
  const { data, shutdown } = options;
  const intakes = new Intakes(options);
  const opener = new IntakeOpener({ ...options, open: (opening) => intakes.open(opening) });
  const watch = new IntakeWatch({ ...options, intakes, store: data.intakes });
  const givenUp = new GivenUpCallBacks({ ...options, intakes });
  shutdown.add('intakes', async () => {
    await givenUp.stop();
    await watch.stop();
    await opener.stop(openDeadlineMs);
  });
  watch.start();
  givenUp.start();
  return { intakes, opener };
}
