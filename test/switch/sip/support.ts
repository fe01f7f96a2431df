import { once } from 'node:events';
import type { SipMessage } from '../../../src/kernel/sip/message.ts';
import type {
  ClientTransaction,
  Dialog,
  HostPort,
  ServerTransaction,
  SipEndpoint,
} from '../../../src/switch/sip/api.ts';
import { createSipEndpoint } from '../../../src/switch/sip/endpoint.ts';
import { eventually } from '../../support/poll.ts';

export { RawPeer, type RawRequest, tagOf } from '../../support/raw-peer.ts';

export const sdp =
  'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';

type Options = Partial<Parameters<typeof createSipEndpoint>[0]>;

/** A started endpoint on loopback, UDP and TCP, with fast timers. */
export async function startEndpoint(options: Options = {}): Promise<SipEndpoint> {
  const endpoint = createSipEndpoint({
    listen: [
      { protocol: 'udp', address: '127.0.0.1', port: 0 },
      { protocol: 'tcp', address: '127.0.0.1', port: 0 },
    ],
    userAgent: 'test',
    t1Ms: 20,
    ...options,
  });
  await endpoint.start();
  return endpoint;
}

export function addressOf(endpoint: SipEndpoint, protocol: 'udp' | 'tcp' = 'udp'): HostPort {
  const address = endpoint.addresses.find((each) => each.protocol === protocol);
  if (!address) throw new Error(`no ${protocol} socket`);
  return address;
}

export function uriOf(endpoint: SipEndpoint, protocol: 'udp' | 'tcp' = 'udp', user = 'desk'): string {
  const { address, port } = addressOf(endpoint, protocol);
  return `sip:${user}@${address}:${port}${protocol === 'tcp' ? ';transport=tcp' : ''}`;
}

/** Waits until nothing is left: no dialog, no transaction. */
export async function settled(...endpoints: SipEndpoint[]): Promise<void> {
  for (const endpoint of endpoints) {
    await eventually(
      `nothing left, ${JSON.stringify(endpoint.counts)}`,
      () => {
        const { dialogs, clientTransactions, serverTransactions } = endpoint.counts;
        return dialogs + clientTransactions + serverTransactions === 0;
      },
      { timeoutMs: 10_000 },
    );
  }
}

/** All answers to a request, as they come. */
export function answersTo(
  transaction: ClientTransaction,
): { status: number; message: SipMessage; dialog?: Dialog; local: boolean }[] {
  const answers: { status: number; message: SipMessage; dialog?: Dialog; local: boolean }[] = [];
  transaction.on('response', (message, info) => {
    answers.push({
      status: message.status ?? 0,
      message,
      local: info.local,
      ...(info.dialog ? { dialog: info.dialog } : {}),
    });
  });
  return answers;
}

/** Waits for the final answer. */
export async function finalOf(
  transaction: ClientTransaction,
): Promise<{ message: SipMessage; dialog?: Dialog; local: boolean; raw: string }> {
  return new Promise((resolve) => {
    transaction.on('response', (message, { dialog, local, raw }) => {
      if ((message.status ?? 0) >= 200) resolve({ message, local, raw, ...(dialog ? { dialog } : {}) });
    });
  });
}

/** The next request that comes to an endpoint outside a dialog. */
export async function nextRequest(endpoint: SipEndpoint): Promise<ServerTransaction> {
  const [transaction] = await once(endpoint, 'request');
  return transaction as ServerTransaction;
}
