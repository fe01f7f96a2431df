/** Why an application must stop: a break goes on with the next one, the others end all that runs. */
export type StopReason = 'break' | 'transfer' | 'hangup';

/** Ends a wait early. False when it does not: a parked channel has nothing to break. */
export type StopWait = (why: StopReason) => boolean | undefined;

/** A key that was pressed. */
export interface Digit {
  digit: string;
  durationMs: number;
  source: 'rtp' | 'info';
}

/** An application that is running. Those that came by `sendmsg` while another ran lie on top of it. */
export class Frame {
  readonly app: string;
  readonly uuid: string;
  /** Set by `event-lock`: no further `sendmsg` is looked at until this is done. */
  locked: boolean;
  /** Takes keys; an application without it leaves them for the next one. */
  onDigit: ((digit: Digit) => void) | undefined;
  /** Takes what `sendevent` sends to the channel. */
  onEvent: ((headers: ReadonlyMap<string, string>) => void) | undefined;
  /** Set while it waits for something; ends the wait. */
  stop: ((why: StopReason) => void) | undefined;
  /** What it waits for is being ended. */
  stopping = false;
  /** A break came while nothing could be broken: the next play of this application ends at once. */
  breakPending = false;

  constructor(app: string, uuid: string, locked: boolean) {
    this.app = app;
    this.uuid = uuid;
    this.locked = locked;
  }
}
