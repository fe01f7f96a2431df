/** A place between two lines of the journal. */
export interface JournalPosition {
  /** Number of the segment's first fact, which names its file. */
  segment: number;
  /** Bytes into the segment. */
  offset: number;
  /** Number of the next fact from here; exact at the start and at the end of a segment, else off by corrupt lines. */
  index: number;
}

export function isBefore(a: JournalPosition, b: JournalPosition): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}
