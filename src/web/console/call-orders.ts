/** To whom a caller is transferred. */
export type TransferTo =
  | { type: 'person'; personId: string }
  | { type: 'agent'; agentId: string }
  | { type: 'queue'; queueId: string }
  | { type: 'number'; number: string };

/** What the page can ask of a call in progress. */
export type CallOrder =
  | { type: 'hold'; held: boolean }
  | { type: 'transfer'; to: TransferTo }
  | { type: 'cancel-transfer' }
  | { type: 'recording'; paused: boolean }
  | { type: 'end' }
  | { type: 'move'; queueId: string; first?: boolean }
  | { type: 'listen'; mode: 'listen' | 'whisper' | 'join' }
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
