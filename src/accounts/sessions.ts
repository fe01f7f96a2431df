import { createHash, randomBytes } from 'node:crypto';

/** Somebody signed in at one browser. */
export interface Session {
  /** Names the session in lists and on the record; signs nobody in. */
  sessionId: string;
  userId: string;
  createdAtMs: number;
  /** Kept to the minute. */
  lastSeenAtMs: number;
  /** Ends by then, however busy. */
  expiresAtMs: number;
  address: string;
  userAgent: string;
}

/** Where sessions are kept: by the SHA-256 of their tokens, so that a stolen database signs nobody in. */
export interface SessionStore {
  add(session: Session, tokenHash: string): Promise<void>;
  findByToken(tokenHash: string): Promise<Session | undefined>;
  touch(sessionId: string, atMs: number): Promise<void>;
  /** Newest first. */
  list(userId: string): Promise<Session[]>;
  /** True when there was one. */
  remove(userId: string, sessionId: string): Promise<boolean>;
  /** Gives how many there were. */
  removeAllOf(userId: string): Promise<number>;
  /** Removes those that have ended by themselves: expired before `atMs` or not seen since `idleSinceMs`. */
  removeEnded(atMs: number, idleSinceMs: number): Promise<number>;
}

/** A new secret for a cookie: 256 random bits. */
export function newSessionToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a token. Its bits are random: a fast hash is enough. */
export function hashSessionToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
