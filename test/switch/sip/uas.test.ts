import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { header, headers } from '../../../src/kernel/sip/message.ts';
import type { Dialog, ServerTransaction, SipEndpoint } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import { addressOf, RawPeer, sdp, settled, startEndpoint, tagOf } from './support.ts';

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

const next = (count = 1): Promise<ServerTransaction> => eventually(`request ${count}`, () => seen[count - 1]);

/** A call of the peer's, answered 200; with ACK unless told otherwise. */
async function answeredCall({
  ack = true,
} = {}): Promise<{ dialog: Dialog; toTag: string; invite: ServerTransaction }> {
  peer.request('INVITE', { body: sdp, extra: ['Content-Type: application/sdp'] });
  const invite = await next();
  const { dialog } = invite.respond(200, { body: sdp });
  const toTag = tagOf(await peer.status(200));
  if (ack) {
    const acked = new Promise((resolve) => invite.once('ack', resolve));
    peer.request('ACK', { toTag });
    await acked;
  }
  if (!dialog) throw new Error('no dialog');
  return { dialog, toTag, invite };
}

describe('INVITE', () => {
  it('gets 100 at once; copies are absorbed and get the newest provisional', async () => {
    const text = peer.text('INVITE');
    peer.send(text);
    const invite = await next();
    expect(tagOf(await peer.status(100))).toBe('');
    peer.send(text);
    await peer.status(100, 2);
    invite.respond(180);
    const ringing = await peer.status(180);
    peer.send(text);
    expect(tagOf(await peer.status(180, 2))).toBe(tagOf(ringing));
    expect(seen).toHaveLength(1);
    invite.respond(404);
    await peer.status(404);
    peer.send(peer.text('ACK', { branch: header(invite.request, 'Via')?.match(/branch=([^;]+)/)?.[1] ?? '' }));
    await settled(endpoint);
  });

  it('refused is answered again until the ACK, which is heard once', async () => {
    peer.request('INVITE', { branch: 'z9hG4bKx' });
    const invite = await next();
    let acks = 0;
    invite.on('ack', () => acks++);
    invite.respond(486);
    await peer.status(486, 3);
    peer.request('ACK', { branch: 'z9hG4bKx' });
    peer.request('ACK', { branch: 'z9hG4bKx' });
    await settled(endpoint);
    expect(acks).toBe(1);
  });

  it('refused and never acknowledged is forgotten after 64*T1', async () => {
    peer.request('INVITE');
    (await next()).respond(486);
    await peer.status(486, 5);
    await settled(endpoint);
  });

  it('answered is answered again until the ACK (13.3.1.4)', async () => {
    const { dialog, toTag, invite } = await answeredCall({ ack: false });
    await peer.status(200, 4);
    const acked = new Promise<string>((resolve) => invite.once('ack', (ack) => resolve(ack.body)));
    peer.request('ACK', { toTag, body: 'late answer' });
    expect(await acked).toBe('late answer');
    const count = peer.received.length;
    peer.request('INFO', { toTag, cseq: 2 });
    (await next(2)).respond(200);
    await peer.status(200, 1, 'INFO');
    expect(peer.received.length).toBe(count + 1);
    expect(dialog.state).toBe('confirmed');
  });

  it('answered and never acknowledged ends with BYE', async () => {
    const { dialog, invite } = await answeredCall({ ack: false });
    const events: string[] = [];
    invite.on('ack-timeout', () => events.push('ack-timeout'));
    dialog.on('terminated', (why) => events.push(why));
    const bye = await peer.requested('BYE');
    peer.answer(bye, 200);
    await settled(endpoint);
    expect(events).toEqual(['ack-timeout', 'ack-timeout']);
    expect(peer.received.filter(({ message }) => message.status === 200).length).toBeGreaterThan(6);
  });

  it('sends no BYE before the ACK of its 2xx (15)', async () => {
    const { dialog, toTag } = await answeredCall({ ack: false });
    dialog.request({ method: 'BYE' });
    await peer.status(200, 3);
    expect(peer.requests('BYE')).toHaveLength(0);
    peer.request('ACK', { toTag });
    peer.answer(await peer.requested('BYE'), 200);
    await settled(endpoint);
  });

  it('nobody answers ends by itself', async () => {
    await endpoint.stop();
    endpoint = await startEndpoint({ t1Ms: 1 });
    const impatient = await RawPeer.open(addressOf(endpoint));
    let transaction: ServerTransaction | undefined;
    endpoint.on('request', (each) => {
      transaction = each;
    });
    impatient.request('INVITE');
    await impatient.status(408);
    await settled(endpoint);
    expect(transaction?.finalStatus).toBe(408);
    impatient.close();
  });

  it('is answered with Record-Route, Contact, Allow and one tag', async () => {
    const routes = [
      'Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>',
      'Record-Route: <sip:p0.example.com;lr>',
    ];
    peer.request('INVITE', { extra: [...routes, 'Timestamp: 5'] });
    const invite = await next();
    const trying = await peer.status(100);
    expect([header(trying, 'Timestamp'), header(trying, 'Record-Route')]).toEqual(['5', undefined]);
    const early = invite.respond(183, { body: sdp });
    expect(early.dialog?.state).toBe('early');
    const sent = invite.respond(200, { body: sdp, headers: { 'X-App': 'yes', Via: 'bad', 'Call-ID': 'bad' } });
    expect(sent.dialog).toBe(early.dialog);
    const ok = await peer.status(200);
    expect(headers(ok, 'Record-Route')).toEqual(routes.map((line) => line.slice(14)));
    expect(tagOf(ok)).toBe(tagOf(await peer.status(183)));
    expect(header(ok, 'Contact')).toBe(`<sip:127.0.0.1:${addressOf(endpoint).port}>`);
    expect(header(ok, 'Allow')).toContain('INVITE, ACK, CANCEL, BYE');
    expect([header(ok, 'X-App'), header(ok, 'Call-ID'), header(ok, 'Server')]).toEqual(['yes', 'raw-call', 'test']);
    expect(peer.received.find(({ message }) => message.status === 200)?.raw).toBe(sent.raw);
  });
});

