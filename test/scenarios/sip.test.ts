import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  phoneSystem,
  sippAck,
  sippAnswered,
  sippBye,
  sippInDialog,
  sippInvite,
  sippSdp,
  sippWaitForBye,
  toService,
  withBranch,
} from '../support/sipp.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const say = '0311110001';
const menu = '0311110002';
const long = '0311110007';
let system: System;

beforeAll(async () => {
  system = await startSystem({ flows: 'test/scenarios/flows' });
  const loaded = await denwaban(['load', 'test/scenarios/suspended'], system.environment);
  expect(loaded).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await system.stop();
});

const phone = (service: string, scenario: string, options: { transport?: 'tcp' } = {}) =>
  phoneSystem(system, service, scenario, options);

const refused = (status: number, invite = sippInvite()) =>
  `${invite}<recv response="100" optional="true"/><recv response="${status}"/>${toService(sippAck)}`;

describe('calls that are refused leave a closed record', () => {
  it.each([
    ['an unknown number', '0399999999', 404, 'not-found'],
    ['a suspended account', '0322220001', 603, 'suspended'],
  ])('%s', async (_what, number, status, cause) => {
    await phone(number, refused(status));
    const record = await system.closedCall(number);
    expect(record.answeredAt).toBeNull();
    expect(record.legs).toEqual([expect.objectContaining({ cause, sipStatus: status, answeredAt: null })]);
  });

  it('no codec of ours in the offer: 488', async () => {
    const body = `${sippSdp.replace('RTP/AVP 0 8 101', 'RTP/AVP 18').replace(/a=.*\n/g, '')}a=rtpmap:18 G729/8000\n`;
    await phone(say, refused(488, sippInvite({ body })));
    const record = await system.closedCall(say);
    expect(record.legs).toEqual([expect.objectContaining({ cause: 'media-refused', sipStatus: 488 })]);
  });
});

