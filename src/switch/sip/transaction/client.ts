import type { SipMessage } from '../../../kernel/sip/message.ts';
import type { HostPort } from '../api.ts';
import { type Table, TimerSet, type Timing, type Wire } from './machine.ts';

type State = 'calling' | 'trying' | 'proceeding' | 'completed' | 'accepted' | 'terminated';
type TimerName = 'timerA' | 'timerB' | 'timerD' | 'timerE' | 'timerF' | 'timerK' | 'timerM';
type Event = TimerName | 'start' | '1xx' | '2xx' | '3xx-6xx' | 'transport-error' | 'give-up';

/** A response with what came along with it. */
export interface ReceivedResponse {
  message: SipMessage;
  raw: string;
  source: HostPort;
}

/** What a client transaction tells the one above it. */
export interface ClientUser {
  /** A response, without the repeats that the machine absorbs. A 2xx to INVITE comes again each time it is resent. */
  onResponse(response: ReceivedResponse): void;
  /** No answer in time (408), or it could not be sent (503). */
  onFailure(status: 408 | 503): void;
  /** The ACK for a 3xx–6xx, to be sent by the machine (17.1.1.3). */
  ackFor(response: SipMessage): string;
  onTerminated(): void;
  /** The endpoint stops: no more timers, no more words. */
  dispose(): void;
}

type ClientTable = Table<State, Event, ClientMachine, ReceivedResponse | undefined>;

/** A client transaction: the request, its repeats, and its timers. */
export class ClientMachine {
  state: State;
  readonly timing: Timing;
  readonly #table: ClientTable;
  readonly #text: string;
  readonly #wire: Wire;
  readonly #user: ClientUser;
  readonly #timers = new TimerSet<TimerName>();
  #intervalMs: number;
  #ack = '';

  constructor(kind: 'invite' | 'other', text: string, wire: Wire, user: ClientUser, timing: Timing) {
    this.#table = kind === 'invite' ? inviteClient : otherClient;
    this.state = kind === 'invite' ? 'calling' : 'trying';
    this.#text = text;
    this.#wire = wire;
    this.#user = user;
    this.timing = timing;
    this.#intervalMs = timing.t1Ms;
  }

  dispatch(event: Event, response?: ReceivedResponse): void {
    this.#table[this.state][event]?.(this, response);
  }

  /** Takes a response that matched this transaction (17.1.3). */
  receive(response: ReceivedResponse): void {
    const status = response.message.status ?? 0;
    this.dispatch(status < 200 ? '1xx' : status < 300 ? '2xx' : '3xx-6xx', response);
  }

  get reliable(): boolean {
    return this.#wire.reliable;
  }

  transmit(): void {
    this.#wire.send(this.#text, () => this.dispatch('transport-error'));
  }

  timer(name: TimerName, delayMs: number): void {
    this.#timers.set(name, delayMs, () => this.dispatch(name));
  }

  /** Sends again and sets the timer to twice the time, at most `capMs`. */
  repeat(name: TimerName, capMs: number): void {
    this.transmit();
    this.#intervalMs = Math.min(this.#intervalMs * 2, capMs);
    this.timer(name, this.#intervalMs);
  }

  ack(response: ReceivedResponse | undefined): void {
    if (response) this.#ack ||= this.#user.ackFor(response.message);
    this.#wire.send(this.#ack, () => this.dispatch('transport-error'));
  }

  pass(response: ReceivedResponse | undefined): void {
    if (response) this.#user.onResponse(response);
  }

  enter(state: State): void {
    this.#timers.clearAll();
    this.state = state;
  }

  /** Stops without a word. */
  dispose(): void {
    this.enter('terminated');
    this.#user.dispose();
  }

  terminate(): void {
    this.enter('terminated');
    this.#user.onTerminated();
  }

  fail(status: 408 | 503): void {
    this.enter('terminated');
    this.#user.onFailure(status);
    this.#user.onTerminated();
  }
}

/** 64*T1: how long an answer, an ACK or a stray copy is waited for. */
const patienceMs = (machine: ClientMachine): number => 64 * machine.timing.t1Ms;

const inviteAnswers: ClientTable['calling'] = {
  '2xx': (machine, response) => {
    machine.enter('accepted'); // RFC 6026 8.4
    machine.timer('timerM', patienceMs(machine));
    machine.pass(response);
  },
  '3xx-6xx': (machine, response) => {
    machine.enter('completed'); // 17.1.1.2
    machine.ack(response);
    machine.timer('timerD', machine.reliable ? 0 : patienceMs(machine));
    machine.pass(response);
  },
  'give-up': (machine) => machine.terminate(),
};

/** RFC 3261 17.1.1 with RFC 6026 8.4. */
const inviteClient: ClientTable = {
  calling: {
    ...inviteAnswers,
    start: (machine) => {
      machine.transmit();
      if (!machine.reliable) machine.timer('timerA', machine.timing.t1Ms);
      machine.timer('timerB', patienceMs(machine));
    },
    timerA: (machine) => machine.repeat('timerA', Number.POSITIVE_INFINITY),
    timerB: (machine) => machine.fail(408),
    'transport-error': (machine) => machine.fail(503), // 17.1.4, 8.1.3.1
    '1xx': (machine, response) => {
      machine.enter('proceeding');
      machine.pass(response);
    },
  },
  trying: {},
  proceeding: { ...inviteAnswers, '1xx': (machine, response) => machine.pass(response) },
  completed: {
    '3xx-6xx': (machine) => machine.ack(undefined),
    timerD: (machine) => machine.terminate(),
    'transport-error': (machine) => machine.terminate(),
  },
  accepted: {
    '2xx': (machine, response) => machine.pass(response),
    timerM: (machine) => machine.terminate(),
  },
  terminated: {},
};

const complete = (machine: ClientMachine, response: ReceivedResponse | undefined): void => {
  machine.enter('completed'); // 17.1.2.2: stray copies are waited for as long as timer K
  machine.timer('timerK', machine.reliable ? 0 : machine.timing.t4Ms);
  machine.pass(response);
};

const otherAnswers: ClientTable['trying'] = {
  '2xx': complete,
  '3xx-6xx': complete,
  timerF: (machine) => machine.fail(408),
  'transport-error': (machine) => machine.fail(503),
  'give-up': (machine) => machine.terminate(),
};

/** RFC 3261 17.1.2. Timer F goes on in `proceeding`, so it is not cleared on the way there. */
const otherClient: ClientTable = {
  calling: {},
  trying: {
    ...otherAnswers,
    start: (machine) => {
      machine.transmit();
      if (!machine.reliable) machine.timer('timerE', machine.timing.t1Ms);
      machine.timer('timerF', patienceMs(machine));
    },
    timerE: (machine) => machine.repeat('timerE', machine.timing.t2Ms),
    '1xx': (machine, response) => {
      machine.state = 'proceeding';
      if (!machine.reliable) machine.timer('timerE', machine.timing.t2Ms);
      machine.pass(response);
    },
  },
  proceeding: {
    ...otherAnswers,
    timerE: (machine) => {
      machine.transmit();
      machine.timer('timerE', machine.timing.t2Ms);
    },
    '1xx': (machine, response) => machine.pass(response),
  },
  completed: { timerK: (machine) => machine.terminate() },
  accepted: {},
  terminated: {},
};
