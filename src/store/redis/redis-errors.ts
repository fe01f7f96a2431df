import { DenwabanError, errorMessage } from '../../kernel/errors.ts';

/** Results of the Lua files that are errors, in one place. */
const codes = new Map([
  [
    -1,
    new DenwabanError('CONTROLLER_LEASE_LOST', 'this controller has no lease: it may not take calls over', {
      remedy: 'Send a heartbeat first',
    }),
  ],
]);

/** Throws the error that a script's result stands for, if it does. */
export function throwIfErrorCode(result: unknown): void {
  const known = typeof result === 'number' ? codes.get(result) : undefined;
  if (known) throw new DenwabanError(known.code, known.message, known.remedy ? { remedy: known.remedy } : {});
}

/**
 * Redis answers, but takes no commands for now: it starts, its disk or memory is full, it has become a replica, or a
 * cluster is being put together. All of these pass by themselves, so nothing that was to be done is given up for them.
 */
const notNow = /^(LOADING|MISCONF|OOM|READONLY|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)\b/;

/**
 * What callers see of any trouble with Redis. `REDIS_UNAVAILABLE`: no connection, no answer in time, or one that it
 * takes nothing now; whether the command was carried out is unknown. `REDIS_FAILED`: Redis answered with an error.
 */
export function redisError(error: unknown): DenwabanError {
  if (error instanceof DenwabanError) return error;
  if (error instanceof Error && error.name === 'ReplyError' && !notNow.test(error.message)) {
    return new DenwabanError('REDIS_FAILED', `Redis refused a command: ${error.message}`, { cause: error });
  }
  return new DenwabanError('REDIS_UNAVAILABLE', `Redis is away: ${errorMessage(error)}`, {
    remedy: 'Check that Redis runs and has room; the connection comes back by itself',
    cause: error,
  });
}
