import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/poll.ts';
import * as call from './sipp.ts';
import type { App } from './srf-types.ts';
import { connectSrf, killSrf, localSdp, type Switch, startSwitch } from './support.ts';

/** Calls from the network to an unmodified drachtio-srf. Passes on a real drachtio-server 0.9.10 too (DRACHTIO_BIN). */

let under: Switch;
let srf: App;
beforeEach(async () => {
  under = await startSwitch();
  srf = await connectSrf(under);
});
afterEach(async () => {
  killSrf(srf);
  await under.stop();
});

describe('answering', () => {
  test.each(['u1', 't1'] as const)('createUAS, the caller hangs up (%s)', async (transport) => {
    const ended: string[] = [];
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp });
      dialog.on('destroy', () => ended.push(dialog.id));
    });
    const caller = await call.sipp([call.invite(), call.answered, call.settle, call.hangUp()], {
      target: transport === 't1' ? under.sipTcp : under.sip,
      transport,
    });
    await caller.done;
    await eventually('the dialog to end', () => ended.length === 1);
    expect(ended[0]).toMatch(/;from-tag=/);
  });

  test('createUAS with SDP from a function, we hang up', async () => {
    const statuses: number[] = [];
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp: () => Promise.resolve(localSdp) });
      dialog.once('ack', async () => {
        const bye = await dialog.destroy();
        statuses.push(bye.method === 'BYE' ? 1 : 0);
      });
    });
    const caller = await call.sipp([call.invite(), call.answered, call.waitForBye], { target: under.sip });
    await caller.done;
    await eventually('the BYE to be confirmed', () => statuses.length === 1);
    expect(statuses).toEqual([1]);
  });

  test('a caller behind NAT: our BYE goes where the INVITE came from, whatever the Contact says', async () => {
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp });
      dialog.once('ack', () => dialog.destroy());
    });
    const natted = call.invite().replace('<sip:caller@[local_ip]:[local_port];', '<sip:caller@10.255.255.1:5060;');
    const caller = await call.sipp([natted, call.answered, call.waitForBye], { target: under.sip });
    await caller.done;
  });

  test('180, 183, then 200; own headers arrive', async () => {
    srf.invite((req, res) => {
      res.send(180);
      res.send(183, { body: localSdp, headers: { 'X-Early': 'yes' } }, async () => {
        await srf.createUAS(req, res, { localSdp, headers: { 'X-Answer': 'yes' } });
      });
    });
    const check = (status: number, header: string) =>
      `<recv response="${status}" rrs="true"><action><ereg regexp="${header}: yes" search_in="msg" check_it="true" assign_to="ok"/></action></recv>`;
    const steps = [call.invite(), call.maybe(100), call.receive(180), check(183, 'X-Early'), check(200, 'X-Answer')];
    const caller = await call.sipp([...steps, call.request('ACK', 1), call.hangUp(), '<Reference variables="ok"/>'], {
      target: under.sip,
    });
    await caller.done;
  });

  test('offerless INVITE: our offer in the 200, the answer in the ACK', async () => {
    const answers: string[] = [];
    srf.invite(async (req, res) => {
      expect(req.body).toBe('');
      const dialog = await srf.createUAS(req, res, { localSdp });
      dialog.once('ack', (ack) => answers.push(ack.body));
    });
    const ack = call.request('ACK', 1, { body: call.sdpBody() });
    const steps = [call.invite({}), call.maybe(100), call.receive(200), ack, call.pause(100), call.hangUp()];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    await eventually('the ACK', () => answers.length === 1);
    expect(answers[0]).toContain('m=audio 40000');
  });
});

describe('reliable provisional answers', () => {
  const prack = `${call.request('PRACK', 2, { headers: 'RAck: [$rseq] 1 INVITE' })}${call.receive(200)}`;
  const reliable183 = `<recv response="183" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq"/></action></recv>`;

  test('a 183 is sent reliably, and its PRACK told', async () => {
    const pracks: string[] = [];
    srf.invite((req, res) => {
      const options = { body: localSdp, headers: { Require: '100rel' } };
      res.send(183, options, undefined, async (ack) => {
        pracks.push(ack.method);
        await srf.createUAS(req, res, { localSdp });
      });
    });
    const offer = call.invite({ body: call.sdpBody(), headers: 'Supported: 100rel' });
    const answered = [call.receive(200), call.request('ACK', 1)];
    const steps = [offer, call.maybe(100), reliable183, prack, ...answered, call.hangUp()];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    expect(pracks).toEqual(['PRACK']);
  });

  test('UPDATE before the answer reaches the one who answers', async () => {
    const updates: string[] = [];
    srf.invite((req, res) => {
      req.on('update', async (update, answer) => {
        updates.push(update.body);
        answer.send(200, { body: localSdp });
        await srf.createUAS(req, res, { localSdp });
      });
      res.send(183, { body: localSdp, headers: { Require: '100rel' } });
    });
    const offer = call.invite({ body: call.sdpBody(), headers: 'Supported: 100rel' });
    const update = [call.request('UPDATE', 3, { body: call.sdpBody('recvonly') }), call.receive(200)];
    const answered = [call.receive(200), call.request('ACK', 1)];
    const steps = [offer, call.maybe(100), reliable183, prack, ...update, ...answered, call.hangUp()];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    expect(updates[0]).toContain('a=recvonly');
  });

  test('to one who does not know it: refused, the call can go on', async () => {
    const errors: unknown[] = [];
    srf.invite((req, res) => {
      res.send(183, { headers: { Require: '100rel' } }, async (error) => {
        errors.push(error);
        await srf.createUAS(req, res, { localSdp });
      });
    });
    const caller = await call.sipp([call.invite(), call.answered, call.hangUp()], { target: under.sip });
    await caller.done;
    expect(errors).toEqual(['Remote endpoint does not support 100rel']);
  });
});

