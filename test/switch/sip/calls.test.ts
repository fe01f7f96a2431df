import { afterEach, describe, expect, it } from 'vitest';
import { header } from '../../../src/kernel/sip/message.ts';
import type { Dialog, ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, answersTo, finalOf, nextRequest, sdp, settled, startEndpoint, uriOf } from './support.ts';

let open: SipEndpoint[] = [];
afterEach(async () => {
  await Promise.all(open.map((endpoint) => endpoint.stop()));
  open = [];
});

async function pair(): Promise<[caller: SipEndpoint, callee: SipEndpoint]> {
  open = [await startEndpoint({ contactUser: 'caller' }), await startEndpoint({ contactUser: 'callee' })];
  return open as [SipEndpoint, SipEndpoint];
}

/** A call from one endpoint to the other, answered and acknowledged. */
async function call(caller: SipEndpoint, callee: SipEndpoint, protocol: 'udp' | 'tcp' = 'udp') {
  const incoming = nextRequest(callee);
  const invite = caller.request({ method: 'INVITE', uri: uriOf(callee, protocol), body: sdp });
  const answer = finalOf(invite);
  const transaction = await incoming;
  transaction.respond(180);
  const acked = new Promise((resolve) => transaction.once('ack', resolve));
  const { dialog: theirs } = transaction.respond(200, { body: sdp });
  const { dialog: ours } = await answer;
  if (!ours || !theirs) throw new Error('no dialog');
  ours.ack();
  await acked;
  return { ours, theirs, transaction, invite };
}

const ending = (dialog: Dialog): Promise<string> => new Promise((resolve) => dialog.once('terminated', resolve));
const answerAll = (dialog: Dialog, status = 200): ServerTransaction[] => {
  const seen: ServerTransaction[] = [];
  dialog.on('request', (transaction) => {
    seen.push(transaction);
    transaction.respond(status);
  });
  return seen;
};

describe.each(['udp', 'tcp'] as const)('a call over %s', (protocol) => {
  it('is set up, and ended by the caller', async () => {
    const [caller, callee] = await pair();
    const { ours, theirs, transaction } = await call(caller, callee, protocol);
    expect(transaction.source.protocol).toBe(protocol);
    expect([ours.state, theirs.state, ours.role, theirs.role]).toEqual(['confirmed', 'confirmed', 'uac', 'uas']);
    expect(ours.localTag).toBe(theirs.remoteTag);
    expect(callee.findDialog(theirs.id)).toBe(theirs);
    answerAll(theirs);
    const ends = Promise.all([ending(ours), ending(theirs)]);
    const bye = ours.request({ method: 'BYE' });
    expect((await finalOf(bye)).message.status).toBe(200);
    expect(await ends).toEqual(['local-bye', 'remote-bye']);
    await settled(caller, callee);
  });

  it('is ended by the callee, and the BYE is answered where nobody listens', async () => {
    const [caller, callee] = await pair();
    const { ours, theirs } = await call(caller, callee, protocol);
    const ends = Promise.all([ending(ours), ending(theirs)]);
    expect((await finalOf(theirs.request({ method: 'BYE' }))).message.status).toBe(200);
    expect(await ends).toEqual(['remote-bye', 'local-bye']);
    await settled(caller, callee);
    if (protocol === 'tcp') expect(caller.counts.tcpConnections).toBeLessThanOrEqual(2);
  });

  it('is refused', async () => {
    const [caller, callee] = await pair();
    callee.on('request', (transaction) => transaction.respond(486, { headers: { 'X-Why': 'busy' } }));
    const invite = caller.request({ method: 'INVITE', uri: uriOf(callee, protocol), body: sdp });
    const { message, dialog, local } = await finalOf(invite);
    expect([message.status, message.reason, header(message, 'X-Why')]).toEqual([486, 'Busy Here', 'busy']);
    expect([dialog, local]).toEqual([undefined, false]);
    await settled(caller, callee);
  });

  it('is cancelled while it rings', async () => {
    const [caller, callee] = await pair();
    const incoming = nextRequest(callee);
    const invite = caller.request({ method: 'INVITE', uri: uriOf(callee, protocol), body: sdp });
    const answers = answersTo(invite);
    invite.cancel({ Reason: 'SIP;cause=200' });
    const transaction = await incoming;
    const reason = new Promise((resolve) => transaction.once('cancel', (cancel) => resolve(header(cancel, 'Reason'))));
    const early = transaction.respond(180).dialog;
    expect(await reason).toBe('SIP;cause=200');
    expect(transaction.finalStatus).toBe(487);
    expect(early?.state).toBe('terminated');
    expect(() => transaction.respond(200)).toThrow('answered 487 already');
    await eventually('487', () => answers.at(-1)?.status === 487);
    await settled(caller, callee);
  });
});

