import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/poll.ts';
import * as call from './sipp.ts';
import type { App, SrfRequest } from './srf-types.ts';
import { connectSrf, killSrf, localSdp, type Switch, startSwitch } from './support.ts';

/** Calls by an unmodified drachtio-srf to the network. Passes on a real drachtio-server 0.9.10 too (DRACHTIO_BIN). */

let under: Switch;
let srf: App;
let phones: call.Sipp[] = [];
beforeEach(async () => {
  under = await startSwitch();
  srf = await connectSrf(under);
});
afterEach(async () => {
  for (const phone of phones) phone.stop();
  phones = [];
  killSrf(srf);
  await under.stop();
});

async function phone(...steps: string[]): Promise<call.Sipp> {
  const started = await call.sipp(steps);
  phones.push(started);
  return started;
}

const invited =
  '<recv request="INVITE" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="seq"/></action></recv><Reference variables="seq"/>';
const ring = [invited, call.reply('100 Trying'), call.reply('180 Ringing')];
const pickUp = [call.reply('200 OK', { body: call.sdpBody() }), call.receiveRequest('ACK')];
const cancelled = [
  call.receiveRequest('CANCEL'),
  call.reply('200 OK'),
  call.reply('487 Request Terminated').replace('[last_CSeq:]', 'CSeq: [$seq] INVITE'),
  call.receiveRequest('ACK'),
];

