import { type Clock, type TimerHandle, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { DeskCallBackStore, GivenUpCallBack } from './desk-store.ts';
import type { IntakeOpening } from './intake.ts';

const defaultEveryMs = 5_000;
const batch = 50;
const stopDeadlineMs = 2_000;

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
  #timer: TimerHandle | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: GivenUpCallBacksOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, logger, everyMs = defaultEveryMs } = this.#options;
    if (this.#isStopped) return;
    this.#timer = clock.setTimeout(() => {
      this.#running = this.look().then(
        () => this.start(),
        (error: unknown) => {
          logger.warn({ err: errorMessage(error) }, 'call-backs that are given up could not be read; tried again');
          this.start();
        },
      );
    }, everyMs);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#options.clock.clearTimeout(this.#timer);
    await withDeadline(this.#options.clock, this.#running, stopDeadlineMs);
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
