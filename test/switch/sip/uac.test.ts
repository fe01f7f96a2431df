import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { header, type SipMessage } from '../../../src/kernel/sip/message.ts';
import type { Dialog, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, answersTo, finalOf, RawPeer, sdp, settled, startEndpoint } from './support.ts';

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

const peerUri = (): string => `sip:raw@127.0.0.1:${peer.port}`;
const invite = () => endpoint.request({ method: 'INVITE', uri: peerUri(), body: sdp });
const branchOf = (message: SipMessage): string => header(message, 'Via')?.match(/branch=([^;]+)/)?.[1] ?? '';

describe('INVITE of ours', () => {
  it('is resent until something comes, then no more', async () => {
    const answers = answersTo(invite());
    await peer.requested('INVITE', 3);
    const first = await peer.requested('INVITE');
    peer.answer(first, 100);
    await eventually('100', () => answers[0]?.status === 100);
    const count = peer.requests('INVITE').length;
    peer.answer(first, 180);
    peer.answer(first, 486);
    await peer.requested('ACK');
    expect(peer.requests('INVITE')).toHaveLength(count);
    await settled(endpoint);
    expect(answers.map(({ status }) => status)).toEqual([100, 180, 486]);
  });

  it('acknowledges a failure on its own branch, again for each copy', async () => {
    invite();
    const request = await peer.requested('INVITE');
    peer.answer(request, 404);
    peer.answer(request, 404);
    const ack = await peer.requested('ACK', 2);
    expect(branchOf(ack)).toBe(branchOf(request));
    expect(header(ack, 'To')).toBe(`${header(request, 'To')};tag=rawtag`);
    await settled(endpoint);
  });

  it('answered: the ACK goes out once, and again for each copy of the 200', async () => {
    const transaction = endpoint.request({
      method: 'INVITE',
      uri: peerUri(),
      body: sdp,
      headers: { Authorization: 'Digest y' },
    });
    const answers = answersTo(transaction);
    const request = await peer.requested('INVITE');
    peer.answer(request, 200, 'rawtag', [
      'Record-Route: <sip:127.0.0.1:1;lr>',
      `Record-Route: <sip:127.0.0.1:${peer.port};lr>`,
    ]);
    const answer = await eventually('200', () => answers.find(({ status }) => status === 200));
    peer.answer(request, 200);
    const sent = answer.dialog?.ack({ body: 'answer' });
    const ack = await peer.requested('ACK');
    expect([ack.uri, ack.body, header(ack, 'Authorization')]).toEqual([peerUri(), 'answer', 'Digest y']);
    expect(header(ack, 'Route')).toBe(`<sip:127.0.0.1:${peer.port};lr>`);
    expect(branchOf(ack)).not.toBe(branchOf(request));
    expect(peer.received.find(({ message }) => message.method === 'ACK')?.raw).toBe(sent?.raw);
    peer.answer(request, 200);
    await peer.requested('ACK', 2);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    // The transaction is long over; a 200 that comes even then is acknowledged by the dialog
    await eventually('transaction over', () => endpoint.counts.clientTransactions === 0);
    peer.answer(request, 200);
    await peer.requested('ACK', 3);
    expect(() => answer.dialog?.ack()).toThrow('no 2xx');
  });

  it('answered, with nobody listening, is hung up', async () => {
    invite();
    peer.answer(await peer.requested('INVITE'), 200);
    await peer.requested('ACK');
    peer.answer(await peer.requested('BYE'), 200);
    await settled(endpoint);
  });

  it('forked: early dialogs of their own, the first answer wins, the second gets ACK and BYE', async () => {
    const transaction = invite();
    const answers = answersTo(transaction);
    const request = await peer.requested('INVITE');
    for (const tag of ['one', 'two', 'three']) peer.answer(request, 180, tag);
    await eventually('three early dialogs', () => endpoint.dialogCount === 3);
    const [one, two, three] = answers.map(({ dialog }) => dialog);
    const ends: string[] = [];
    for (const dialog of [one, three]) dialog?.on('terminated', (why) => ends.push(`${dialog.remoteTag} ${why}`));
    peer.answer(request, 200, 'two');
    await eventually('answer', () => answers.some(({ status }) => status === 200));
    two?.ack();
    await eventually('the others are over', () => ends.length === 2);
    expect(ends).toEqual(['one gone', 'three gone']);
    for (let copy = 0; copy < 2; copy++) peer.answer(request, 200, 'three');
    const bye = await peer.requested('BYE');
    expect(header(bye, 'To')).toContain('tag=three');
    await eventually(
      'ACKs',
      () => peer.requests('ACK').filter((ack) => header(ack, 'To')?.includes('three')).length === 2,
    );
    peer.answer(bye, 200);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect([two?.state, endpoint.findDialog(two?.id ?? '')]).toEqual(['confirmed', two]);
    two?.request({ method: 'BYE' });
    const last = await eventually('BYE for two', () =>
      peer.requests('BYE').find((each) => header(each, 'To')?.includes('two')),
    );
    peer.answer(last, 200);
    await settled(endpoint);
    expect(new Set(peer.requests('BYE').map((each) => header(each, 'CSeq')))).toHaveLength(1);
  });

  it('fails: its early dialogs end', async () => {
    const transaction = invite();
    const request = await peer.requested('INVITE');
    const early = new Promise<Dialog | undefined>((resolve) =>
      transaction.once('response', (_message, { dialog }) => resolve(dialog)),
    );
    peer.answer(request, 183, 'one');
    const dialog = await early;
    const gone = new Promise((resolve) => dialog?.once('terminated', resolve));
    const final = finalOf(transaction);
    peer.answer(request, 500, 'one');
    expect([await gone, (await final).message.status]).toEqual(['gone', 500]);
    await settled(endpoint);
  });
});