describe('CANCEL', () => {
  it('before the answer: 200 to it, 487 to the INVITE', async () => {
    peer.request('INVITE', { branch: 'z9hG4bKc' });
    const invite = await next();
    const { dialog } = invite.respond(180);
    const why = new Promise((resolve) => dialog?.once('terminated', resolve));
    const cancelled = new Promise((resolve) => invite.once('cancel', (_cancel, raw) => resolve(raw)));
    const text = peer.text('CANCEL', { branch: 'z9hG4bKc' });
    peer.send(text);
    // As it was sent, with where it came from (RFC 3261 18.2.1, RFC 3581 4).
    expect(String(await cancelled).replace(/;rport=\d+;received=127\.0\.0\.1/, ';rport')).toBe(text);
    const ok = await peer.status(200, 1, 'CANCEL');
    const terminated = await peer.status(487);
    expect(tagOf(ok)).toBe(tagOf(terminated));
    expect(await why).toBe('gone');
    peer.request('ACK', { branch: 'z9hG4bKc' });
    await settled(endpoint);
  });

  it('after the answer changes nothing (9.2)', async () => {
    peer.request('INVITE', { branch: 'z9hG4bKd' });
    const invite = await next();
    const { dialog } = invite.respond(200);
    let cancels = 0;
    invite.on('cancel', () => cancels++);
    peer.request('CANCEL', { branch: 'z9hG4bKd' });
    await peer.status(200, 1, 'CANCEL');
    const ok = await peer.status(200, 1, 'INVITE');
    expect([cancels, dialog?.state]).toEqual([0, 'confirmed']);
    peer.request('ACK', { toTag: tagOf(ok) });
    peer.request('BYE', { toTag: tagOf(ok), cseq: 2 });
    (await next(2)).respond(200);
    await settled(endpoint);
  });

  it('for nothing gets 481', async () => {
    peer.request('CANCEL');
    await peer.status(481);
    await settled(endpoint);
  });
});

