import type { FlowFault, Words } from './fault.ts';
import type { Path } from './marks.ts';

/** What the check of one flow may ask the house, at once. What is left out is not known, and not checked. */
export interface HouseFacts {
  queues?: readonly string[];
  /** Whether anything can be dialled. */
  hasTrunk?: boolean;
  /** Why the account may not dial a number. */
  numberFault?: (number: string) => Words | undefined;
  /** The faults of a prompt file, and of a text in a language, at a place of the flow. */
  fileFault?: (file: string) => FaultsAt | undefined;
  textFault?: (text: string, language: string) => FaultsAt | undefined;
}

/** Faults of a value, at the place where it stands. */
export type FaultsAt = (path: Path) => FlowFault[];
