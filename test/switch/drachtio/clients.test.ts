import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/poll.ts';
import * as call from './sipp.ts';
import type { App, SrfDialog } from './srf-types.ts';
import { connectSrf, killSrf, localSdp, RawClient, type Switch, startSwitch } from './support.ts';

/** Several clients, and clients that go away. Passes on a real drachtio-server 0.9.10 too (DRACHTIO_BIN). */

let under: Switch;
const apps: App[] = [];
beforeEach(async () => {
  under = await startSwitch();
});
afterEach(async () => {
  for (const app of apps.splice(0)) killSrf(app);
  await under.stop();
});

async function connect(): Promise<App> {
  const app = await connectSrf(under);
  apps.push(app);
  return app;
}

/** Sends in a dialog from a client that never saw it. */
async function fromAnother(client: RawClient, method: string, dialogId: string, rest = ''): Promise<string> {
  return client.ask(`sip||${dialogId}\r\n${method} sip:placeholder SIP/2.0\r\n${rest}`);
}

describe('several clients', () => {
  test('new calls go round among those who want them', async () => {
    const [one, other] = [await RawClient.authenticated(under), await RawClient.authenticated(under)];
    await one.ask('route|options');
    await other.ask('route|options');
    const options = call.request('OPTIONS', 1).replace('[next_url]', 'sip:[service]@[remote_ip]:[remote_port]');
    const steps = [options.replace('[peer_tag_param]', ''), call.receive(200)];
    const takers: string[] = [];
    for (let round = 0; round < 4; round++) {
      const caller = await call.sipp(steps, { target: under.sip });
      const pattern = /\|sip\|network\|.*\r\nOPTIONS /s;
      const taker = await eventually('someone to get it', () =>
        [one, other].find((client) => client.frames.some((frame) => pattern.test(frame))),
      );
      takers.push(taker === one ? 'one' : 'other');
      const { tokens } = await taker.take(pattern);
      await taker.ask(`sip|${tokens[8]}|\r\nSIP/2.0 200 OK\r\n`);
      await caller.done;
    }
    expect(takers).toEqual(['one', 'other', 'one', 'other']);
    one.socket.destroy();
    other.socket.destroy();
  });

  test('a client that goes is passed over', async () => {
    const [gone, stays] = [await RawClient.authenticated(under), await RawClient.authenticated(under)];
    await gone.ask('route|invite');
    await stays.ask('route|invite');
    gone.socket.destroy();
    await eventually('the connection to close', () => gone.closed);
    expect(await stays.ask('ping')).toBe('OK|pong');
    for (let round = 0; round < 2; round++) {
      const caller = await call.sipp([call.invite(), call.refused(486)], { target: under.sip });
      const { tokens } = await stays.take(/\|sip\|network\|.*\r\nINVITE /s);
      await stays.ask(`sip|${tokens[8]}|\r\nSIP/2.0 486 Busy Here\r\n`);
      await caller.done;
    }
    stays.socket.destroy();
  });

  test('remove_route takes the client off every method, whichever it names', async () => {
    const client = await RawClient.authenticated(under);
    await client.ask('route|invite');
    await client.ask('route|options');
    expect(await client.ask('remove_route|options')).toBe('OK');
    const caller = await call.sipp([call.invite(), call.refused(503)], { target: under.sip });
    await caller.done;
    client.socket.destroy();
  });

  test('one client sends in the dialog of another, and gets the answer', async () => {
    const app = await connect();
    const dialogs: SrfDialog[] = [];
    app.invite(async (req, res) => dialogs.push(await app.createUAS(req, res, { localSdp })));
    const theirs = [call.receiveRequest('INFO'), call.reply('200 OK', { headers: 'X-Heard: yes' }, '')];
    const caller = await call.sipp([call.invite(), call.answered, ...theirs, call.waitForBye], { target: under.sip });
    const dialog = await eventually('the call', () => dialogs[0]);
    const other = await RawClient.authenticated(under);
    expect(await fromAnother(other, 'INFO', dialog.id)).toMatch(/^OK\|application\|/);
    const answer = await other.take(/\|sip\|network\|.*\r\nSIP\/2\.0 200 /s);
    expect(answer.tokens[9]).toBe(dialog.id);
    expect(answer.sip).toContain('X-Heard: yes');
    await fromAnother(other, 'BYE', dialog.id);
    await other.take(/\|sip\|network\|.*\r\nSIP\/2\.0 200 .*BYE/s);
    expect(await fromAnother(other, 'BYE', dialog.id)).toMatch(/unable to find dialog/);
    await caller.done;
    other.socket.destroy();
  });
});

