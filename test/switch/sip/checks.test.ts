import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { header } from '../../../src/kernel/sip/message.ts';
import type { ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, RawPeer, type RawRequest, settled, startEndpoint } from './support.ts';

let endpoint: SipEndpoint;
let peer: RawPeer;
let seen: ServerTransaction[];

beforeEach(async () => {
  endpoint = await startEndpoint();
  peer = await RawPeer.open(addressOf(endpoint));
  seen = [];
  endpoint.on('request', (transaction) => {
    seen.push(transaction);
    transaction.respond(transaction.request.method === 'INVITE' ? 486 : 200);
  });
});
afterEach(async () => {
  peer.close();
  await endpoint.stop();
});

type Change = (text: string) => string;
const line =
  (name: string, value: string): Change =>
  (text) =>
    text.replace(new RegExp(`^${name}:.*$`, 'm'), `${name}: ${value}`);
const without =
  (name: string): Change =>
  (text) =>
    text.replace(new RegExp(`^${name}:.*\r\n`, 'm'), '');

/** Requests that are refused before the application sees them. */
const refused: [what: string, status: number, method: string, options: RawRequest, change?: Change][] = [
  ['an unknown method', 405, 'FLY', {}],
  ['an extension we lack', 420, 'INVITE', { extra: ['Require: nothingSupportsThis, timer', 'Require: nor-this'] }],
  ['a To tag of no dialog', 481, 'BYE', { toTag: 'gone' }],
  ['a re-INVITE of no dialog', 481, 'INVITE', { toTag: 'gone' }],
  ['another SIP version', 505, 'INVITE', {}, (text) => text.replace('SIP/2.0\r\nVia', 'SIP/7.0\r\nVia')],
  ['another URI scheme', 416, 'OPTIONS', { uri: 'soap.beep://192.0.2.103:3002' }],
  ['a broken URI', 400, 'INVITE', { uri: 'sip:desk@' }],
  ['a bracketed URI', 400, 'INVITE', { uri: '<sip:desk@127.0.0.1>' }],
  ['a CSeq of another method', 400, 'INVITE', { cseqMethod: 'OPTIONS' }],
  ['a CSeq beyond 2^31', 400, 'INVITE', { cseq: 36893488147 }],
  ['a CSeq that is no number', 400, 'INVITE', {}, line('CSeq', 'one INVITE')],
  ['Max-Forwards beyond 255', 400, 'INVITE', {}, line('Max-Forwards', '300')],
  ['two From headers', 400, 'INVITE', { extra: ['f: <sip:other@example.com>;tag=2'] }],
  ['an open quote in To', 400, 'INVITE', {}, line('To', '"Mr. J. User <sip:j.user@example.com>')],
  ['separators too many', 400, 'INVITE', {}, line('From', '<sip:a@b>;;tag=1')],
  ['an INVITE without Contact', 400, 'INVITE', {}, without('Contact')],
  ['an INVITE with two Contacts', 400, 'INVITE', { extra: ['m: <sip:b@127.0.0.1>'] }],
  ['an INVITE with two Contacts on a line', 400, 'INVITE', {}, line('Contact', '<sip:a@b>, <sip:c@d>')],
  ['a Contact for all', 400, 'INVITE', {}, line('Contact', '*')],
  ['a Contact that is no SIP address', 400, 'INVITE', {}, line('Contact', '<tel:+81312345678>')],
  ['an INVITE whose From has no tag', 400, 'INVITE', {}, line('From', '<sip:a@b>')],
  ['an INVITE without Call-ID', 400, 'INVITE', {}, without('Call-ID')],
  ['an INVITE without From', 400, 'INVITE', {}, without('From')],
  ['an INVITE without CSeq', 400, 'INVITE', {}, without('CSeq')],
  ['two Content-Types', 400, 'INVITE', { extra: ['c: text/plain', 'c: application/sdp'] }],
  ['no empty line', 400, 'INVITE', {}, (text) => text.slice(0, -2)],
  ['a line that is no header', 400, 'OPTIONS', { extra: ['no header at all'] }],
  ['a body shorter than it says', 400, 'MESSAGE', { extra: ['l: 40'] }],
  ['a session refreshed too often', 422, 'INVITE', { extra: ['Session-Expires: 30', 'Supported: timer'] }],
];

describe('refused by the core (RFC 3261 8.2)', () => {
  it.each(refused)('%s: %i', async (_what, status, method, options, change = (text) => text) => {
    const text = change(peer.text(method, options));
    peer.send(text);
    const first = await peer.status(status);
    peer.send(text);
    const second = await peer.status(status, 2);
    expect(header(second, 'To')).toBe(header(first, 'To'));
    if (status === 405) expect(header(first, 'Allow')).toContain('REGISTER');
    if (status === 420) expect(header(first, 'Unsupported')).toBe('nothingSupportsThis, nor-this');
    if (status === 422) expect(header(first, 'Min-SE')).toBe('90');
    expect(seen).toHaveLength(0);
    await settled(endpoint);
  });

  it('the same request over another way gets 482 (8.2.2.2)', async () => {
    endpoint.removeAllListeners('request');
    endpoint.on('request', (transaction) => seen.push(transaction));
    peer.request('INVITE', { branch: 'z9hG4bKway1' });
    peer.request('INVITE', { branch: 'z9hG4bKway2' });
    await peer.status(482);
    expect(seen).toHaveLength(1);
  });

  it('too many at once get 503', async () => {
    await endpoint.stop();
    endpoint = await startEndpoint({ maxServerTransactions: 2 });
    endpoint.on('request', (transaction) => seen.push(transaction));
    const flood = await RawPeer.open(addressOf(endpoint));
    for (let cseq = 1; cseq <= 3; cseq++) flood.request('MESSAGE', { cseq });
    expect(header(await flood.status(503), 'Retry-After')).toBe('10');
    expect(seen).toHaveLength(2);
    flood.close();
  });
});

