import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { header } from '../../../src/kernel/sip/message.ts';
import type { ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, answersTo, RawPeer, sdp, settled, startEndpoint, tagOf } from './support.ts';

let endpoint: SipEndpoint;
let peer: RawPeer;

beforeEach(async () => {
  endpoint = await startEndpoint();
  peer = await RawPeer.open(addressOf(endpoint));
});
afterEach(async () => {
  peer.close();
  await endpoint.stop();
});

async function incoming(extra: string[]): Promise<ServerTransaction> {
  const seen: ServerTransaction[] = [];
  endpoint.on('request', (transaction) => seen.push(transaction));
  peer.request('INVITE', { extra });
  return eventually('INVITE', () => seen[0]);
}

describe('reliable provisionals of ours (RFC 3262 3)', () => {
  it('are resent until their PRACK, one after the other', async () => {
    const invite = await incoming(['Supported: 100rel']);
    const pracks: string[] = [];
    invite.on('prack', (prack) => pracks.push(header(prack, 'RAck') ?? ''));
    const sent = invite.respond(183, { headers: { Require: '100rel' }, body: sdp });
    invite.respond(180, { headers: { Require: '100rel' } });
    const first = await peer.status(183, 3);
    expect(peer.received.find(({ message }) => message.status === 183)?.raw).toBe(sent.raw);
    expect([header(first, 'Require'), peer.received.some(({ message }) => message.status === 180)]).toEqual([
      '100rel',
      false,
    ]);
    const rseq = Number(header(first, 'RSeq'));
    peer.request('PRACK', { toTag: tagOf(first), cseq: 2, extra: [`RAck: ${rseq} 1 INVITE`] });
    await peer.status(200, 1, 'PRACK');
    const second = await peer.status(180, 2);
    expect(Number(header(second, 'RSeq'))).toBe(rseq + 1);
    peer.request('PRACK', { toTag: tagOf(first), cseq: 3, extra: [`RAck: ${rseq + 9} 1 INVITE`] });
    await peer.status(481, 1, 'PRACK');
    peer.request('PRACK', { toTag: tagOf(first), cseq: 4, extra: [`RAck: ${rseq + 1} 1 INVITE`] });
    await peer.status(200, 2, 'PRACK');
    expect(pracks).toEqual([`${rseq} 1 INVITE`, `${rseq + 1} 1 INVITE`]);
    const count = peer.received.length;
    invite.respond(200);
    await peer.status(200, 1, 'INVITE');
    expect(peer.received.slice(count).every(({ message }) => message.status === 200)).toBe(true);
  });

  it('always, when the peer requires it; a 2xx waits for the PRACK of one with SDP', async () => {
    const invite = await incoming(['Require: 100rel']);
    invite.respond(183, { body: sdp });
    const progress = await peer.status(183);
    expect(header(progress, 'Require')).toBe('100rel');
    invite.respond(200);
    await peer.status(183, 4);
    expect(peer.received.some(({ message }) => message.status === 200)).toBe(false);
    peer.request('PRACK', { toTag: tagOf(progress), cseq: 2, extra: [`RAck: ${header(progress, 'RSeq')} 1 INVITE`] });
    const ok = await peer.status(200, 1, 'INVITE');
    peer.request('ACK', { toTag: tagOf(ok) });
    peer.request('PRACK', { toTag: tagOf(progress), cseq: 3, extra: [`RAck: ${header(progress, 'RSeq')} 1 INVITE`] });
    await peer.status(200, 2, 'PRACK');
  });

  it('never, when the peer does not know them', async () => {
    const invite = await incoming([]);
    invite.respond(180, { headers: { Require: '100rel' } });
    const ringing = await peer.status(180);
    expect([header(ringing, 'Require'), header(ringing, 'RSeq')]).toEqual([undefined, undefined]);
    invite.respond(486);
    await settled(endpoint);
  });

  it('without any PRACK the INVITE gets 504', async () => {
    const invite = await incoming(['Require: 100rel']);
    invite.respond(180);
    await peer.status(504);
    expect(invite.finalStatus).toBe(504);
    await settled(endpoint);
  });
});

describe('reliable provisionals of the peer (RFC 3262 4)', () => {
  const invite = (body: string) => endpoint.request({ method: 'INVITE', uri: `sip:raw@127.0.0.1:${peer.port}`, body });
  const reliable = (rseq: number): string[] => ['Require: 100rel', `RSeq: ${rseq}`];

  it('get their PRACK; copies and those ahead of their turn are not passed on', async () => {
    const answers = answersTo(invite(sdp));
    const request = await peer.requested('INVITE');
    expect(header(request, 'Supported')).toContain('100rel');
    peer.answer(request, 183, 'a', reliable(7), sdp);
    const prack = await peer.requested('PRACK');
    expect(header(prack, 'RAck')).toBe(`7 ${header(request, 'CSeq')}`);
    peer.answer(request, 183, 'a', reliable(7), sdp);
    peer.answer(request, 180, 'a', reliable(9));
    peer.answer(prack, 481); // says nothing about the dialog
    peer.answer(request, 180, 'a', reliable(8));
    const second = await eventually('second PRACK', () =>
      peer.requests('PRACK').find((each) => header(each, 'RAck')?.startsWith('8 ')),
    );
    peer.answer(second, 200);
    peer.answer(request, 200, 'a');
    const ok = await eventually('200', () => answers.find(({ status }) => status === 200));
    ok.dialog?.ack();
    expect(answers.map(({ status }) => status)).toEqual([183, 180, 200]);
    ok.dialog?.request({ method: 'BYE' });
    peer.answer(await peer.requested('BYE'), 200);
    await settled(endpoint);
  });

  it('that hold an offer are left to the one who called', async () => {
    const transaction = invite('');
    transaction.on('response', (message, { dialog }) => {
      if (message.status === 183) dialog?.request({ method: 'PRACK', body: sdp });
    });
    const request = await peer.requested('INVITE');
    peer.answer(request, 183, 'a', reliable(1), sdp);
    const prack = await peer.requested('PRACK');
    expect([header(prack, 'RAck'), prack.body]).toEqual([`1 ${header(request, 'CSeq')}`, sdp]);
    peer.answer(prack, 200);
    peer.answer(request, 486, 'a');
    await settled(endpoint);
    expect(new Set(peer.requests('PRACK').map((each) => header(each, 'CSeq')))).toHaveLength(1);
  });

  it('are left to the application where it wants that', async () => {
    await endpoint.stop();
    endpoint = await startEndpoint({ autoPrack: false });
    peer.close();
    peer = await RawPeer.open(addressOf(endpoint));
    const answers = answersTo(invite(sdp));
    const request = await peer.requested('INVITE');
    expect(header(request, 'Supported')).toBe('timer');
    peer.answer(request, 183, 'a', reliable(3), sdp);
    const dialog = await eventually('183', () => answers[0]?.dialog);
    expect(peer.requests('PRACK')).toHaveLength(0);
    dialog.request({ method: 'PRACK', headers: { RAck: `3 ${header(request, 'CSeq')}` } });
    const prack = await peer.requested('PRACK');
    expect(prack.headers.filter(([name]) => name === 'RAck')).toEqual([['RAck', `3 ${header(request, 'CSeq')}`]]);
    peer.answer(prack, 200);
    peer.answer(request, 486, 'a');
    await settled(endpoint);
  });
});
