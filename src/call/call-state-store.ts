/** All that another controller needs to take a call over. Plain JSON. */
export interface CallSnapshot {
  callId: string;
  savedAtMs: number;
  /** The actor's state; its shape is the actor's business. */
  state: unknown;
}

/** A call whose controller is gone. */
export interface OrphanCall extends CallSnapshot {
  /** How long ago that controller gave its last sign of life; undefined where that is not known. */
  heardAgoMs?: number;
}

/**
 * Live calls and who drives them. A controller holds its calls under one lease, which it renews; when it dies, the
 * lease runs out and any other may claim its calls, each exactly once.
 */
export interface CallStateStore {
  /**
   * Renews the controller's lease. False: it is not known there (any more), so that its calls may not be either: it is
   * new, the store has lost its data, or others have taken it for dead.
   */
  heartbeat(controllerId: string, leaseMs: number): Promise<boolean>;
  /** Saves a call. False: another controller has taken it over, so the caller must let go of it. */
  save(controllerId: string, snapshot: CallSnapshot): Promise<boolean>;
  /** Forgets a call that has ended. */
  remove(controllerId: string, callId: string): Promise<void>;
  /** Takes over up to `limit` calls whose controller's lease has run out; nobody else gets the same ones. */
  claimOrphans(controllerId: string, limit: number): Promise<OrphanCall[]>;
  /** Ids of the calls a controller drives now. */
  listOwn(controllerId: string): Promise<string[]>;
  /** Of these calls those that are live, whoever drives them, or nobody at the moment. */
  liveAmong(callIds: readonly string[]): Promise<Set<string>>;
  /** Which controller drives the call; undefined: there is no such call (any more). */
  ownerOf(callId: string): Promise<string | undefined>;
  countAll(): Promise<number>;
}
