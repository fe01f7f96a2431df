import { type AccountCard, targetOf } from '../accounts/cards.ts';
import { type TargetGuard, targetFault } from '../outbox/target-guard.ts';

/** A place of a card whose reports nothing could take. */
export interface CardTargetFault {
  /** From the card on: `destinations`, 0, `url`. */
  path: (string | number)[];
  message: string;
  remedy: string;
}

/**
 * What is wrong with where a card sends reports. What is there is not repeated: a Slack URL is a secret. A masked one is
 * judged by its host, which is not masked.
 */
export function cardTargetFaults(guard: TargetGuard, card: AccountCard): CardTargetFault[] {
  return card.destinations.flatMap((destination, index) => {
    const { field, target } = targetOf(destination);
    const fault = targetFault(guard, destination.type, target);
    if (fault === undefined) return [];
    return [{ path: ['destinations', index, field], message: fault, remedy: remedies[destination.type] }];
  });
}

const remedies = {
  mail: 'Write the address of one mailbox: office@example.com',
  slack: 'Write the https:// address that Slack gave for the incoming webhook',
  webhook: 'Write an https:// address that can be reached from the internet (for trials: ALLOW_INSECURE_TARGETS)',
};