describe('createUAC', () => {
  test('answered, we hang up', async () => {
    const callee = await phone(...ring, ...pickUp, call.waitForBye);
    const provisional: number[] = [];
    const dialog = await srf.createUAC(
      `sip:agent@127.0.0.1:${callee.port}`,
      { localSdp, callingNumber: '0312345678', headers: { 'X-Leg': 'leg-1' } },
      { cbProvisional: (res) => provisional.push(res.status) },
    );
    expect(dialog.remote.sdp).toContain('m=audio 40000');
    expect(dialog.id).toBe(`${dialog.sip.callId};from-tag=${dialog.id.split('from-tag=')[1]}`);
    await dialog.destroy();
    await callee.done;
    expect(provisional).toEqual([180]);
  });

  test('the request as sent is told: our address, names and numbers', async () => {
    const callee = await phone(...ring, ...pickUp, call.waitForBye);
    const sent: SrfRequest[] = [];
    const dialog = await srf.createUAC(
      `sip:agent@127.0.0.1:${callee.port}`,
      { localSdp, callingNumber: '0312345678', headers: { 'X-Leg': 'leg-1', 'user-agent': 'mine' } },
      { cbRequest: (_error, req) => sent.push(req) },
    );
    const [invite] = sent;
    expect(invite?.get('From')).toMatch(/<sip:0312345678@127\.0\.0\.1:\d+>;tag=/);
    expect(invite?.get('From')).toContain(`:${under.sipPort}>`);
    expect(invite?.get('Contact')).toContain(`sip:0312345678@${under.sip}`);
    expect(invite?.get('To')).toContain(`sip:agent@127.0.0.1:${callee.port}`);
    expect(invite?.get('X-Leg')).toBe('leg-1');
    expect(invite?.get('User-Agent')).toBe('mine');
    expect(invite?.get('Content-Type')).toBe('application/sdp');
    expect(invite?.body).toBe(localSdp);
    await dialog.destroy();
    await callee.done;
  });

  test('answered, the callee hangs up', async () => {
    const bye = call
      .request('BYE', 7)
      .replace(/From: .*/, 'From: [$to]')
      .replace(/To: .*/, 'To: [$from]');
    const learn = `<recv request="ACK" rrs="true"><action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/></action></recv>`;
    const answer = call.reply('200 OK', { body: call.sdpBody() });
    const callee = await phone(...ring, answer, learn, call.pause(100), bye, call.receive(200));
    const dialog = await srf.createUAC(`sip:agent@127.0.0.1:${callee.port}`, { localSdp });
    let ended = false;
    dialog.on('destroy', () => {
      ended = true;
    });
    await callee.done;
    await eventually('the end of the dialog', () => ended);
  });

  test.each([['486 Busy Here', 486] as const, ['603 Decline', 603] as const, ['404 Not Found', 404] as const])(
    'refused with %s',
    async (line, status) => {
      const callee = await phone(...ring, call.reply(line), call.receiveRequest('ACK'));
      const error = await srf.createUAC(`sip:agent@127.0.0.1:${callee.port}`, { localSdp }).then(
        () => undefined,
        (reason: { status: number }) => reason,
      );
      expect(error?.status).toBe(status);
      await callee.done;
    },
  );

  test('rings, then we cancel', async () => {
    const callee = await phone(...ring, ...cancelled);
    const requests: SrfRequest[] = [];
    const outcome = srf
      .createUAC(
        `sip:agent@127.0.0.1:${callee.port}`,
        { localSdp },
        {
          cbRequest: (_error, req) => requests.push(req),
          cbProvisional: () => requests[0]?.cancel(),
        },
      )
      .then(
        () => 0,
        (reason: { status: number }) => reason.status,
      );
    expect(await outcome).toBe(487);
  });

  test('our cancel crosses the answer: acknowledged, ended, and told', async () => {
    const answer = call.reply('200 OK', { body: call.sdpBody() }).replace('[last_CSeq:]', 'CSeq: [$seq] INVITE');
    const late = [call.receiveRequest('CANCEL'), call.reply('200 OK'), answer, call.receiveRequest('ACK')];
    const callee = await phone(...ring, ...late, call.waitForBye);
    const requests: SrfRequest[] = [];
    const dialog = await srf.createUAC(
      `sip:agent@127.0.0.1:${callee.port}`,
      { localSdp },
      { cbRequest: (_error, req) => requests.push(req), cbProvisional: () => requests[0]?.cancel() },
    );
    const reasons: string[] = [];
    dialog.on('destroy', (_bye, reason) => reasons.push(String(reason)));
    await callee.done;
    await eventually('the end of the dialog', () => reasons.length === 1);
    expect(reasons).toEqual(['ACK-BYE due to cancel race condition']);
  });

  test('a reliable 183 is acknowledged with PRACK', async () => {
    const reliable = call.reply('183 Session Progress', {
      body: call.sdpBody(),
      headers: 'Require: 100rel\nRSeq: 77',
    });
    const prack =
      '<recv request="PRACK" rrs="true"><action><ereg regexp="^ *77 [0-9]+ INVITE" search_in="hdr" header="RAck:" check_it="true" assign_to="rack"/></action></recv><Reference variables="rack"/>';
    const answer = call.reply('200 OK', { body: call.sdpBody() }).replace('[last_CSeq:]', 'CSeq: [$seq] INVITE');
    const branch = '[last_Via:]';
    const learn = invited.replace(
      '</action>',
      '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/></action>',
    );
    const later = answer.replace(branch, 'Via:[$via]').replace(';tag=[pid]B[call_number]', '');
    const steps = [learn, reliable, prack, call.reply('200 OK', {}, ''), later, call.receiveRequest('ACK')];
    const callee = await phone(...steps, call.waitForBye);
    const seen: number[] = [];
    const dialog = await srf.createUAC(
      `sip:agent@127.0.0.1:${callee.port}`,
      { localSdp, headers: { Supported: '100rel' } },
      { cbProvisional: (res) => seen.push(res.status) },
    );
    await dialog.destroy();
    await callee.done;
    expect(seen).toEqual([183]);
  });

  test('offerless: the offer comes in the 200, our answer goes in the ACK', async () => {
    const answerInAck = `<recv request="ACK" rrs="true"><action><ereg regexp="m=audio 40002" search_in="body" check_it="true" assign_to="sdp"/></action></recv><Reference variables="sdp"/>`;
    const callee = await phone(...ring, call.reply('200 OK', { body: call.sdpBody() }), answerInAck, call.waitForBye);
    const { sdp, ack } = await srf.createUAC(`sip:agent@127.0.0.1:${callee.port}`, { noAck: true });
    expect(sdp).toContain('m=audio 40000');
    const dialog = await ack(localSdp);
    await dialog.destroy();
    await callee.done;
  });

  test('through a proxy', async () => {
    const callee = await phone(...ring, ...pickUp, call.waitForBye);
    const proxy = `sip:127.0.0.1:${callee.port}`;
    const dialog = await srf.createUAC('sip:agent@192.0.2.1', { localSdp, proxy });
    await dialog.destroy();
  });

  test('behind NAT: ACK and BYE go where the answer came from, whatever the Contact says', async () => {
    const natted = (step: string) =>
      step.replace('<sip:callee@[local_ip]:[local_port];', '<sip:callee@10.255.255.1:5060;');
    const callee = await phone(...[...ring, ...pickUp].map(natted), call.waitForBye);
    const proxy = `sip:127.0.0.1:${callee.port}`;
    const dialog = await srf.createUAC('sip:agent@10.255.255.1:5060', { localSdp, proxy });
    await dialog.destroy();
    await callee.done;
  });

  test('challenged: goes again with credentials under the same Call-ID', async () => {
    const challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="abc", algorithm=MD5, qop="auth"';
    const callee = await phone(
      call.receiveRequest('INVITE'),
      call.reply('401 Unauthorized', { headers: challenge }),
      call.receiveRequest('ACK'),
      '<recv request="INVITE" rrs="true"><action><ereg regexp="Digest username" search_in="hdr" header="Authorization:" check_it="true" assign_to="auth"/></action></recv><Reference variables="auth"/>',
      ...pickUp,
      call.waitForBye,
    );
    const auth = { username: 'agent', password: 'secret' };
    const dialog = await srf.createUAC(`sip:agent@127.0.0.1:${callee.port}`, { localSdp, auth });
    await dialog.destroy();
    await callee.done;
  });
});

