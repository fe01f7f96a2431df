import { afterEach, expect, it } from 'vitest';
import { header } from '../../../src/kernel/sip/message.ts';
import { parseVia } from '../../../src/kernel/sip/uri.ts';
import type { SipEndpoint, SipEndpointOptions } from '../../../src/switch/sip/api.ts';
import { Transports } from '../../../src/switch/sip/transport/transports.ts';
import { addressOf, finalOf, nextRequest, startEndpoint, uriOf } from './support.ts';

const open: SipEndpoint[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((endpoint) => endpoint.stop()));
});

/** What a loopback peer is told to send to. */
async function toldTo(
  options: Partial<SipEndpointOptions>,
  uri?: string,
): Promise<{ contact: string; via: string; own: number }> {
  const [from, to] = [await startEndpoint(options), await startEndpoint()];
  open.push(from, to);
  const incoming = nextRequest(to);
  from.request({ method: 'SUBSCRIBE', uri: uri ?? uriOf(to), destination: addressOf(to) });
  const { request } = await incoming;
  return {
    contact: header(request, 'Contact') ?? '',
    via: parseVia(header(request, 'Via') ?? '')?.host ?? '',
    own: addressOf(from).port,
  };
}

const listen = (address: string): SipEndpointOptions['listen'] => [{ protocol: 'udp', address, port: 0 }];

it('tells peers the bound address, or the public one', async () => {
  const bound = await toldTo({ listen: listen('127.0.0.1'), contactUser: 'me' });
  expect([bound.contact, bound.via]).toEqual([`<sip:me@127.0.0.1:${bound.own}>`, '127.0.0.1']);
  const told = await toldTo({ listen: listen('127.0.0.1'), publicAddress: '192.0.2.7' });
  expect([told.contact, told.via]).toEqual([`<sip:192.0.2.7:${told.own}>`, '192.0.2.7']);
});

it('chooses what to tell by where it is bound and whom it tells', () => {
  const sentBy = (bound: string, publicAddress: string | undefined, peer: string): string =>
    new Transports([{ protocol: 'udp', address: bound, port: 5070 }], publicAddress, 65_535, () => undefined).sentBy({
      protocol: 'udp',
      address: peer,
      port: 5060,
    });
  expect(sentBy('0.0.0.0', '192.0.2.7', '127.0.0.1')).toBe('127.0.0.1:5070');
  expect(sentBy('0.0.0.0', '192.0.2.7', '198.51.100.1')).toBe('192.0.2.7:5070');
  expect(sentBy('0.0.0.0', undefined, '198.51.100.1')).toMatch(/^\d+\.\d+\.\d+\.\d+:5070$/);
  expect(sentBy('0.0.0.0', undefined, '198.51.100.1')).not.toContain('0.0.0.0');
  expect(sentBy('::', undefined, '::1')).toBe('[::1]:5070');
  expect(sentBy('2001:db8::5', undefined, '2001:db8::9')).toBe('[2001:db8::5]:5070');
});

it('sends to the destination given, whatever the URI; or to the first Route', async () => {
  await toldTo({}, 'sip:someone@example.invalid');
  const [from, to] = [await startEndpoint(), await startEndpoint()];
  open.push(from, to);
  const incoming = nextRequest(to);
  const route = `<sip:127.0.0.1:${addressOf(to).port};lr>`;
  const final = finalOf(from.request({ method: 'MESSAGE', uri: 'sip:a@example.invalid', headers: { Route: route } }));
  const transaction = await incoming;
  transaction.respond(202);
  expect([header(transaction.request, 'Route'), transaction.request.uri]).toEqual([route, 'sip:a@example.invalid']);
  expect((await final).message.status).toBe(202);
});

it('looks names up', async () => {
  const [from, to] = [await startEndpoint(), await startEndpoint()];
  open.push(from, to);
  const uri = `sip:a@localhost:${addressOf(to).port}`;
  expect((await finalOf(from.request({ method: 'OPTIONS', uri }))).message.status).toBe(200);
});