describe('in a dialog', () => {
  it('BYE ends it; its copies and later ones are answered', async () => {
    const { dialog, toTag } = await answeredCall();
    const why = new Promise((resolve) => dialog.once('terminated', resolve));
    const bye = peer.text('BYE', { toTag, cseq: 2 });
    peer.send(bye);
    (await next(2)).respond(200);
    await peer.status(200, 1, 'BYE');
    peer.send(bye);
    await peer.status(200, 2, 'BYE');
    expect([await why, seen.length, endpoint.findDialog(dialog.id)]).toEqual(['remote-bye', 2, undefined]);
    peer.request('BYE', { toTag, cseq: 3 });
    await peer.status(481);
    await settled(endpoint);
  });

  it('BYE while our 2xx waits for its ACK stops the repeats', async () => {
    const { toTag, invite } = await answeredCall({ ack: false });
    let timeouts = 0;
    invite.on('ack-timeout', () => timeouts++);
    peer.request('BYE', { toTag, cseq: 2 });
    (await next(2)).respond(200);
    await settled(endpoint);
    expect([timeouts, peer.requests('BYE').length]).toEqual([0, 0]);
  });

  it('BYE of a ringing caller counts as CANCEL', async () => {
    peer.request('INVITE');
    const invite = await next();
    let cancels = 0;
    invite.on('cancel', () => cancels++);
    invite.respond(180);
    const toTag = tagOf(await peer.status(180));
    peer.request('BYE', { toTag, cseq: 2 });
    (await next(2)).respond(200);
    await peer.status(487);
    expect([cancels, invite.finalStatus]).toEqual([1, 487]);
    await settled(endpoint);
  });

  it('BYEs that cross are both answered', async () => {
    const { dialog, toTag } = await answeredCall();
    const bye = dialog.request({ method: 'BYE' });
    const theirs = await peer.requested('BYE');
    peer.request('BYE', { toTag, cseq: 2 });
    await peer.status(200, 1, 'BYE');
    const done = new Promise<void>((resolve) => bye.once('terminated', () => resolve()));
    peer.answer(theirs, 200);
    await done;
    await settled(endpoint);
  });

  it('a challenged BYE can be sent again', async () => {
    const { dialog } = await answeredCall();
    const first = dialog.request({ method: 'BYE' });
    const challenged = new Promise((resolve) => first.once('response', resolve));
    peer.answer(await peer.requested('BYE'), 407);
    await challenged;
    dialog.request({ method: 'BYE', headers: { 'Proxy-Authorization': 'Digest x' } });
    const again = await eventually('BYE with credentials', () =>
      peer.requests('BYE').find((bye) => header(bye, 'Proxy-Authorization') === 'Digest x'),
    );
    peer.answer(again, 200);
    await settled(endpoint);
  });

  it('a lower CSeq gets 500 (12.2.2)', async () => {
    const { toTag } = await answeredCall();
    peer.request('INFO', { toTag, cseq: 5 });
    (await next(2)).respond(200);
    peer.request('INFO', { toTag, cseq: 4 });
    await peer.status(500);
    expect(seen).toHaveLength(2);
  });

  it('a second INVITE gets 500 with Retry-After while the first is open (14.2)', async () => {
    const { toTag } = await answeredCall();
    peer.request('INVITE', { toTag, cseq: 2 });
    const first = await next(2);
    peer.request('INVITE', { toTag, cseq: 3 });
    const refused = await peer.status(500);
    expect(Number(header(refused, 'Retry-After'))).toBeLessThanOrEqual(10);
    first.respond(488);
    await peer.status(488);
    peer.request('INVITE', { toTag, cseq: 4 });
    (await next(3)).respond(200);
  });

  it('INVITEs that cross get 491 (14.1, 14.2), and ours waits while theirs is open', async () => {
    const { dialog, toTag } = await answeredCall();
    dialog.request({ method: 'INVITE', body: sdp });
    const ours = await peer.requested('INVITE');
    peer.request('INVITE', { toTag, cseq: 2 });
    await peer.status(491);
    peer.answer(ours, 491, 'raw');
    await peer.requested('ACK');
    peer.request('INVITE', { toTag, cseq: 3 });
    const theirs = await next(2);
    const refused = new Promise((resolve) =>
      dialog.request({ method: 'INVITE' }).once('response', ({ status }, { local }) => resolve([status, local])),
    );
    expect(await refused).toEqual([491, true]);
    theirs.respond(200);
  });

  it('an UPDATE gets 500 while one is open, 491 with an offer while our INVITE is (RFC 3311 5.2)', async () => {
    const { dialog, toTag } = await answeredCall();
    peer.request('UPDATE', { toTag, cseq: 2 });
    const first = await next(2);
    peer.request('UPDATE', { toTag, cseq: 3 });
    expect(header(await peer.status(500), 'Retry-After')).toMatch(/^\d+$/);
    first.respond(200);
    dialog.request({ method: 'INVITE', body: sdp });
    await peer.requested('INVITE');
    peer.request('UPDATE', { toTag, cseq: 4, body: sdp });
    await peer.status(491);
    peer.request('UPDATE', { toTag, cseq: 5 });
    (await next(3)).respond(200);
    await peer.status(200, 2, 'UPDATE');
  });

  it('re-INVITE and UPDATE move the remote target', async () => {
    const { dialog, toTag } = await answeredCall();
    peer.request('UPDATE', { toTag, cseq: 2, extra: [] });
    (await next(2)).respond(200);
    const other = await RawPeer.open(addressOf(endpoint));
    const text = peer
      .text('INVITE', { toTag, cseq: 3 })
      .replace(`raw@127.0.0.1:${peer.port}>\r\nMax`, `moved@127.0.0.1:${other.port}>\r\nMax`);
    peer.send(text);
    (await next(3)).respond(200);
    expect(dialog.remoteTarget).toBe(`sip:moved@127.0.0.1:${other.port}`);
    peer.request('ACK', { toTag, cseq: 3 });
    dialog.request({ method: 'BYE' });
    other.answer(await other.requested('BYE'), 200);
    other.close();
    await settled(endpoint);
  });

  it('requests of ours go through the route set, loose or strict (12.2.1.1)', async () => {
    for (const [callId, loose] of [
      ['loose', ';lr'],
      ['strict', ''],
    ] as const) {
      peer.request('INVITE', {
        callId,
        extra: [`Record-Route: <sip:127.0.0.1:${peer.port}${loose}>, <sip:far.example.com;lr>`],
      });
      const invite = await eventually('invite', () =>
        seen.find(({ request }) => header(request, 'Call-ID') === callId),
      );
      const { dialog } = invite.respond(200);
      peer.request('ACK', { callId, toTag: dialog?.localTag ?? '' });
      dialog?.request({ method: 'INFO' });
      const info = await eventually('INFO', () =>
        peer.requests('INFO').find((each) => header(each, 'Call-ID') === callId),
      );
      const contact = `sip:raw@127.0.0.1:${peer.port}`;
      if (loose) {
        expect(info.uri).toBe(contact);
        expect(headers(info, 'Route')).toEqual([`<sip:127.0.0.1:${peer.port};lr>`, '<sip:far.example.com;lr>']);
      } else {
        expect(info.uri).toBe(`sip:127.0.0.1:${peer.port}`);
        expect(headers(info, 'Route')).toEqual(['<sip:far.example.com;lr>', `<${contact}>`]);
      }
    }
  });

  it('481 to a request of ours ends it; 408 ends it with a BYE', async () => {
    const first = await answeredCall();
    const gone = new Promise((resolve) => first.dialog.once('terminated', resolve));
    first.dialog.request({ method: 'INFO' });
    peer.answer(await peer.requested('INFO'), 481);
    expect(await gone).toBe('gone');
    expect(peer.requests('BYE')).toHaveLength(0);
    await settled(endpoint);
    seen.length = 0;
    peer.received.length = 0;
    const second = await answeredCall();
    const silent = new Promise((resolve) => second.dialog.once('terminated', resolve));
    second.dialog.request({ method: 'INFO' });
    expect(await silent).toBe('gone');
    peer.answer(await peer.requested('BYE'), 200);
    await settled(endpoint);
  });
});
