import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/ports.ts';
import { RawPeer, rawOffer, tagOf } from '../support/raw-peer.ts';
import {
  phoneSystem,
  type SippRun,
  sippAck,
  sippAnswered,
  sippBye,
  sippInDialog,
  sippInvite,
  sippReply,
  sippSdp,
  sippWaitForBye,
  startSipp,
  withBranch,
} from '../support/sipp.ts';
import { type System, startSystem } from '../support/system.ts';

const say = '0311110001';
const transfer = '0311110004';
const long = '0311110007';
let system: System;
let trunkPort: number;
const cleanUps: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  trunkPort = await freePort();
  system = await startSystem({
    flows: 'test/scenarios/flows',
    environment: { TRUNK_URL: `sip:127.0.0.1:${trunkPort}` },
  });
});
afterAll(() => system.stop());
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const phone = (service: string, scenario: string) => phoneSystem(system, service, scenario);

/** The phone that a transfer rings. */
async function called(scenario: string): Promise<SippRun> {
  const sipp = await startSipp({ scenario, port: trunkPort });
  cleanUps.push(() => sipp.stop());
  return sipp;
}

async function rawPeer(): Promise<RawPeer> {
  const peer = await RawPeer.open({ protocol: 'udp', address: system.sipHost, port: system.sipPort });
  cleanUps.push(() => peer.close());
  return peer;
}

const trying = '<recv response="100" optional="true"/>';
/** The INVITE of branch `name`, and what goes with it. */
const invite = (name: string) => withBranch(sippInvite(), name);
const cancel = (name: string) =>
  withBranch(sippInvite({ body: '' }), name)
    .replace('INVITE', 'CANCEL')
    .replace('1 INVITE', '1 CANCEL');
/** Keeps a header of the message received for later messages: `[$name]`. */
const saved = (header: string, name: string) =>
  `<ereg regexp="[^ ].*" search_in="hdr" header="${header}:" assign_to="${name}"/>`;
const pause = (ms: number) => `<pause milliseconds="${ms}"/>`;

describe('CANCEL', () => {
  it('before the answer: 200 to it, 487 to the INVITE, and a record of a call given up', async () => {
    const raw = await rawPeer();
    const call = { uri: system.uri(long), callId: `cancel-${raw.port}`, branch: `z9hG4bK-cancel-${raw.port}` };
    raw.send(raw.text('INVITE', { ...call, ...rawOffer() }), raw.text('CANCEL', call));
    await raw.status(200, 1, '1 CANCEL');
    raw.request('ACK', { ...call, toTag: tagOf(await raw.status(487, 1, '1 INVITE')) });
    const record = await system.closedCall(long);
    expect(record).toMatchObject({ answeredAt: null });
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'cancelled', sipStatus: 487, answeredAt: null })]);
  });

  it.each([
    ['before', '', sippAck],
    ['after', sippAck, ''],
  ])('that crosses our 200 and comes %s the ACK changes nothing: the call goes on', async (_when, early, late) => {
    // 200 where the INVITE's transaction is still known, else 481 (RFC 3261, 9.2).
    const answer = `<recv response="481" optional="true" next="1"/><recv response="200"/><label id="1"/>`;
    // The answer to a CANCEL has a tag of its own.
    const answered = `<recv response="200" rrs="true"><action>${saved('To', 'peer')}</action></recv>`;
    const inDialog = (request: string) => request.replace(/^To: .*$/m, 'To: [$peer]');
    const scenario = `${invite('late')}${trying}${answered}${inDialog(early)}${cancel('late')}${answer}${inDialog(late)}${pause(400)}${inDialog(sippBye)}`;
    await phone(long, scenario);
    const record = await system.closedCall(long);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup', sipStatus: 200 })]);
  });

  it('of ours that meets the 200 of a phone: the phone is hung up, and on record as not reached', async () => {
    const tag = 'tag=[call_number]';
    const answerOfInvite = `<send retrans="500"><![CDATA[
SIP/2.0 200 OK
Via: [$via]
[last_From:]
To: [$to];${tag}
[last_Call-ID:]
CSeq: [cseq] INVITE
Contact: <sip:sipp@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

${sippSdp}]]></send>`;
    const callee = await called(
      `<recv request="INVITE"><action>${saved('Via', 'via')}${saved('To', 'to')}</action></recv>${sippReply('180 Ringing', { tag: '[call_number]' })}` +
        `<recv request="CANCEL"/>${answerOfInvite}<recv request="ACK"/>${sippWaitForBye}`,
    );
    await phone(transfer, `${sippInvite()}${sippAnswered}${pause(1_500)}${sippBye}`);
    await callee.done();
    cleanUps.length = 0;
    const record = await system.closedCall(transfer);
    expect(record.legs).toMatchObject([
      { kind: 'caller', cause: 'caller-hangup' },
      { kind: 'transfer', cause: 'cancelled', answeredAt: null },
    ]);
  });
});

