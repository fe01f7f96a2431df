import type { DeskCard } from '../../accounts/cards.ts';
import { ja } from './texts/ja.ts';

export type Outcome = keyof typeof ja.form.outcomes;
export type Warning = Exclude<keyof typeof ja.hint, 'requests' | 'complaints'>;

/** In the order of the page. */
export const outcomes = Object.keys(ja.form.outcomes) as Outcome[];

/** What the agent takes down. */
export interface IntakeForm {
  callerName: string;
  callerNameKana: string;
  company: string;
  phoneNumber: string;
  /** A `personId` of the card, or any name. */
  forWhom: string;
  business: string;
  callBack: 'none' | 'wanted';
  callBackWhen: string;
  urgency: 'normal' | 'urgent';
  outcome: Outcome | null;
  directTransferRequests: number;
}

export interface IntakeHints {
  directTransferRequests: number;
  complaints: number;
  accountComplaints: number;
  /** Only when it may be told. */
  emergencyNumber?: string;
  warnings: Warning[];
}

/** `GET /agents/:agentId/intake` */
export interface IntakeView {
  intakeId: string;
  callId: string;
  accountId: string;
  version: number;
  state: 'open' | 'incomplete' | 'saved';
  /** When the agent answered who has it now. */
  answeredAtMs: number;
  /** The last report of it. */
  reportedAtMs?: number;
  form: IntakeForm;
  account?: { name: string; nameReading: string };
  card?: DeskCard;
  caller: { number: string | null; name?: string };
  earlierCalls: {
    intakeId: string;
    atMs: number;
    callerName: string;
    company: string;
    business: string;
    outcome: Outcome | null;
  }[];
  learned: Record<string, unknown>;
  hints: IntakeHints;
}