describe('requests outside a dialog', () => {
  test('OPTIONS and its answer', async () => {
    const callee = await phone(
      call.receiveRequest('OPTIONS'),
      call.settle,
      call.reply('200 OK', { headers: 'X-Load: 3' }),
    );
    const req = await srf.request(`sip:media@127.0.0.1:${callee.port}`, { method: 'OPTIONS' });
    const loads: string[] = [];
    req.on('response', (res) => loads.push(res.get('X-Load')));
    await eventually('the answer', () => loads.length === 1);
    expect(loads).toEqual(['3']);
  });
});

describe('createB2BUA', () => {
  function bridge(port: number, ended: string[] = []) {
    srf.invite(async (req, res) => {
      const { uas, uac } = await srf
        .createB2BUA(req, res, `sip:agent@127.0.0.1:${port}`, { localSdp: req.body })
        .catch(() => ({ uas: undefined, uac: undefined }));
      uas?.on('destroy', () => {
        ended.push('caller');
        void uac?.destroy();
      });
      uac?.on('destroy', () => {
        ended.push('callee');
        void uas?.destroy();
      });
    });
  }

  test('answered, the caller hangs up', async () => {
    const ended: string[] = [];
    const callee = await phone(...ring, ...pickUp, call.waitForBye);
    bridge(callee.port, ended);
    const steps = [call.invite(), call.maybe(100), call.receive(180), call.receive(200), call.request('ACK', 1)];
    const caller = await call.sipp([...steps, call.pause(50), call.hangUp()], { target: under.sip });
    await Promise.all([caller.done, callee.done]);
    expect(ended).toEqual(['caller']);
  });

  test('busy is passed on', async () => {
    const callee = await phone(...ring, call.reply('486 Busy Here'), call.receiveRequest('ACK'));
    bridge(callee.port);
    const caller = await call.sipp([call.invite(), call.refused(486)], { target: under.sip });
    await Promise.all([caller.done, callee.done]);
  });

  test('the caller gives up: the callee’s phone stops ringing', async () => {
    const callee = await phone(...ring, ...cancelled);
    bridge(callee.port);
    const steps = [call.invite(), call.maybe(100), call.receive(180), call.cancel, call.receive(200)];
    const caller = await call.sipp([...steps, call.receive(487), call.ackFailure], { target: under.sip });
    await Promise.all([caller.done, callee.done]);
  });

  test('offerless caller: the callee’s offer to the caller, the caller’s answer to the callee', async () => {
    const answerInAck =
      '<recv request="ACK" rrs="true"><action><ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="sdp"/></action></recv><Reference variables="sdp"/>';
    const callee = await phone(...ring, call.reply('200 OK', { body: call.sdpBody() }), answerInAck, call.waitForBye);
    bridge(callee.port);
    const ack = call.request('ACK', 1, { body: call.sdpBody('recvonly') });
    const steps = [call.invite({}), call.maybe(100), call.maybe(180), call.receive(200), ack, call.pause(200)];
    const caller = await call.sipp([...steps, call.hangUp()], { target: under.sip });
    await Promise.all([caller.done, callee.done]);
  });
});
