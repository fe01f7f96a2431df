/** Who tries to register, as failures are counted: by address, by name, and by both together. */
export interface RegistrationAttempt {
  username: string;
  /** IP address that the attempt comes from. */
  address: string;
}

/** What all controllers must know together so that a digest cannot be guessed or used twice. */
export interface RegistrationGuard {
  /** The key that nonces are signed with, the same for every controller; made by whoever asks first. */
  secret(): Promise<string>;
  /** How long this one must wait before the next attempt is looked at; 0 = not at all. */
  waitMs(attempt: RegistrationAttempt): Promise<number>;
  /** Counts a wrong password or an unknown name: nobody is told which. */
  failed(attempt: RegistrationAttempt): Promise<void>;
  /**
   * The digest was right: takes the nonce's count (RFC 7616, 3.4, nc). False: this count or a higher one was used
   * already, so the request is a replay.
   */
  accept(attempt: RegistrationAttempt, use: NonceUse): Promise<boolean>;
  /** What the name last registered with from the address, and how long ago, where it has done so lately. */
  lastUse(attempt: RegistrationAttempt): Promise<LastUse | undefined>;
}

export interface LastUse {
  algorithm: 'SHA-256' | 'MD5';
  agoMs: number;
}

export interface NonceUse {
  nonce: string;
  nonceCount: number;
  algorithm: 'SHA-256' | 'MD5';
}

/** How many failures are let pass within `windowMs` of the one before. */
export interface RegistrationLimits {
  /** Of all names from one address (an IPv6 /64 counts as one). */
  perAddress: number;
  /** Of one name from all addresses. */
  perName: number;
  /**
   * Of one name from an address where it has registered lately: it is counted by itself, so that neither a neighbour
   * behind the same NAT nor somebody who guesses elsewhere keeps an agent's phone out.
   */
  perKnown: number;
  windowMs: number;
  /** A name stays known at an address for so long after it registered there. */
  knownMs: number;
  /** A used nonce is remembered for so long: at least its lifetime. */
  nonceMs: number;
}

export const defaultRegistrationLimits: RegistrationLimits = {
  perAddress: 30,
  perName: 10,
  perKnown: 10,
  windowMs: 300_000,
  knownMs: 86_400_000,
  nonceMs: 600_000,
};
