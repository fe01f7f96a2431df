import type { CallOrder as DeskOrder, TransferTarget } from '../../desk/call-orders.ts';

/** To whom a caller is transferred: the API looks up the number of a person on the card. */
export type TransferTo = TransferTarget | { type: 'person'; personId: string };

/** What the page can ask of a call in progress: who asks the API knows. */
export type CallOrder =
  | Exclude<DeskOrder, { type: 'transfer' | 'listen' | 'stop-listening' }>
  | { type: 'transfer'; to: TransferTo }
  | { type: 'listen'; mode: Extract<DeskOrder, { type: 'listen' }>['mode'] }
  | { type: 'stop-listening' };

/** The order as the API takes it. */
export function requestFor(callId: string, order: CallOrder): { method: string; path: string; body?: object } {
  const { type, ...body } = order;
  const path = (name: string) => `/desk/calls/${encodeURIComponent(callId)}/${name}`;
  if (type === 'cancel-transfer') return { method: 'DELETE', path: path('transfer') };
  if (type === 'stop-listening') return { method: 'DELETE', path: path('listen') };
  if (type === 'end') return { method: 'POST', path: path('end') };
  return { method: 'POST', path: path(type), body };
}