describe('a call', () => {
  it('is answered, runs its flow, and is ended by denwaban', async () => {
    await phone(say, sippInvite() + sippAnswered + sippWaitForBye);
    expect(await system.closedCall(say)).toMatchObject({ outcome: 'completed' });
  });

  it('works over TCP', async () => {
    await phone(say, sippInvite() + sippAnswered + sippWaitForBye, { transport: 'tcp' });
  });

  it('works with A-law alone', async () => {
    const body = sippSdp.replace('RTP/AVP 0 8 101', 'RTP/AVP 8 101').replace('a=rtpmap:0 PCMU/8000\n', '');
    const messages = await phone(say, sippInvite({ body }) + sippAnswered + sippWaitForBye);
    expect(messages).toMatch(/m=audio \d+ RTP\/AVP 8/);
  });

  it('is on record as hung up by the caller, at any moment', async () => {
    for (const pauseMs of [0, 5, 30, 400]) {
      await phone(
        long,
        `${sippInvite()}${sippAnswered}${pauseMs > 0 ? `<pause milliseconds="${pauseMs}"/>` : ''}${sippBye}`,
      );
      const record = await system.closedCall(long);
      expect(record.legs).toEqual([expect.objectContaining({ cause: 'caller-hangup' })]);
    }
  });

  it('absorbs a resent INVITE and a resent BYE', async () => {
    const same = (message: string, name: string) => withBranch(message, name).replace(' retrans="500"', '');
    const invite = same(sippInvite(), 'invite');
    const bye = same(sippInDialog('BYE', { cseq: 9 }), 'bye');
    await phone(
      long,
      `${invite}<recv response="100"/>${invite}${sippAnswered}<pause milliseconds="200"/>${bye}<recv response="200"/>${bye}<pause milliseconds="300"/>`,
    );
    const record = await system.closedCall(long);
    expect(record.legs).toHaveLength(1);
    expect((await system.calls()).filter((call) => !call.endedAt)).toEqual([]);
  });

  it('whose ACK gets lost is answered again, and lives once the ACK comes', async () => {
    const answered = '<recv response="100" optional="true"/><recv response="200" rrs="true"/>';
    const messages = await phone(
      long,
      `${sippInvite()}${answered}<pause milliseconds="1700"/>${sippAck}<pause milliseconds="300"/>${sippBye}`,
    );
    // At 0, 500 and 1,500 ms (RFC 3261 13.3.1.4), and one to our BYE.
    expect(messages.match(/^SIP\/2\.0 200/gm)?.length).toBeGreaterThanOrEqual(4);
    expect((await system.closedCall(long)).legs).toEqual([expect.objectContaining({ cause: 'caller-hangup' })]);
  });

  it('without an offer in the INVITE gets ours in the 200', async () => {
    const ack = sippInDialog('ACK', { cseq: 1, body: sippSdp });
    const scenario = `${sippInvite({ body: '' })}<recv response="100" optional="true"/><recv response="200" rrs="true"/>${ack}${sippWaitForBye}`;
    const messages = await phone(say, scenario);
    expect(messages).toMatch(/SIP\/2\.0 200[\s\S]*m=audio \d+ RTP\/AVP 0/);
  });

  it('can be held and resumed', async () => {
    const reinvite = (cseq: number, direction: string) =>
      sippInDialog('INVITE', { cseq, body: `${sippSdp}a=${direction}\n` }) +
      `<recv response="100" optional="true"/><recv response="200"/>${sippInDialog('ACK', { cseq })}`;
    const messages = await phone(
      long,
      `${sippInvite()}${sippAnswered}${reinvite(2, 'sendonly')}<pause milliseconds="300"/>${reinvite(3, 'sendrecv')}<pause milliseconds="200"/>${sippBye}`,
    );
    expect(messages).toMatch(/a=recvonly/);
    expect((await system.closedCall(long)).legs).toEqual([expect.objectContaining({ cause: 'caller-hangup' })]);
  });

  it('takes keys sent as SIP INFO', async () => {
    const info = sippInDialog('INFO', {
      cseq: 2,
      body: 'Signal=1\nDuration=160\n',
      contentType: 'application/dtmf-relay',
    });
    await phone(
      menu,
      `${sippInvite()}${sippAnswered}<pause milliseconds="500"/>${info}<recv response="200"/>${sippWaitForBye}`,
    );
    expect(await system.closedCall(menu)).toMatchObject({ outcome: 'one' });
  });

  it('takes keys sent by RFC 4733 from a recording of them', async () => {
    const key = '<nop><action><exec play_pcap_audio="/usr/share/sip-tester/dtmf_2833_1.pcap"/></action></nop>';
    await phone(menu, `${sippInvite()}${sippAnswered}<pause milliseconds="500"/>${key}${sippWaitForBye}`);
    expect(await system.closedCall(menu)).toMatchObject({ outcome: 'one' });
  });
});

describe('the rules of SIP', () => {
  it('OPTIONS is answered', async () => {
    const options = sippInvite({ body: '' }).replaceAll('INVITE', 'OPTIONS');
    await phone(say, `${options}<recv response="200"/>`);
  });

  it('an unknown extension that is required is refused with 420', async () => {
    const messages = await phone(say, refused(420, sippInvite({ headers: 'Require: telepathy' })));
    expect(messages).toMatch(/Unsupported: *telepathy/i);
  });

  it('Max-Forwards 0 is no reason to refuse at the end of the way (RFC 3261 8.2)', async () => {
    const invite = sippInvite().replace('Max-Forwards: 70', 'Max-Forwards: 0');
    await phone(say, invite + sippAnswered + sippWaitForBye);
  });

  it('a request in a dialog that does not exist gets 481', async () => {
    const bye = sippInvite({ body: '' })
      .replaceAll('INVITE', 'BYE')
      .replace(/To: .*/, 'To: <sip:[service]@[remote_ip]:[remote_port]>;tag=nobody');
    await phone(say, `${bye}<recv response="481"/>`);
  });
});
