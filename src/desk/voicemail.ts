/** A message that a caller left when nobody answered: recorded by the flow, or where a queue's overflow asks for it. */
export interface Voicemail {
  readonly recordingId: string;
  readonly accountId: string;
  readonly callId: string;
  /** When the recording ended. ms since the epoch. */
  readonly atMs: number;
  readonly durationMs: number;
  /** Whether the flow took it for a message; false: the caller, or the controller, was gone before it could. */
  readonly isTaken: boolean;
  /** `dropped`: nothing is said in it. */
  readonly state: 'new' | 'reported' | 'dropped';
  /** As it was reported; personal data. */
  readonly report: VoicemailReport | undefined;
}

/** What the account is told of a message. */
export interface VoicemailReport {
  readonly reportedAtMs: number;
  /** Normalised; null where withheld. */
  readonly callerNumber: string | null;
  readonly subject: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** `destinationId`s of the account's card to which it was sent. */
  readonly destinations: readonly string[];
}

/** Where messages are kept. Who adds them is the store of the facts, together with the fact that one was recorded. */
export interface VoicemailStore {
  /** Neither reported nor dropped, recorded before the time, oldest first. */
  unreported(options: { beforeMs: number; limit: number }): Promise<Voicemail[]>;
  /** False: somebody else has done so, or dropped it. */
  report(recordingId: string, report: VoicemailReport): Promise<boolean>;
  drop(recordingId: string): Promise<void>;
  find(recordingId: string): Promise<Voicemail | undefined>;
  /** Those that were reported, newest first; of one account where given, before the time where given. */
  list(options: { limit: number; accountId?: string; beforeMs?: number }): Promise<Voicemail[]>;
  /** How many were sent nowhere since then, by account. */
  nowhere(options: { sinceMs: number }): Promise<{ accountId: string; count: number; newestAtMs: number }[]>;
}
