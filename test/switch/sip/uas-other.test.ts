import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { header } from '../../../src/kernel/sip/message.ts';
import type { ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, RawPeer, settled, startEndpoint } from './support.ts';

let endpoint: SipEndpoint;
let peer: RawPeer;
let seen: ServerTransaction[];

beforeEach(async () => {
  endpoint = await startEndpoint();
  peer = await RawPeer.open(addressOf(endpoint));
  seen = [];
  endpoint.on('request', (transaction) => seen.push(transaction));
});
afterEach(async () => {
  peer.close();
  await endpoint.stop();
});

const next = (): Promise<ServerTransaction> => eventually('a request', () => seen[0]);

describe('other requests', () => {
  it('that nobody answers end without an answer (RFC 4320)', async () => {
    peer.request('MESSAGE');
    const message = await next();
    await settled(endpoint);
    expect(peer.received).toHaveLength(0);
    expect(() => message.respond(200)).toThrow('already');
  });

  it('get one answer for all their copies', async () => {
    const text = peer.text('OPTIONS');
    for (let i = 0; i < 3; i++) peer.send(text);
    (await next()).respond(200);
    peer.send(text);
    await peer.status(200, 2);
    expect(seen).toHaveLength(1);
    await settled(endpoint);
  });

  it('without a listener: OPTIONS 200, INVITE 503', async () => {
    endpoint.removeAllListeners('request');
    peer.request('OPTIONS');
    expect(header(await peer.status(200), 'Allow')).toContain('INVITE');
    peer.request('INVITE');
    await peer.status(503);
    await settled(endpoint);
  });
});
