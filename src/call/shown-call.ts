import type { CallShown } from '../desk/call-shown.ts';
import type { DeskTicket } from '../desk/desk.ts';

/** Changes of what is shown; undefined takes it away. */
export type ShownChange = { [Field in keyof CallShown]: CallShown[Field] | undefined };

/** What those who watch see of a call beyond its place at the desk, told to the desk where it changes. */
export class ShownCall {
  readonly #ticket: () => Pick<DeskTicket, 'show'> | undefined;
  #shown: CallShown = {};

  constructor(ticket: () => Pick<DeskTicket, 'show'> | undefined) {
    this.#ticket = ticket;
  }

  /** The rest stays as it was. */
  change(change: ShownChange): void {
    const before = JSON.stringify(this.#shown);
    const entries = Object.entries({ ...this.#shown, ...change });
    this.#shown = Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== false));
    if (JSON.stringify(this.#shown) !== before) this.tell();
  }

  /** Once more: to a desk that does not know it. */
  tell(): void {
    this.#ticket()?.show(this.#shown);
  }
}
