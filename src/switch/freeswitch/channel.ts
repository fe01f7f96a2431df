import type { Codec } from '../media/api.ts';
import type { EventBus, Headers } from './events.ts';
import { nowMicros } from './time.ts';

export type Direction = 'inbound' | 'outbound';
export type CallState = 'DOWN' | 'RINGING' | 'EARLY' | 'ACTIVE' | 'HELD' | 'HANGUP';
export type AnswerState = 'ringing' | 'early' | 'answered' | 'hangup';

/** `Channel-State` and its number. */
const STATE_NUMBERS = {
  CS_NEW: 0,
  CS_INIT: 1,
  CS_ROUTING: 2,
  CS_SOFT_EXECUTE: 3,
  CS_EXECUTE: 4,
  CS_EXCHANGE_MEDIA: 5,
  CS_PARK: 6,
  CS_CONSUME_MEDIA: 7,
  CS_HIBERNATE: 8,
  CS_RESET: 9,
  CS_HANGUP: 10,
  CS_REPORTING: 11,
  CS_DESTROY: 12,
} as const;
export type ChannelState = keyof typeof STATE_NUMBERS;

const CALL_STATE_NUMBERS: Record<CallState, number> = { DOWN: 0, RINGING: 2, EARLY: 3, ACTIVE: 4, HELD: 5, HANGUP: 7 };

/** Who calls whom: the `Caller-*` headers. */
export interface CallerProfile {
  username?: string;
  callerName: string;
  callerNumber: string;
  originalCallerName: string;
  originalCallerNumber: string;
  calleeName?: string;
  calleeNumber?: string;
  networkAddress: string;
  ani: string;
  destination: string;
  source: string;
  dialplan?: string;
  context: string;
}

/** Microseconds since the epoch; 0 = has not happened. */
export interface ChannelTimes {
  created: number;
  answered: number;
  progress: number;
  progressMedia: number;
  hangup: number;
  transfer: number;
  bridged: number;
  lastHold: number;
  holdAccumulated: number;
}

/** The events that carry the channel's variables; the others only its state and caller. */
const WITHOUT_VARIABLES = new Set(['CHANNEL_STATE', 'CHANNEL_CALLSTATE', 'DTMF', 'CHANNEL_OUTGOING', 'CHANNEL_HOLD']);

/** Bounds what a client can make one call hold. */
const MAX_VARIABLES = 1000;
const MAX_VARIABLE_LENGTH = 64 * 1024;

/** What is known of a call leg: states, caller, times, variables; and the events that show them. */
export class Channel {
  readonly uuid: string;
  readonly direction: Direction;
  readonly name: string;
  readonly profile: CallerProfile;
  readonly times: ChannelTimes;
  readonly #bus: EventBus;
  readonly #variables = new Map<string, string>();
  state: ChannelState = 'CS_NEW';
  callState: CallState = 'DOWN';
  answerState: AnswerState = 'ringing';
  codec: Codec | undefined;
  hangupCause: string | undefined;
  /** The uuid that both legs of a bridge share. */
  callUuid: string;
  /** The leg it was last bridged with. */
  other: { role: 'originator' | 'originatee'; channel: Channel } | undefined;

  constructor(bus: EventBus, options: { uuid: string; direction: Direction; name: string; profile: CallerProfile }) {
    this.#bus = bus;
    this.uuid = options.uuid;
    this.callUuid = options.uuid;
    this.direction = options.direction;
    this.name = options.name;
    this.profile = options.profile;
    this.times = {
      created: nowMicros(),
      answered: 0,
      progress: 0,
      progressMedia: 0,
      hangup: 0,
      transfer: 0,
      bridged: 0,
      lastHold: 0,
      holdAccumulated: 0,
    };
  }

  /** Name of the machine. */
  get hostname(): string {
    return this.#bus.hostname;
  }

  /** The channel's own variable, or the global one of that name. */
  get(name: string): string | undefined {
    return this.#variables.get(name) ?? this.#bus.globals.get(name);
  }

