import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { EVENT_SOURCES } from './event-names.ts';
import { gmtTime, localTime, nowMicros } from './time.ts';

export type Headers = [name: string, value: string][];

/** An event as the event socket shows it. */
export interface SwitchEvent {
  name: string;
  /** `Event-Subclass` of a CUSTOM event. */
  subclass?: string;
  headers: Headers;
  body?: string;
}

export interface EventListener {
  /** True when it would take an event of this name: only then is one built. */
  wants(name: string, subclass: string | undefined): boolean;
  take(event: SwitchEvent): void;
}

/**
 * Gives each event its common headers and hands it to the listeners. An event has some 150 headers, so one that nobody
 * subscribed to is never built.
 */
export class EventBus {
  /** Names this process: a restart shows as a new one. */
  readonly coreUuid = randomUUID();
  readonly hostname = hostname();
  /** Variables that every channel has unless it sets its own. */
  readonly globals = new Map<string, string>();
  readonly #listeners = new Set<EventListener>();
  readonly #address: string;
  #sequence = 0;

  /** @param address what `FreeSWITCH-IPv4` says. */
  constructor(address: string) {
    this.#address = address;
  }

  add(listener: EventListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: EventListener): void {
    this.#listeners.delete(listener);
  }

  /** Fires an event; `build` gives the headers of its own and runs at most once. */
  fire(name: string, build: () => Headers, options: { subclass?: string; body?: string } = {}): void {
    this.#sequence += 1;
    let event: SwitchEvent | undefined;
    for (const listener of this.#listeners) {
      if (!listener.wants(name, options.subclass)) continue;
      event ??= { name, headers: [...this.commonHeaders(name, options.subclass), ...build()], ...options };
      listener.take(event);
    }
  }

  /** `Event-Name`, `Core-UUID` and so on, in FreeSWITCH's order. */
  commonHeaders(name: string, subclass?: string): Headers {
    const now = nowMicros();
    const source = EVENT_SOURCES[name] ?? ['switch_event.c', 'switch_event_fire', 1];
    const headers: Headers = [
      ['Event-Name', name],
      ['Core-UUID', this.coreUuid],
      ['FreeSWITCH-Hostname', this.hostname],
      ['FreeSWITCH-Switchname', this.hostname],
      ['FreeSWITCH-IPv4', this.#address],
      ['FreeSWITCH-IPv6', '::1'],
      ['Event-Date-Local', localTime(now)],
      ['Event-Date-GMT', gmtTime(now)],
      ['Event-Date-Timestamp', String(now)],
      ['Event-Calling-File', source[0]],
      ['Event-Calling-Function', source[1]],
      ['Event-Calling-Line-Number', String(source[2])],
      ['Event-Sequence', String(this.#sequence)],
    ];
    if (subclass !== undefined) headers.splice(1, 0, ['Event-Subclass', subclass]);
    return headers;
  }
}

/** What FreeSWITCH percent-encodes in the plain format; bytes outside printable ASCII are encoded too. */
const UNSAFE = new Set('\r\n #%&+:;<=>?@[\\]^`{|}"');

/** Percent-encodes a header value, byte by byte of its UTF-8. */
export function urlEncode(value: string): string {
  // Most values need nothing: the scan is cheaper than building a copy.
  if (!/[^\x21-\x7e]|["#%&+:;<=>?@[\\\]^`{|}]/.test(value)) return value;
  let encoded = '';
  for (const byte of Buffer.from(value)) {
    const character = String.fromCharCode(byte);
    const plain = byte >= 0x20 && byte <= 0x7e && !UNSAFE.has(character);
    encoded += plain ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** The body of a `text/event-plain` message. `encode` is off where a person reads it (`uuid_dump`). */
export function plainText(event: SwitchEvent, encode = true): string {
  const lines = event.headers.map(([name, value]) => `${name}: ${encode ? urlEncode(value) : value}\n`).join('');
  if (event.body === undefined) return `${lines}\n`;
  return `${lines}Content-Length: ${Buffer.byteLength(event.body)}\n\n${event.body}`;
}

/** The body of a `text/event-json` message. */
export function jsonText(event: SwitchEvent): string {
  const fields: Record<string, string> = Object.fromEntries(event.headers);
  if (event.body !== undefined) {
    fields['Content-Length'] = String(Buffer.byteLength(event.body));
    fields['_body'] = event.body;
  }
  return JSON.stringify(fields);
}
