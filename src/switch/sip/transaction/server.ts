import { type Table, TimerSet, type Timing, type Wire } from './machine.ts';

type State = 'trying' | 'proceeding' | 'completed' | 'accepted' | 'confirmed' | 'terminated';
type TimerName = 'timerG' | 'timerH' | 'timerI' | 'timerJ' | 'timerL' | 'unanswered';
type Event = TimerName | 'start' | 'request' | 'ack' | '1xx' | '2xx' | '3xx-6xx';

/** What a server transaction tells the one above it. */
export interface ServerUser {
  /** Over; `answered` false when no final answer was given in time. */
  onTerminated(answered: boolean): void;
}

type ServerTable = Table<State, Event, ServerMachine, string>;

/** A server transaction: the last answer, its repeats, and its timers. */
export class ServerMachine {
  state: State;
  readonly timing: Timing;
  readonly #table: ServerTable;
  readonly #wire: Wire;
  readonly #user: ServerUser;
  readonly #timers = new TimerSet<TimerName>();
  #last = '';
  #intervalMs: number;

  constructor(kind: 'invite' | 'other', wire: Wire, user: ServerUser, timing: Timing) {
    this.#table = kind === 'invite' ? inviteServer : otherServer;
    this.state = kind === 'invite' ? 'proceeding' : 'trying';
    this.#wire = wire;
    this.#user = user;
    this.timing = timing;
    this.#intervalMs = timing.t1Ms;
  }

  dispatch(event: Event, text = ''): void {
    this.#table[this.state][event]?.(this, text);
  }

  /** Sends an answer of ours, if the state still lets it. */
  respond(status: number, text: string): void {
    this.dispatch(status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx', text);
  }

  get reliable(): boolean {
    return this.#wire.reliable;
  }

  transmit(text: string): void {
    this.#last = text;
    this.retransmit();
  }

  /** Sends the last answer again. A failure to send shows as the peer's repeats and as time-outs (17.2.4). */
  retransmit(): void {
    if (this.#last !== '') this.#wire.send(this.#last, () => undefined);
  }

  timer(name: TimerName, delayMs: number): void {
    this.#timers.set(name, delayMs, () => this.dispatch(name));
  }

  repeat(): void {
    this.retransmit();
    this.#intervalMs = Math.min(this.#intervalMs * 2, this.timing.t2Ms);
    this.timer('timerG', this.#intervalMs);
  }

  enter(state: State): void {
    this.#timers.clearAll();
    this.state = state;
  }

  /** Stops without a word. */
  dispose(): void {
    this.enter('terminated');
  }

  terminate(answered = true): void {
    this.enter('terminated');
    this.#last = '';
    this.#user.onTerminated(answered);
  }
}

/** RFC 3261 17.2.1 with RFC 6026 8.5 to 8.7. The core above bounds how long an INVITE stays unanswered. */
const inviteServer: ServerTable = {
  trying: {},
  proceeding: {
    request: (machine) => machine.retransmit(),
    '1xx': (machine, text) => machine.transmit(text),
    '2xx': (machine, text) => {
      machine.enter('accepted');
      machine.timer('timerL', 64 * machine.timing.t1Ms);
      machine.transmit(text);
    },
    '3xx-6xx': (machine, text) => {
      machine.enter('completed');
      if (!machine.reliable) machine.timer('timerG', machine.timing.t1Ms);
      machine.timer('timerH', 64 * machine.timing.t1Ms);
      machine.transmit(text);
    },
  },
  completed: {
    request: (machine) => machine.retransmit(),
    timerG: (machine) => machine.repeat(),
    timerH: (machine) => machine.terminate(),
    ack: (machine) => {
      machine.enter('confirmed');
      machine.timer('timerI', machine.reliable ? 0 : machine.timing.t4Ms);
    },
  },
  accepted: {
    // The core repeats its 2xx until the ACK; the INVITE's own repeats are absorbed (RFC 6026 7.1)
    '2xx': (machine, text) => machine.transmit(text),
    timerL: (machine) => machine.terminate(),
  },
  confirmed: { timerI: (machine) => machine.terminate() },
  terminated: {},
};

const complete = (machine: ServerMachine, text: string): void => {
  machine.enter('completed');
  machine.timer('timerJ', machine.reliable ? 0 : 64 * machine.timing.t1Ms);
  machine.transmit(text);
};

/** Without an answer by then the client has given up (its timer F), and RFC 4320 4.2 forbids a late 408. */
const start = (machine: ServerMachine): void => machine.timer('unanswered', 64 * machine.timing.t1Ms);

/** RFC 3261 17.2.2. */
const otherServer: ServerTable = {
  trying: {
    start,
    '1xx': (machine, text) => {
      machine.state = 'proceeding';
      machine.transmit(text);
    },
    '2xx': complete,
    '3xx-6xx': complete,
    unanswered: (machine) => machine.terminate(false),
  },
  proceeding: {
    request: (machine) => machine.retransmit(),
    '1xx': (machine, text) => machine.transmit(text),
    '2xx': complete,
    '3xx-6xx': complete,
    unanswered: (machine) => machine.terminate(false),
  },
  completed: {
    request: (machine) => machine.retransmit(),
    timerJ: (machine) => machine.terminate(),
  },
  accepted: {},
  confirmed: {},
  terminated: {},
};
