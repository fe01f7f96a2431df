import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { header, parseMessage } from '../../../src/kernel/sip/message.ts';
import type { Dialog, ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { acceptedAgreement, answerAgreement, parseSessionExpires } from '../../../src/switch/sip/session-timer.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, finalOf, RawPeer, sdp, settled, startEndpoint, tagOf } from './support.ts';

let endpoint: SipEndpoint;
let peer: RawPeer;

beforeEach(async () => {
  // Sessions of a second, so that a test sees them end
  endpoint = await startEndpoint({ minSessionExpiresSeconds: 1 });
  peer = await RawPeer.open(addressOf(endpoint));
});
afterEach(async () => {
  peer.close();
  await endpoint.stop();
});

const ending = (dialog: Dialog): Promise<string> => new Promise((resolve) => dialog.once('terminated', resolve));

/** A call of the peer's with a session timer, answered and acknowledged. */
async function incoming(extra: string[]): Promise<{ dialog: Dialog; toTag: string }> {
  const seen: ServerTransaction[] = [];
  endpoint.once('request', (transaction) => seen.push(transaction));
  peer.request('INVITE', { body: sdp, extra: ['Content-Type: application/sdp', ...extra] });
  const invite = await eventually('INVITE', () => seen[0]);
  const { dialog } = invite.respond(200, { body: sdp });
  const toTag = tagOf(await peer.status(200));
  peer.request('ACK', { toTag });
  if (!dialog) throw new Error('no dialog');
  return { dialog, toTag };
}

describe('session timers (RFC 4028)', () => {
  it('the peer refreshes: its UPDATE keeps the session, silence ends it with BYE', async () => {
    const { dialog, toTag } = await incoming(['Supported: timer', 'Session-Expires: 2;refresher=uac']);
    const ok = await peer.status(200);
    expect([header(ok, 'Session-Expires'), header(ok, 'Require')]).toEqual(['2;refresher=uac', 'timer']);
    const startedMs = performance.now();
    const why = ending(dialog);
    dialog.on('request', (transaction) => transaction.respond(200));
    peer.request('UPDATE', { toTag, cseq: 2, extra: ['Supported: timer', 'Session-Expires: 2;refresher=uac'] });
    expect(header(await peer.status(200, 1, 'UPDATE'), 'Session-Expires')).toBe('2;refresher=uac');
    const refreshedMs = performance.now();
    peer.answer(await peer.requested('BYE'), 200);
    expect(await why).toBe('session-expired');
    // 2 s less a third
    expect(performance.now() - refreshedMs).toBeGreaterThan(1_200);
    expect(performance.now() - startedMs).toBeLessThan(4_000);
    await settled(endpoint);
  });

  it('we refresh by UPDATE where the peer takes it', async () => {
    const { dialog } = await incoming([
      'Supported: timer',
      'Session-Expires: 1;refresher=uas',
      'Allow: INVITE, UPDATE',
    ]);
    const update = await peer.requested('UPDATE');
    expect([header(update, 'Session-Expires'), update.body]).toEqual(['1;refresher=uac', '']);
    peer.answer(update, 200, 'raw', ['Session-Expires: 1;refresher=uac']);
    const again = await eventually('second refresh', () =>
      peer.requests('UPDATE').find((each) => header(each, 'CSeq') !== header(update, 'CSeq')),
    );
    peer.answer(again, 200, 'raw', ['Session-Expires: 1;refresher=uac']);
    expect(dialog.state).toBe('confirmed');
  });

  it('we refresh by re-INVITE with the same SDP where it does not, or where UPDATE fails', async () => {
    await incoming(['Supported: timer', 'Session-Expires: 1;refresher=uas', 'Allow: INVITE, UPDATE']);
    peer.answer(await peer.requested('UPDATE'), 501);
    const invite = await peer.requested('INVITE');
    expect([invite.body, header(invite, 'Content-Type')]).toEqual([sdp, 'application/sdp']);
    peer.answer(invite, 200, 'raw', ['Session-Expires: 1;refresher=uac'], sdp);
    await peer.requested('ACK');
    await eventually('next refresh', () =>
      peer.requests('INVITE').find((each) => header(each, 'CSeq') !== header(invite, 'CSeq')),
    );
  });

  it('as caller: who refreshes is what the answer says', async () => {
    const transaction = endpoint.request({
      method: 'INVITE',
      uri: `sip:raw@127.0.0.1:${peer.port}`,
      body: sdp,
      headers: { 'Session-Expires': '1' },
    });
    const final = finalOf(transaction);
    const request = await peer.requested('INVITE');
    expect(header(request, 'Supported')).toContain('timer');
    peer.answer(request, 200, 'a', ['Session-Expires: 1;refresher=uac', 'Require: timer', 'Allow: UPDATE']);
    const { dialog } = await final;
    dialog?.ack();
    const update = await peer.requested('UPDATE');
    const why = dialog && ending(dialog);
    peer.answer(update, 481);
    expect(await why).toBe('gone');
    await settled(endpoint);
  });

  it('a refresh that nobody answers ends the session', async () => {
    const { dialog } = await incoming(['Supported: timer', 'Session-Expires: 2;refresher=uas']);
    const why = ending(dialog);
    await peer.requested('INVITE');
    peer.answer(await peer.requested('BYE'), 200);
    expect(await why).toBe('session-expired');
    await settled(endpoint);
  });
});

describe('agreement (RFC 4028 table 2)', () => {
  const request = (...lines: string[]) => parseMessage(`INVITE sip:a@b SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`);
  it.each([
    [['Session-Expires: 1800'], '1800;refresher=uas', false],
    [['Session-Expires: 1800', 'Supported: timer'], '1800;refresher=uac', true],
    [['x: 1800;refresher=uas', 'k: timer'], '1800;refresher=uas', false],
    [['x: 1800;refresher=uac', 'k: timer'], '1800;refresher=uac', true],
    [['x: 30'], '90;refresher=uas', false],
  ] as const)('%j → %s', (lines, value, requireTimer) => {
    expect(answerAgreement(request(...lines), undefined, 90)).toMatchObject({ header: value, requireTimer });
  });
  it('no timer without anybody asking; the application may ask', () => {
    expect(answerAgreement(request('Supported: timer'), undefined, 90)).toBeUndefined();
    const asked = answerAgreement(request('Supported: timer'), { 'session-expires': '600;refresher=uas' }, 90);
    expect(asked).toMatchObject({ intervalSeconds: 600, weRefresh: true });
  });
  it('reads what it is given', () => {
    expect(parseSessionExpires('4000 ; Refresher=UAS')).toEqual({ seconds: 4000, refresher: 'uas' });
    expect(parseSessionExpires('soon')).toBeUndefined();
    expect(acceptedAgreement(parseMessage('SIP/2.0 200 OK\r\nx: 100;refresher=uas\r\n\r\n'), 90)).toEqual({
      intervalSeconds: 100,
      weRefresh: false,
    });
  });
});