it('carries what each side adds, and fills in the rest', async () => {
  const [caller, callee] = await pair();
  const incoming = nextRequest(callee);
  const invite = caller.request({
    method: 'INVITE',
    uri: uriOf(callee),
    headers: {
      From: '"電話" <sip:a@example.com>',
      'X-Two': ['1', '2'],
      'P-Evil': 'a\r\nInjected: yes',
      'call-id': 'given',
    },
    body: sdp,
  });
  const { request, raw, source } = await incoming;
  expect(raw).toContain('\r\nX-Two: 1\r\nX-Two: 2\r\n');
  // As it was sent, with where it came from (RFC 3261 18.2.1, RFC 3581 4).
  const cameFrom = /;rport=\d+(?=;branch)|;received=127\.0\.0\.1/g;
  expect(raw.replace(cameFrom, (part) => (part.startsWith(';rport') ? ';rport' : ''))).toBe(invite.sent.raw);
  expect(header(request, 'Injected')).toBeUndefined();
  expect(header(request, 'From')).toMatch(/^"電話" <sip:a@example.com>;tag=\w+$/);
  expect(header(request, 'i')).toBe('given');
  expect(header(request, 'Contact')).toBe(`<sip:caller@127.0.0.1:${addressOf(caller).port}>`);
  expect(header(request, 'Content-Type')).toBe('application/sdp');
  expect(source).toEqual(addressOf(caller));
  expect(request.body).toBe(sdp);
});

it('takes requests in the dialog both ways, in order', async () => {
  const [caller, callee] = await pair();
  const { ours, theirs } = await call(caller, callee);
  const seen = answerAll(theirs);
  answerAll(ours, 202);
  expect(
    (await finalOf(ours.request({ method: 'INFO', body: '5', headers: { 'Content-Type': 'text/plain' } }))).message
      .status,
  ).toBe(200);
  expect(
    (await finalOf(theirs.request({ method: 'REFER', headers: { 'Refer-To': '<sip:x@y>' } }))).message.status,
  ).toBe(202);
  const reinvite = ours.request({ method: 'INVITE', body: sdp });
  const { dialog } = await finalOf(reinvite);
  expect(dialog).toBe(ours);
  ours.ack();
  expect(seen.map(({ request }) => request.method)).toEqual(['INFO', 'INVITE']);
  expect(seen.every(({ dialog: each }) => each === theirs)).toBe(true);
  await finalOf(ours.request({ method: 'BYE' }));
  await settled(caller, callee);
});

it('answers 408 itself when the peer is silent, 503 when there is no way', async () => {
  const [caller, callee] = await pair();
  const uri = uriOf(callee);
  const tcpUri = uriOf(callee, 'tcp');
  await callee.stop();
  const silent = await finalOf(caller.request({ method: 'INVITE', uri }));
  expect([silent.message.status, silent.local]).toEqual([408, true]);
  const closed = await finalOf(caller.request({ method: 'OPTIONS', uri: tcpUri }));
  expect([closed.message.status, closed.local]).toEqual([503, true]);
  const sips = await finalOf(caller.request({ method: 'OPTIONS', uri: 'sips:a@127.0.0.1' }));
  expect([sips.message.status, sips.local]).toEqual([503, true]);
  const nowhere = await finalOf(caller.request({ method: 'OPTIONS', uri: 'sip:a@no-such-host.invalid:5060' }));
  expect([nowhere.message.status, nowhere.local]).toEqual([503, true]);
  await settled(caller);
});