describe('not answering', () => {
  test.each([486, 404, 603])('reject with %i', async (status) => {
    srf.invite((_req, res) => res.send(status));
    const caller = await call.sipp([call.invite(), call.refused(status)], { target: under.sip });
    await caller.done;
  });

  test('the caller cancels while it rings', async () => {
    const cancelled: string[] = [];
    srf.invite((req, res) => {
      req.on('cancel', () => cancelled.push(req.method));
      res.send(180);
    });
    const steps = [call.invite(), call.maybe(100), call.receive(180), call.cancel, call.receive(200)];
    const caller = await call.sipp([...steps, call.receive(487), call.ackFailure], { target: under.sip });
    await caller.done;
    await eventually('the cancel', () => cancelled.length === 1);
  });

  test('the caller cancels before anything was said; a late answer is refused', async () => {
    const outcomes: unknown[] = [];
    srf.invite((req, res) => {
      req.on('cancel', () => res.send(200, { body: localSdp }, (error: unknown) => outcomes.push(error)));
    });
    const steps = [call.invite(), call.receive(100), call.pause(50), call.cancel, call.receive(200)];
    const caller = await call.sipp([...steps, call.receive(487), call.ackFailure], { target: under.sip });
    await caller.done;
    await eventually('the refusal', () => outcomes.length === 1);
    expect(String(outcomes[0])).toMatch(/unknown transaction/);
  });

  test('no client wants INVITEs: 503', async () => {
    const caller = await call.sipp([call.invite(), call.refused(503)], { target: under.sip });
    await caller.done;
  });
});

describe('in the call', () => {
  test('the caller holds and resumes with re-INVITE', async () => {
    const seen: string[] = [];
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp });
      dialog.on('modify', (reinvite, answer) => {
        seen.push(/a=(sendrecv|sendonly)/.exec(reinvite.body)?.[1] ?? '?');
        answer.send(200, { body: localSdp });
      });
    });
    const reinvite = (cseq: number, direction: string) =>
      [
        call.request('INVITE', cseq, { body: call.sdpBody(direction) }),
        call.maybe(100),
        call.receive(200),
        call.request('ACK', cseq),
      ].join('\n');
    const steps = [
      call.invite(),
      call.answered,
      call.settle,
      reinvite(2, 'sendonly'),
      reinvite(3, 'sendrecv'),
      call.hangUp(),
    ];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    expect(seen).toEqual(['sendonly', 'sendrecv']);
  });

  test('INFO from the caller is heard and answered; INFO from us too', async () => {
    const heard: string[] = [];
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp });
      dialog.on('info', async (info, answer) => {
        heard.push(info.body.trim());
        answer.send(200);
        const ours = await dialog.request({
          method: 'INFO',
          headers: { 'Content-Type': 'application/dtmf-relay' },
          body: 'Signal=7\r\n',
        });
        heard.push(String(ours.status));
        await dialog.destroy();
      });
    });
    const info = call.request('INFO', 2, { body: 'Signal=5' });
    const ours = [call.receiveRequest('INFO'), call.reply('200 OK', {}, '')];
    const steps = [call.invite(), call.answered, call.settle, info, call.receive(200), ...ours, call.waitForBye];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    await eventually('both', () => heard.length === 2);
    expect(heard).toEqual(['Signal=5', '200']);
  });

  test('we modify the call; the caller’s answer comes back', async () => {
    const answers: string[] = [];
    srf.invite(async (req, res) => {
      const dialog = await srf.createUAS(req, res, { localSdp });
      dialog.once('ack', async () => {
        answers.push(String(await dialog.modify(localSdp.replace('40002', '40004'))));
        await dialog.destroy();
      });
    });
    const ours = [call.receiveRequest('INVITE'), call.reply('200 OK', { body: call.sdpBody('recvonly') }, '')];
    const steps = [call.invite(), call.answered, ...ours, call.receiveRequest('ACK'), call.waitForBye];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    expect(answers[0]).toContain('a=recvonly');
  });
});

describe('other methods', () => {
  test.each(['OPTIONS', 'MESSAGE', 'REGISTER', 'INFO', 'NOTIFY', 'PUBLISH'])('%s outside a dialog', async (method) => {
    srf.use(method.toLowerCase(), (_req, res) => res.send(200, { headers: { 'X-Seen': 'yes' } }));
    const step = call.request(method, 1).replace('[next_url]', 'sip:[service]@[remote_ip]:[remote_port]');
    const caller = await call.sipp([step.replace('[peer_tag_param]', ''), call.receive(200)], { target: under.sip });
    await caller.done;
  });

  test('BYE for a call nobody knows: 481', async () => {
    const step = call.request('BYE', 1).replace('[next_url]', 'sip:[service]@[remote_ip]:[remote_port]');
    const caller = await call.sipp([step.replace('[peer_tag_param]', ';tag=x'), call.receive(481)], {
      target: under.sip,
    });
    await caller.done;
  });
});
