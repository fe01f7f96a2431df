/** Why the caller was not handed over, and is back with the agent or in the line. */
export const transferFailures = ['busy', 'no-answer', 'refused', 'cancelled', 'failed'] as const;
export type TransferFailure = (typeof transferFailures)[number];

/** What the controller that drives a call says about it, beyond its place at the desk. */
export interface CallShown {
  /** The caller hears music. */
  held?: boolean;
  /** `to`: the agent's name, or the number. */
  transfer?: { to: string; state: 'ringing' };
  /** Of the latest transfer, until the next order. */
  transferFailed?: TransferFailure;
  recording?: 'on' | 'paused';
  /** Supervisors who listen. */
  listeners?: ShownListener[];
}

/** Who hears a supervisor who listens: nobody, the agent, or both. */
export const listenModes = ['listen', 'whisper', 'join'] as const;

export interface ShownListener {
  agentId: string;
  mode: (typeof listenModes)[number];
}