describe('100rel (RFC 3262)', () => {
  it.each(['Require', 'Supported'])('a caller with %s: 100rel is answered', async (header) => {
    await phone(say, sippInvite({ headers: `${header}: 100rel` }) + sippAnswered + sippWaitForBye);
    expect(await system.closedCall(say)).toMatchObject({ outcome: 'completed' });
  });
});

describe('UPDATE (RFC 3311)', () => {
  const update = (cseq: number, body = '') => `${sippInDialog('UPDATE', { cseq, body })}<recv response="200"/>`;

  it('without SDP is answered, with SDP it holds and resumes', async () => {
    const messages = await phone(
      long,
      `${sippInvite()}${sippAnswered}${update(2)}${update(3, `${sippSdp}a=sendonly\n`)}${pause(200)}${update(4, `${sippSdp}a=sendrecv\n`)}${pause(200)}${sippBye}`,
    );
    expect(messages).toMatch(/CSeq: 3 UPDATE[\s\S]*a=recvonly/);
    const record = await system.closedCall(long);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup' })]);
  });
});

describe('requests that are not ours to grant get a final answer', () => {
  it('REFER in a call is declined, and the call goes on', async () => {
    const refer = sippInDialog('REFER', { cseq: 2, headers: 'Refer-To: <sip:0312345678@127.0.0.1>' });
    await phone(long, `${sippInvite()}${sippAnswered}${refer}<recv response="603"/>${pause(200)}${sippBye}`);
    const record = await system.closedCall(long);
    expect(record.legs).toEqual([expect.objectContaining({ kind: 'caller', cause: 'caller-hangup' })]);
  });

  it('REGISTER', async () => {
    const register = sippInvite({ body: '', headers: 'Expires: 60' }).replaceAll('INVITE', 'REGISTER');
    const answers = [200, 401, 403, 404, 405, 407, 501, 503];
    const optional = answers.slice(0, -1).map((status) => `<recv response="${status}" optional="true" next="end"/>`);
    const messages = await phone(say, `${register}${optional.join('')}<recv response="503"/><label id="end"/>`);
    expect(messages).toMatch(/^SIP\/2\.0 [2-6]\d\d[\s\S]*CSeq: 1 REGISTER/m);
  });
});

describe('a second re-INVITE before the first is answered', () => {
  it('is refused, and the first one holds', async () => {
    const raw = await rawPeer();
    const call = { uri: system.uri(long), callId: `overlap-${raw.port}` };
    const branch = (name: string) => ({ branch: `z9hG4bK-${name}-${raw.port}` });
    raw.request('INVITE', { ...call, ...branch('i1'), ...rawOffer() });
    const dialog = { ...call, toTag: tagOf(await raw.status(200, 1, '1 INVITE')) };
    raw.request('ACK', { ...dialog, ...branch('a1') });
    raw.send(
      raw.text('INVITE', { ...dialog, cseq: 2, ...branch('i2'), ...rawOffer('sendonly') }),
      raw.text('INVITE', { ...dialog, cseq: 3, ...branch('i3'), ...rawOffer('sendrecv') }),
    );
    await raw.status(491, 1, '3 INVITE');
    raw.request('ACK', { ...dialog, cseq: 3, ...branch('i3') });
    const held = await raw.status(200, 1, '2 INVITE');
    expect(held.body).toMatch(/a=recvonly/);
    raw.request('ACK', { ...dialog, cseq: 2, ...branch('a2') });
    raw.request('BYE', { ...dialog, cseq: 4 });
    await raw.status(200, 1, '4 BYE');
    const record = await system.closedCall(long);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup' })]);
  });
});
