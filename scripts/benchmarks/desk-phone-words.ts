/** What the phones of the bench tell. Times: ms of the machine's monotonic clock, the same in every process. */
export type PhoneReport =
  | { type: 'ready'; port: number }
  | { type: 'invite'; agentId: string; atMs: number }
  | { type: 'ended'; agentId: string };

export const phonePassword = 'bench-phone';

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
