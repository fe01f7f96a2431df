import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { DeskStaffStore } from './desk-store.ts';
import type { PhoneRegistry } from './phone-registry.ts';

/**
 * The registry, by which an agent whom the desk has paused as unreachable takes calls again once a phone of theirs has
 * registered anew. A phone registers whether or not the desk can be told: the pause ends by itself all the same.
 */
export function endingPauses(
  registry: PhoneRegistry,
  { desk, logger }: { desk: Pick<DeskStaffStore, 'phoneIsBack'>; logger: Logger },
): PhoneRegistry {
  return {
    contactsOf: (agentId) => registry.contactsOf(agentId),
    forget: (agentId, phone) => registry.forget(agentId, phone),
    register: async (request) => {
      const outcome = await registry.register(request);
      if (outcome.ok && outcome.isAnew) {
        const { agentId } = request;
        await desk.phoneIsBack(agentId).catch((error: unknown) => {
          logger.warn({ agentId, err: errorMessage(error) }, 'the desk was not told that a phone is back');
        });
      }
      return outcome;
    },
  };
}
