import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/poll.ts';
import * as call from './sipp.ts';
import type { App } from './srf-types.ts';
import { connectSrf, killSrf, localSdp, RawClient, type SwitchOptions, startEmbedded } from './support.ts';

/** What ours does on purpose where the real one does otherwise, or nothing (README of the room). */

type Embedded = Awaited<ReturnType<typeof startEmbedded>>;
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: SwitchOptions = {}): Promise<Embedded> {
  const under = await startEmbedded(options);
  cleanUps.push(() => under.stop());
  return under;
}

async function connect(under: Embedded): Promise<App> {
  const app = await connectSrf(under);
  cleanUps.push(() => killSrf(app));
  return app;
}

async function phone(...steps: string[]): Promise<call.Sipp> {
  const started = await call.sipp(steps);
  cleanUps.push(() => started.stop());
  return started;
}

const refusedWithRetryAfter = [
  call.maybe(100),
  call.maybe(180),
  '<recv response="503" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="Retry-After:" check_it="true" assign_to="after"/></action></recv>',
  call.ackFailure,
  '<Reference variables="after"/>',
].join('\n');

describe('a client dies', () => {
  test.each([[false], [true]])('while a caller waits (told it rings: %s): 503 with Retry-After', async (ringing) => {
    const under = await start();
    const app = await connect(under);
    app.invite((_req, res) => {
      if (ringing) res.send(180, {}, () => killSrf(app));
      else killSrf(app);
    });
    const caller = await call.sipp([call.invite(), refusedWithRetryAfter], { target: under.sip });
    await caller.done;
    expect(under.server.status.calls).toBe(0);
  });

  test('while a phone rings for it: the ringing stops', async () => {
    const under = await start();
    const app = await connect(under);
    const stopped = [call.receiveRequest('CANCEL'), call.reply('200 OK')];
    const callee = await phone(
      '<recv request="INVITE" rrs="true"><action><ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="seq"/></action></recv>',
      call.reply('180 Ringing'),
      ...stopped,
      call.reply('487 Request Terminated').replace('[last_CSeq:]', 'CSeq: [$seq] INVITE'),
      call.receiveRequest('ACK'),
    );
    const options = { localSdp };
    app
      .createUAC(`sip:agent@127.0.0.1:${callee.port}`, options, { cbProvisional: () => killSrf(app) })
      .catch(() => undefined);
    await callee.done;
  });

  test('just as a phone is answered: acknowledged, then ended', async () => {
    const under = await start();
    const app = await connect(under);
    const answer = call.reply('200 OK', { body: call.sdpBody() });
    const callee = await phone(call.receiveRequest('INVITE'), answer, call.receiveRequest('ACK'), call.waitForBye);
    app
      .createUAC(`sip:agent@127.0.0.1:${callee.port}`, { noAck: true })
      .then(() => killSrf(app))
      .catch(() => undefined);
    await callee.done;
    await eventually('nothing to be left', () => under.server.status.dialogs === 0);
  });

  test('before it answers a BYE: the caller hears 200 all the same', async () => {
    const under = await start();
    const client = await RawClient.authenticated(under);
    await client.ask('route|invite');
    const steps = [call.invite(), call.answered, call.hangUp()];
    const caller = await call.sipp(steps, { target: under.sip });
    const { tokens } = await client.take(/\|sip\|network\|.*\r\nINVITE /s);
    await client.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n${localSdp}`);
    await client.take(/\|sip\|network\|.*\r\nBYE /s);
    client.socket.destroy();
    await caller.done;
  });
});

describe('a client that says nothing', () => {
  test('to an INVITE: 503', async () => {
    const under = await start({ patience: { newRequestMs: 200, inDialogMs: 200 } });
    const client = await RawClient.authenticated(under);
    await client.ask('route|invite');
    const caller = await call.sipp([call.invite(), refusedWithRetryAfter], { target: under.sip });
    await caller.done;
    const { tokens } = await client.take(/\|sip\|network\|.*\r\nINVITE /s);
    expect(await client.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n`)).toMatch(/unknown transaction/);
  });

  test('to INFO and BYE in a dialog: 500 and 200', async () => {
    const under = await start({ patience: { newRequestMs: 5_000, inDialogMs: 200 } });
    const client = await RawClient.authenticated(under);
    await client.ask('route|invite');
    const steps = [call.invite(), call.answered, call.request('INFO', 2), call.receive(500), call.hangUp()];
    const caller = await call.sipp(steps, { target: under.sip });
    const { tokens } = await client.take(/\|sip\|network\|.*\r\nINVITE /s);
    await client.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n\r\n${localSdp}`);
    await caller.done;
    expect(under.server.status).toEqual({ clients: 1, dialogs: 0, calls: 0 });
  });
});

describe('endings nobody asked for are told', () => {
  test('the caller never acknowledges: BYE to it, destroy to the application', async () => {
    const under = await start({ t1Ms: 10 });
    const app = await connect(under);
    const reasons: unknown[] = [];
    app.invite(async (req, res) => {
      const dialog = await app.createUAS(req, res, { localSdp });
      dialog.on('destroy', (_bye, reason) => reasons.push(reason));
    });
    const steps = [call.invite(), call.maybe(100), call.receive(200), call.waitForBye];
    const caller = await call.sipp(steps, { target: under.sip });
    await eventually('the end', () => reasons.length === 1);
    expect(reasons).toEqual(['ACK timeout']);
    await caller.done;
    expect(under.server.status).toMatchObject({ dialogs: 0, calls: 0 });
  });
});

describe('limits', () => {
  test('calls at once: one more is refused, and taken once there is room', async () => {
    const under = await start({ limits: { maxCalls: 1, maxCallsPerSecond: 100 } });
    const app = await connect(under);
    let offered = 0;
    app.invite(async (req, res) => {
      offered++;
      const dialog = await app.createUAS(req, res, { localSdp });
      dialog.on('message', () => void dialog.destroy());
    });
    const first = await call.sipp([call.invite(), call.answered, call.pause(600), call.hangUp()], {
      target: under.sip,
    });
    await eventually('the first call', () => under.server.status.dialogs === 1);
    const second = await call.sipp([call.invite(), refusedWithRetryAfter], { target: under.sip });
    await second.done;
    expect(offered).toBe(1);
    await first.done;
    await eventually('room', () => under.server.status.calls === 0);
    const third = await call.sipp([call.invite(), call.answered, call.hangUp()], { target: under.sip });
    await third.done;
  });

  test('refused, cancelled and rejected calls give their place back', async () => {
    const under = await start({ limits: { maxCalls: 1, maxCallsPerSecond: 100 } });
    const app = await connect(under);
    app.invite((req, res) => {
      if (req.has('X-Reject')) res.send(486);
      else res.send(180);
    });
    const rejected = call.invite({ headers: 'X-Reject: yes' });
    for (let round = 0; round < 2; round++) {
      await (await call.sipp([rejected, call.refused(486)], { target: under.sip })).done;
      const ends = [call.cancel, call.receive(200), call.receive(487), call.ackFailure];
      const steps = [call.invite(), call.maybe(100), call.receive(180), ...ends];
      await (await call.sipp(steps, { target: under.sip })).done;
    }
    expect(under.server.status.calls).toBe(0);
  });

  test('a flood: what is over the rate is refused, the rest is served', async () => {
    const under = await start({ limits: { maxCalls: 1_000, maxCallsPerSecond: 10 } });
    const app = await connect(under);
    let offered = 0;
    app.invite((_req, res) => {
      offered++;
      res.send(486);
    });
    const either = [call.invite(), call.maybe(100), '<recv response="486" optional="true" next="1"/>'];
    const steps = [...either, call.receive(503), '<label id="1"/>', call.ackFailure];
    const caller = await call.sipp(steps, { target: under.sip, calls: 60 });
    await caller.done;
    expect(offered).toBeGreaterThanOrEqual(10);
    expect(offered).toBeLessThan(30);
  });

  test('exempt sources are never refused', async () => {
    const under = await start({ limits: { maxCalls: 0, maxCallsPerSecond: 1, isExempt: () => true } });
    const app = await connect(under);
    app.invite((_req, res) => res.send(486));
    await (await call.sipp([call.invite(), call.refused(486)], { target: under.sip })).done;
  });
});

describe('clients that misbehave', () => {
  test('nothing before the secret', async () => {
    const under = await start();
    const client = await RawClient.connect(under);
    expect(await client.ask('route|invite')).toBe('NO|not authenticated');
    await eventually('the connection to close', () => client.closed);
  });

  test('a long frame before the secret, and a connection that says nothing', async () => {
    const under = await start({ clientLimits: { authenticateWithinMs: 100 } });
    const [long, silent] = [await RawClient.connect(under), await RawClient.connect(under)];
    long.socket.write('99999#');
    await eventually('both to be closed', () => long.closed && silent.closed);
  });

  test('a client that does not read is dropped; the others notice nothing', async () => {
    const under = await start({ clientLimits: { maxBufferedBytes: 100_000 } });
    const app = await connect(under);
    app.invite((_req, res) => res.send(486));
    const deaf = await RawClient.authenticated(under);
    deaf.socket.pause();
    const ping = 'p|ping';
    const flood = Buffer.from(`${Buffer.byteLength(ping)}#${ping}`.repeat(2_000));
    const flooding = setInterval(() => deaf.socket.write(flood), 1);
    cleanUps.push(() => clearInterval(flooding));
    await eventually('it to be dropped', () => under.server.status.clients === 1, { timeoutMs: 15_000 });
    clearInterval(flooding);
    await (await call.sipp([call.invite(), call.refused(486)], { target: under.sip })).done;
  });

  test('header injection: a line break in a value does not reach the wire', async () => {
    const under = await start();
    const client = await RawClient.authenticated(under);
    const callee = await phone(call.receiveRequest('OPTIONS'), call.reply('200 OK'));
    const target = `sip:x@127.0.0.1:${callee.port}`;
    const answer = await client.ask(`sip||\r\nOPTIONS ${target} SIP/2.0\r\nX-One: a\nX-Two: b\r\nBad Name: c\r\n`);
    expect(answer).toContain('X-One: a X-Two: b\r\n');
    expect(answer).not.toContain('Bad Name');
    await callee.done;
  });
});