describe('a client that goes away in a call', () => {
  /** A call whose client dies once it is answered. */
  async function orphan(...steps: string[]): Promise<{ caller: call.Sipp; dialogId: string }> {
    const app = await connect();
    const dialogs: SrfDialog[] = [];
    app.invite(async (req, res) => {
      const dialog = await app.createUAS(req, res, { localSdp });
      dialog.once('ack', () => dialogs.push(dialog));
    });
    const caller = await call.sipp([call.invite(), call.answered, ...steps], { target: under.sip });
    const dialog = await eventually('the call', () => dialogs[0]);
    killSrf(app);
    return { caller, dialogId: dialog.id };
  }

  test('the call goes on; the next client can talk to the caller and end it', async () => {
    const theirs = [call.receiveRequest('INFO'), call.reply('200 OK', {}, ''), call.waitForBye];
    const { caller, dialogId } = await orphan(...theirs);
    const heir = await RawClient.authenticated(under);
    expect(await fromAnother(heir, 'INFO', dialogId)).toMatch(/^OK\|/);
    await heir.take(/\r\nSIP\/2\.0 200 .*INFO/s);
    expect(await fromAnother(heir, 'BYE', dialogId)).toMatch(/^OK\|/);
    await caller.done;
    heir.socket.destroy();
  });

  test('the caller hangs up: 481, and the dialog is forgotten', async () => {
    const { caller, dialogId } = await orphan(call.pause(500), call.request('BYE', 2), call.receive(481));
    await caller.done;
    const heir = await RawClient.authenticated(under);
    expect(await fromAnother(heir, 'INFO', dialogId)).toMatch(/unable to find dialog/);
    heir.socket.destroy();
  });

  test('re-INVITE and INFO by the caller: 481', async () => {
    const reinvite = [call.request('INVITE', 3, { body: call.sdpBody() }), call.maybe(100), call.receive(481)];
    const info = [call.request('INFO', 2), call.receive(481)];
    const { caller, dialogId } = await orphan(
      call.pause(500),
      ...info,
      ...reinvite,
      call.request('ACK', 3),
      call.waitForBye,
    );
    const acked = () => caller.messages().split('ACK sip:').length > 2;
    await eventually('SIPp to acknowledge the 481', acked);
    const heir = await RawClient.authenticated(under);
    await fromAnother(heir, 'BYE', dialogId);
    await caller.done;
    heir.socket.destroy();
  });
});

describe('call detail records', () => {
  test('attempt, start and stop of an answered call', async () => {
    const watcher = await RawClient.authenticated(under);
    for (const record of ['attempt', 'start', 'stop']) await watcher.ask(`route|cdr:${record}`);
    const app = await connect();
    app.invite(async (req, res) => {
      await app.createUAS(req, res, { localSdp });
    });
    const steps = [call.invite(), call.answered, call.settle, call.hangUp()];
    const caller = await call.sipp(steps, { target: under.sip });
    await caller.done;
    const time = expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{6}$/);
    const uuid = expect.any(String);
    const attempt = await watcher.take(/\|cdr:attempt\|/);
    expect(attempt.tokens).toEqual([uuid, 'cdr:attempt', 'network', time]);
    expect(attempt.sip).toMatch(/^INVITE /);
    const start = await watcher.take(/\|cdr:start\|/);
    expect(start.tokens).toEqual([uuid, 'cdr:start', 'application', time, 'uas']);
    expect(start.sip).toMatch(/^SIP\/2\.0 200 /);
    const stop = await watcher.take(/\|cdr:stop\|/);
    expect(stop.tokens).toEqual([uuid, 'cdr:stop', 'network', time, 'normal-release']);
    expect(stop.sip).toMatch(/^BYE /);
    watcher.socket.destroy();
  });

  test('a refused call', async () => {
    const watcher = await RawClient.authenticated(under);
    await watcher.ask('route|cdr:stop');
    const app = await connect();
    app.invite((_req, res) => res.send(486));
    const caller = await call.sipp([call.invite(), call.refused(486)], { target: under.sip });
    await caller.done;
    const stop = await watcher.take(/\|cdr:stop\|/);
    expect(stop.tokens.slice(2)).toEqual(['application', expect.any(String), 'call-rejected']);
    expect(stop.sip).toMatch(/^SIP\/2\.0 486 /);
    watcher.socket.destroy();
  });
});