describe('taken', () => {
  it.each(['REGISTER', 'REFER', 'SUBSCRIBE', 'NOTIFY', 'MESSAGE', 'PUBLISH', 'INFO', 'OPTIONS'])(
    '%s goes up',
    async (method) => {
      peer.request(method);
      const ok = await peer.status(200);
      expect(seen.map(({ request }) => request.method)).toEqual([method]);
      if (method === 'REGISTER') expect(header(ok, 'Contact')).toBeUndefined();
    },
  );

  it('only the methods asked for, where they are limited', async () => {
    await endpoint.stop();
    endpoint = await startEndpoint({ allow: ['INVITE', 'ACK', 'BYE', 'CANCEL', 'OPTIONS'], supported: ['path'] });
    const other = await RawPeer.open(addressOf(endpoint));
    other.request('REGISTER');
    expect(header(await other.status(405), 'Allow')).toBe('INVITE, ACK, BYE, CANCEL, OPTIONS');
    other.request('INVITE', { extra: ['Require: timer'] });
    expect(header(await other.status(420), 'Unsupported')).toBe('timer');
    other.close();
  });

  it('OPTIONS without hops left (RFC 3261 11)', async () => {
    peer.send(line('Max-Forwards', '0')(peer.text('OPTIONS')));
    await peer.status(200);
  });

  it.each(['\r\n', '\r\n\r\n\r\n\r\n', ' \t\r\n'])('a request behind %j', async (before) => {
    peer.send(`${before}${peer.text('OPTIONS')}`);
    await peer.status(200);
  });

  it('a tel URI, compact headers, folded lines, several Vias on a line', async () => {
    const text = [
      'INVITE tel:+81312345678 SIP/2.0',
      `v: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKa;rport, SIP/2.0/UDP b.example.com;branch=z9hG4bKb`,
      'v: SIP/2.0/TCP c.example.com;branch=z9hG4bKc',
      'f: sip:a@example.com;tag=1',
      't:',
      ' <tel:+81312345678>',
      'i: x',
      'CSeq: 1',
      '\tINVITE',
      'm: <sip:a@127.0.0.1>',
      '',
      '',
    ].join('\r\n');
    peer.send(text);
    const busy = await peer.status(486);
    expect(busy.headers.filter(([name]) => name === 'Via').map(([, value]) => value)).toEqual([
      `SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKa;rport=${peer.port};received=127.0.0.1`,
      'SIP/2.0/UDP b.example.com;branch=z9hG4bKb',
      'SIP/2.0/TCP c.example.com;branch=z9hG4bKc',
    ]);
    // What the next reader gets: the same in one spelling.
    expect(seen[0]?.raw).toMatch(/^INVITE tel:\+81312345678 SIP\/2\.0\r\nVia: .*\r\nVia: .*b\r\nVia: .*c\r\n/);
    expect(seen[0]?.raw).toContain(
      'From: <sip:a@example.com>;tag=1\r\nTo: <tel:+81312345678>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n',
    );
  });

  it('a branch of RFC 2543, matched by the whole of the request', async () => {
    const text = peer.text('INVITE', { branch: 'old', uri: 'sip:desk@127.0.0.1' });
    peer.send(text);
    peer.send(text);
    await peer.status(486, 2);
    expect(seen).toHaveLength(1);
    peer.send(peer.text('ACK', { branch: 'old', uri: 'sip:desk@127.0.0.1' }));
    await settled(endpoint);
  });
});

describe('answers go (RFC 3261 18.2.2, RFC 3581)', () => {
  it('to the port in the Via without rport, with received where the host differs', async () => {
    const other = await RawPeer.open(addressOf(endpoint));
    const text = peer
      .text('OPTIONS')
      .replace(/^Via:.*$/m, `Via: SIP/2.0/UDP phone.invalid:${other.port};branch=z9hG4bKv`);
    peer.send(text);
    expect(header(await other.status(200), 'Via')).toBe(
      `SIP/2.0/UDP phone.invalid:${other.port};branch=z9hG4bKv;received=127.0.0.1`,
    );
    other.close();
  });

  it('to the source with rport, whatever the Via says', async () => {
    peer.send(peer.text('OPTIONS').replace(/^Via:.*$/m, 'Via: SIP/2.0/UDP 192.0.2.1:9;rport;branch=z9hG4bKr'));
    expect(header(await peer.status(200), 'Via')).toBe(
      `SIP/2.0/UDP 192.0.2.1:9;rport=${peer.port};branch=z9hG4bKr;received=127.0.0.1`,
    );
  });
});

it('drops what can not be answered', async () => {
  for (const text of [
    '',
    '\r\n\r\n',
    'hello',
    'INVITE sip:a@b SIP/2.0\r\n\r\n',
    without('Via')(peer.text('INVITE')),
    'SIP/2.0 200 OK\r\n\r\n',
    peer.text('ACK', { toTag: 'none' }),
  ]) {
    peer.send(text);
  }
  peer.request('OPTIONS');
  await peer.status(200);
  await eventually('only that', () => seen.length === 1);
  expect(peer.received).toHaveLength(1);
});