describe('CANCEL of ours', () => {
  it('waits for the first answer, and goes out on the same branch (9.1)', async () => {
    const transaction = invite();
    const final = finalOf(transaction);
    transaction.cancel({ Reason: 'Q.850;cause=16' });
    const request = await peer.requested('INVITE', 3);
    expect(peer.requests('CANCEL')).toHaveLength(0);
    peer.answer(request, 100);
    const cancel = await peer.requested('CANCEL');
    expect([branchOf(cancel), header(cancel, 'CSeq')]).toEqual([
      branchOf(request),
      header(request, 'CSeq')?.replace('INVITE', 'CANCEL'),
    ]);
    expect(header(cancel, 'Reason')).toBe('Q.850;cause=16');
    peer.answer(cancel, 200);
    peer.answer(request, 487);
    expect((await final).message.status).toBe(487);
    await settled(endpoint);
  });

  it('against a 200 in flight: the 200 is passed on, to be acknowledged and ended', async () => {
    const transaction = invite();
    const final = finalOf(transaction);
    const request = await peer.requested('INVITE');
    peer.answer(request, 180);
    await eventually('early dialog', () => endpoint.dialogCount === 1);
    transaction.cancel();
    const cancel = await peer.requested('CANCEL');
    peer.answer(request, 200);
    peer.answer(cancel, 481);
    const { message, dialog } = await final;
    expect([message.status, dialog?.state]).toEqual([200, 'confirmed']);
    dialog?.ack();
    dialog?.request({ method: 'BYE' });
    await peer.requested('ACK');
    peer.answer(await peer.requested('BYE'), 200);
    await settled(endpoint);
  });

  it('that nobody answers ends the INVITE all the same', async () => {
    const transaction = invite();
    const final = finalOf(transaction);
    peer.answer(await peer.requested('INVITE'), 180);
    await eventually('early dialog', () => endpoint.dialogCount === 1);
    transaction.cancel();
    const { message, local } = await final;
    expect([message.status, local]).toEqual([487, true]);
    await settled(endpoint);
  });

  it('is sent by itself when it rings for ever', async () => {
    await endpoint.stop();
    endpoint = await startEndpoint({ t1Ms: 2 });
    peer.close();
    peer = await RawPeer.open(addressOf(endpoint));
    const final = finalOf(invite());
    const request = await peer.requested('INVITE');
    peer.answer(request, 180);
    const cancel = await peer.requested('CANCEL');
    peer.answer(cancel, 200);
    peer.answer(request, 487);
    expect((await final).message.status).toBe(487);
    await settled(endpoint);
  });
});

describe('other requests of ours', () => {
  it('are resent, also after a provisional, until answered', async () => {
    const final = finalOf(endpoint.request({ method: 'OPTIONS', uri: peerUri() }));
    const request = await peer.requested('OPTIONS', 2);
    peer.answer(request, 100);
    const count = peer.requests('OPTIONS').length;
    await peer.requested('OPTIONS', count + 1);
    peer.answer(request, 200);
    peer.answer(request, 200);
    expect((await final).message.status).toBe(200);
    await settled(endpoint);
  });

  it('drop answers that are not theirs', async () => {
    const answers = answersTo(endpoint.request({ method: 'OPTIONS', uri: peerUri() }));
    const request = await peer.requested('OPTIONS');
    const twoVias: SipMessage = {
      ...request,
      headers: [...request.headers, ['Via', 'SIP/2.0/UDP other.example.com;branch=z9hG4bKo']],
    };
    peer.answer(twoVias, 200);
    const wrongMethod: SipMessage = {
      ...request,
      headers: request.headers.map(([name, value]) => [name, name === 'CSeq' ? '1 INVITE' : value]),
    };
    peer.answer(wrongMethod, 200);
    peer.answer(request, 299);
    await eventually('an answer', () => answers.length > 0);
    expect(answers.map(({ status }) => status)).toEqual([299]);
    await settled(endpoint);
  });
});
