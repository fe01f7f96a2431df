/**
 * An error a person can act on. `code` is stable and greppable; `message` names the place and the fault;
 * `remedy` says what to do about it.
 */
export class DenwabanError extends Error {
  readonly code: string;
  readonly remedy: string | undefined;
  constructor(code: string, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DenwabanError';
    this.code = code;
    this.remedy = options.remedy;
  }

  /** One line for a person: message, then what to do. */
  get advice(): string {
    return this.remedy ? `${this.message}. ${this.remedy}` : this.message;
  }
}

/** The database does not answer, or takes nothing at the moment: the same again may well work later. */
export function databaseAway(why: string, cause?: unknown): DenwabanError {
  return new DenwabanError('DATABASE_AWAY', `the database is away: ${why}`, {
    remedy: 'Try again in a moment. Calls are answered meanwhile',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** True for {@link databaseAway}. */
export function isDatabaseAway(error: unknown): boolean {
  return error instanceof DenwabanError && error.code === 'DATABASE_AWAY';
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
