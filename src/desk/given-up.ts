import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';
import type { DeskCallBackStore, GivenUpCallBack } from './desk-store.ts';
import type { IntakeOpening } from './intake.ts';

const defaultEveryMs = 5_000;
const batch = 50;

export interface GivenUpCallBacksOptions {
  desk: Pick<DeskCallBackStore, 'givenUp' | 'caseOpened'>;
  intakes: { open(opening: IntakeOpening): Promise<unknown> };
  clock: Clock;
  logger: Logger;
  everyMs?: number;
}

/**
 * Makes a case of each call-back that will not come about, so that the account hears of it: nobody is at it, and it is
 * reported as any form that was left. The desk forgets a call-back once its case is in the database, and a repeat opens
 * nothing: any number of processes may do this.
 */
export class GivenUpCallBacks {
  readonly #options: GivenUpCallBacksOptions;
  readonly #rounds: Rounds;

  constructor(options: GivenUpCallBacksOptions) {
    this.#options = options;
    const { clock, logger, everyMs = defaultEveryMs } = options;
    this.#rounds = new Rounds({
      ...{ clock, everyMs },
      work: () => this.look(),
      onFailed: (error) =>
        logger.warn({ err: errorMessage(error) }, 'call-backs that are given up could not be read; tried again'),
    });
  }

  start(): void {
    this.#rounds.start();
  }

  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Looks once. */
  async look(): Promise<void> {
    for (const callBack of await this.#options.desk.givenUp(batch)) await this.#open(callBack);
  }

  /** One of which no case can be made does not hold up the others. */
  async #open({ request, queueId, atMs }: GivenUpCallBack): Promise<void> {
    const { desk, intakes, logger } = this.#options;
    const { callId, account, callBack, learned } = request;
    const callerNumber = callBack?.toNumber ?? request.callerNumber ?? '';
    try {
      await intakes.open({
        ...{ callId, accountId: account.accountId, queueId, callerNumber, learned, atMs },
        ...{ agentId: '', offerId: `given-up ${callId}` },
      });
      await desk.caseOpened(callId);
      logger.warn({ callId, queueId }, 'a call-back is given up: it is reported');
    } catch (error) {
      logger.error({ callId, err: errorMessage(error) }, 'no case could be made yet of a call-back that is given up');
    }
  }
}
