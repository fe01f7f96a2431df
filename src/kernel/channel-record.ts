/**
 * What a FreeSWITCH says of one of its channels after it has ended: a witness of a leg's times that does not depend on
 * the controller (field-failures.md, "billed 0, or 306 s billed as 10,800"). Times are ms since the epoch by the clock
 * of that FreeSWITCH's machine.
 */
export interface ChannelRecord {
  /** The channel's uuid, which is the leg's id. A leg that was tried on two servers has a record on each. */
  legId: string;
  /** Name of the FreeSWITCH. */
  server: string;
  createdAtMs: number;
  /** Null: never answered. */
  answeredAtMs: number | null;
  endedAtMs: number;
  /** In FreeSWITCH's words: `NORMAL_CLEARING`, `ORIGINATOR_CANCEL` … */
  hangupCause: string;
}
