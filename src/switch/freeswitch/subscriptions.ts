import { EVENT_NAMES } from './event-names.ts';
import type { SwitchEvent } from './events.ts';

export type EventFormat = 'plain' | 'json' | 'xml';

interface Filter {
  header: string;
  value: string;
}

const MAX_FILTERS = 10_000;

/** What one event-socket connection wants to hear: names, CUSTOM subclasses, and filters over header values. */
export class Subscriptions {
  format: EventFormat = 'plain';
  #all = false;
  readonly #names = new Set<string>();
  readonly #subclasses = new Set<string>();
  #filters: Filter[] = [];
  /** Set by `myevents <uuid>`: nothing but this channel's events. */
  #onlyChannel: string | undefined;

  get onlyChannel(): string | undefined {
    return this.#onlyChannel;
  }

  /** `event <format> <names>`; false when no name in it is known. */
  add(words: string[]): boolean {
    let known = false;
    let custom = false;
    words.forEach((word, index) => {
      const lower = word.toLowerCase();
      if (index === 0 && (lower === 'plain' || lower === 'json' || lower === 'xml')) {
        this.format = lower;
        return;
      }
      const name = word.toUpperCase();
      if (custom) this.#subclasses.add(word);
      else if (name === 'ALL') this.#all = true;
      else if (EVENT_NAMES.has(name)) this.#names.add(name);
      else return;
      custom ||= name === 'CUSTOM';
      known = true;
    });
    return known;
  }

  /** `nixevent <names>`; false when no name in it is known. */
  remove(words: string[]): boolean {
    let known = false;
    let custom = false;
    for (const word of words) {
      const name = word.toUpperCase();
      if (custom) this.#subclasses.delete(word);
      else if (name === 'ALL') this.clear();
      else if (EVENT_NAMES.has(name)) this.#forget(name);
      else continue;
      custom ||= name === 'CUSTOM';
      known = true;
    }
    return known;
  }

  /** With `ALL` subscribed, one name less means all the others. */
  #forget(name: string): void {
    if (this.#all) {
      this.#all = false;
      for (const other of EVENT_NAMES) this.#names.add(other);
    }
    this.#names.delete(name);
  }

  clear(): void {
    this.#all = false;
    this.#names.clear();
    this.#subclasses.clear();
    this.#onlyChannel = undefined;
  }

  only(uuid: string): void {
    this.#onlyChannel = uuid;
    this.#all = true;
  }

  /** @throws RangeError when there are too many. */
  addFilter(header: string, value: string): void {
    if (this.#filters.length >= MAX_FILTERS) throw new RangeError('too many filters');
    this.#filters.push({ header: header.toLowerCase(), value });
  }

  /** `all`, a header's filters, or one of them. */
  deleteFilter(header: string, value: string | undefined): void {
    const name = header.toLowerCase();
    this.#filters = this.#filters.filter(
      (filter) => name !== 'all' && (filter.header !== name || (value !== undefined && filter.value !== value)),
    );
  }

  wants(name: string, subclass: string | undefined): boolean {
    if (this.#all) return true;
    if (!this.#names.has(name)) return false;
    return name !== 'CUSTOM' || subclass === undefined || this.#subclasses.has(subclass);
  }

  /** Any filter that matches lets an event pass; one with a leading `-` that matches keeps it out. */
  passes(event: SwitchEvent): boolean {
    if (this.#onlyChannel !== undefined && headerOf(event, 'unique-id') !== this.#onlyChannel) return false;
    if (this.#filters.length === 0) return true;
    let passes = false;
    for (const filter of this.#filters) {
      const value = headerOf(event, filter.header);
      if (value === undefined) continue;
      const [, signs = '', wanted = ''] = /^([+\- ]*)(.*)$/s.exec(filter.value) ?? [];
      if (!matches(value, wanted)) continue;
      if (signs.endsWith('-')) return false;
      passes = true;
    }
    return passes;
  }
}

function headerOf(event: SwitchEvent, lowerName: string): string | undefined {
  return event.headers.find(([name]) => name.length === lowerName.length && name.toLowerCase() === lowerName)?.[1];
}

/** `/…/` is a regular expression, anything else is compared without regard to case. */
function matches(value: string, wanted: string): boolean {
  const pattern = /^\/(.*)\/[a-z]*$/s.exec(wanted)?.[1];
  if (pattern === undefined) return value.toLowerCase() === wanted.toLowerCase();
  try {
    return new RegExp(pattern).test(value);
  } catch {
    return false;
  }
}
