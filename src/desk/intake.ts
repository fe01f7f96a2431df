import { z } from 'zod';
import { intakeOutcomes, urgencies } from '../accounts/cards.ts';

const text = (max: number) => z.string().max(max);

/** What the agent takes down (service-rules.md, Calls 2). All of it may be personal data. */
export const intakeFormSchema = z.strictObject({
  callerName: text(200),
  callerNameKana: text(200),
  company: text(200),
  /** As typed; filled with the line's number at first. Checked when the intake is saved. */
  phoneNumber: text(40),
  /** A `personId` of the card, or any name; '' = nobody in particular. */
  forWhom: text(200),
  business: text(4_000),
  callBack: z.enum(['none', 'wanted']),
  callBackWhen: text(200),
  urgency: z.enum(urgencies),
  /** Null until the agent has chosen. */
  outcome: z.enum(intakeOutcomes).nullable(),
  /** How often the caller asked to be put straight through in this call (service-rules.md, Calls 5). */
  directTransferRequests: z.int().min(0).max(99),
});
export type IntakeForm = z.infer<typeof intakeFormSchema>;

/** What was typed since the last time. */
export const intakeFormChangeSchema = intakeFormSchema.partial();
export type IntakeFormChange = z.infer<typeof intakeFormChangeSchema>;

export const emptyForm: IntakeForm = {
  ...{ callerName: '', callerNameKana: '', company: '', phoneNumber: '', forWhom: '', business: '' },
  ...{ callBack: 'none', callBackWhen: '', urgency: 'normal', outcome: null, directTransferRequests: 0 },
};

/**
 * `open`: the agent is at it, or has left it unfinished; `incomplete`: nobody saved it, and what there was has been
 * reported; it can still be saved, which reports it once more, and what is typed into it makes it `open` again; `saved`:
 * reported, and changes no more, unless another agent gets the caller of the same call: then it is `open` again.
 */
export const intakeStates = ['open', 'incomplete', 'saved'] as const;
export type IntakeState = (typeof intakeStates)[number];

/** One caller's case at the desk, from the moment an agent answers. Times are ms since the epoch. */
export interface Intake {
  readonly intakeId: string;
  readonly callId: string;
  readonly accountId: string;
  /** Who has the caller; another one, when the first was lost while talking or handed the caller over; '' = nobody. */
  readonly agentId: string;
  readonly queueId: string;
  /** The offer by which the agent got the caller. */
  readonly offerId: string;
  /** Normalised. Undefined: withheld. Personal data. */
  readonly callerNumber: string | undefined;
  /** What the flow learned. Personal data. */
  readonly learned: Readonly<Record<string, unknown>>;
  readonly form: IntakeForm;
  /** Grows by one with each change of the form. */
  readonly version: number;
  readonly state: IntakeState;
  readonly openedAtMs: number;
  /** When the present agent answered. */
  readonly answeredAtMs: number;
  readonly changedAtMs: number;
  /** Since when no agent is at it although it is open: wrap-up ended, and nobody had saved it. */
  readonly leftAtMs: number | undefined;
  /** When it was last reported. */
  readonly closedAtMs: number | undefined;
}

/** An agent has answered. */
export interface IntakeOpening {
  callId: string;
  accountId: string;
  agentId: string;
  queueId: string;
  /** Tells a repeat of this from a second answer. */
  offerId: string;
  /** As the line gave it; `anonymous` or '' where withheld. */
  callerNumber: string;
  learned: Readonly<Record<string, unknown>>;
  atMs: number;
}

/** How often the caller asked to be put through in this call: as counted, or once by what the call ended in. */
export function requestsIn(form: IntakeForm): number {
  return Math.max(form.directTransferRequests, form.outcome === 'direct-transfer-request' ? 1 : 0);
}