  /** An empty or missing value removes the variable, as in FreeSWITCH. */
  set(name: string, value: string | undefined): void {
    if (name === '') return;
    // A changed variable goes to the end of the list, where FreeSWITCH's stack puts it.
    this.#variables.delete(name);
    if (value === undefined || value === '') return;
    if (this.#variables.size >= MAX_VARIABLES) return;
    this.#variables.set(name, value.slice(0, MAX_VARIABLE_LENGTH));
  }

  setAll(variables: Record<string, string | number | undefined>): void {
    for (const [name, value] of Object.entries(variables))
      this.set(name, value === undefined ? undefined : String(value));
  }

  /** True for `true`, `yes`, `on`, `1` and the like. */
  isTrue(name: string): boolean {
    return /^(true|yes|on|enable|enabled|active|allow|t|[1-9]\d*)$/i.test(this.get(name) ?? '');
  }

  get answered(): boolean {
    return this.times.answered > 0;
  }

  setState(state: ChannelState): void {
    this.state = state;
    this.fire('CHANNEL_STATE');
  }

  setCallState(callState: CallState): void {
    const before = this.callState;
    this.callState = callState;
    this.fire('CHANNEL_CALLSTATE', [
      ['Original-Channel-Call-State', before],
      ['Channel-Call-State-Number', String(CALL_STATE_NUMBERS[callState])],
    ]);
  }

  markAnswered(): void {
    this.times.answered = nowMicros();
    this.answerState = 'answered';
    this.set('endpoint_disposition', 'ANSWER');
    this.fire('CHANNEL_ANSWER');
    this.setCallState('ACTIVE');
  }

  /** Fires an event about this channel; `extra` headers come last. */
  fire(name: string, extra: Headers = [], subclass?: string): void {
    const build = () => [...this.headers(!WITHOUT_VARIABLES.has(name)), ...extra];
    this.#bus.fire(name, build, subclass === undefined ? {} : { subclass });
  }

  /** All that an event says of a channel, in FreeSWITCH's order. */
  headers(withVariables = true): Headers {
    const headers: Headers = [
      ['Channel-State', this.state],
      ['Channel-Call-State', this.callState],
      ['Channel-State-Number', String(STATE_NUMBERS[this.state])],
      ['Channel-Name', this.name],
      ['Unique-ID', this.uuid],
      ['Call-Direction', this.direction],
      ['Presence-Call-Direction', this.direction],
      ['Channel-HIT-Dialplan', String(this.direction === 'inbound' || this.answered)],
      ['Channel-Call-UUID', this.callUuid],
      ['Answer-State', this.answerState],
    ];
    if (this.hangupCause !== undefined) headers.push(['Hangup-Cause', this.hangupCause]);
    if (this.codec) {
      for (const way of ['Read', 'Write']) {
        headers.push([`Channel-${way}-Codec-Name`, this.codec], [`Channel-${way}-Codec-Rate`, '8000']);
        headers.push([`Channel-${way}-Codec-Bit-Rate`, '64000']);
      }
    }
    headers.push(...this.profileHeaders('Caller'));
    if (this.other) {
      headers.push(['Other-Type', this.other.role], ...this.other.channel.profileHeaders('Other-Leg'));
    }
    if (withVariables) {
      for (const [name, value] of this.#variables) headers.push([`variable_${name}`, value]);
    }
    return headers;
  }

  /** Who calls whom, and when what happened, under `Caller-` or `Other-Leg-`. */
  profileHeaders(prefix: 'Caller' | 'Other-Leg'): Headers {
    const { profile, times } = this;
    const fields: [string, string | undefined][] = [
      ['Direction', this.direction],
      ['Logical-Direction', this.direction],
      ['Username', profile.username],
      ['Dialplan', profile.dialplan],
      ['Caller-ID-Name', profile.callerName],
      ['Caller-ID-Number', profile.callerNumber],
      ['Orig-Caller-ID-Name', profile.originalCallerName],
      ['Orig-Caller-ID-Number', profile.originalCallerNumber],
      ['Callee-ID-Name', profile.calleeName],
      ['Callee-ID-Number', profile.calleeNumber],
      ['Network-Addr', profile.networkAddress],
      ['ANI', profile.ani],
      ['Destination-Number', profile.destination],
      ['Unique-ID', this.uuid],
      ['Source', profile.source],
      ['Context', profile.context],
      ['Channel-Name', this.name],
      ...(prefix === 'Caller' ? ([['Profile-Index', '1']] satisfies [string, string][]) : []),
      ['Profile-Created-Time', String(times.created)],
      ['Channel-Created-Time', String(times.created)],
      ['Channel-Answered-Time', String(times.answered)],
      ['Channel-Progress-Time', String(times.progress)],
      ['Channel-Progress-Media-Time', String(times.progressMedia)],
      ['Channel-Hangup-Time', String(times.hangup)],
      ['Channel-Transfer-Time', String(times.transfer)],
      ['Channel-Resurrect-Time', '0'],
      ['Channel-Bridged-Time', String(times.bridged)],
      ['Channel-Last-Hold', String(times.lastHold)],
      ['Channel-Hold-Accum', String(times.holdAccumulated)],
      ['Screen-Bit', 'true'],
      ['Privacy-Hide-Name', 'false'],
      ['Privacy-Hide-Number', 'false'],
    ];
    const headers: Headers = [];
    for (const [name, value] of fields) {
      if (value !== undefined && value !== '') headers.push([`${prefix}-${name}`, value]);
    }
    return headers;
  }
}

/** Puts variables into text: `${name}`; what is not set becomes nothing. */
export function expandVariables(channel: Channel, text: string): string {
  if (!text.includes('${')) return text;
  return text.replace(/\$\{([^{}()]+)\}/g, (_whole, name: string) => channel.get(name.trim()) ?? '');
}
