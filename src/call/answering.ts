import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { FactLog } from './fact-log.ts';
import type { AnswerOutcome, IncomingCall, LegEvent } from './telephony.ts';

/** Answers a call; what was wrong with it is on record where it was not taken because of how it came. */
export async function answerCall(
  call: IncomingCall,
  onEvent: (event: LegEvent) => void,
  { facts, logger, callId }: { facts: FactLog; logger: Logger; callId: string },
): Promise<AnswerOutcome> {
  const outcome = await call.answer(onEvent).catch((error: unknown): AnswerOutcome => {
    logger.error({ callId, err: errorMessage(error) }, 'a call could not be answered');
    call.reject(500);
    return { ok: false, cause: 'failed', sipStatus: 500 };
  });
  if (!outcome.ok && outcome.fault !== undefined && facts.isOpen(call.legId)) {
    facts.append({ type: 'fault', legId: call.legId, message: outcome.fault });
  }
  return outcome;
}
