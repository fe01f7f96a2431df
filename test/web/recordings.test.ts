import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRecordingLinks } from '../../src/desk/recording-links.ts';
import type { VoicemailStore } from '../../src/desk/voicemail.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { fact, offered } from '../support/facts.ts';
import { momo, sakura, user } from '../support/people.ts';
import { type Browser, errorCode, startServer, type TestServer } from './support.ts';

const people = {
  operator: user('root', { role: 'operator' }),
  supervisor: user('boss', { role: 'supervisor' }),
  agent: user('hanako'),
  own: user('sakura-san', { role: 'account', accountId: 'sakura' }),
  other: user('momo-san', { role: 'account', accountId: 'momo' }),
};
const dayMs = 86_400_000;
/** Any bytes: nobody plays them here. */
const wav = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 256));
const sound = '/calls/call_a/recordings/call_a_r3';
const folder = mkdtempSync(join(tmpdir(), 'denwaban-recordings-'));
let aheadMs = 0;
const clock: Clock = { ...systemClock, nowMs: () => systemClock.nowMs() + aheadMs };
let server: TestServer;
const browsers = new Map<string, Browser>();

beforeAll(async () => {
  mkdirSync(join(folder, 'sakura'));
  writeFileSync(join(folder, 'secret.wav'), 'of nobody');
  writeFileSync(join(folder, 'sakura/call_a-call_a_r3.wav'), wav);
  writeFileSync(join(folder, 'sakura/call_a-talk_1.wav'), 'a talk');
  const later: { data?: TestServer['data'] } = {};
  const store = (): VoicemailStore => {
    if (!later.data) throw new Error('the server has not started');
    return later.data.voicemails;
  };
  const voicemails = {
    find: (id: string) => store().find(id),
    list: (options: Parameters<VoicemailStore['list']>[0]) => store().list(options),
    nowhere: (options: { sinceMs: number }) => store().nowhere(options),
  };
  server = await startServer({ clock, recordings: { folder, voicemails } });
  const { data } = server;
  later.data = data;
  await data.accounts.saveAccount(sakura);
  await data.accounts.saveAccount(momo);
  for (const [who, one] of Object.entries(people)) {
    await server.addUser(one);
    browsers.set(who, await server.browserOf(one));
  }
  const base = { type: 'recorded', legId: 'call_a-caller', file: '/elsewhere/x.wav', durationMs: 2_400 } as const;
  await new SqlFactStore(server.database).append([
    offered('call_a'),
    fact('call_a', 2, { ...base, recordingId: 'call_a_r3', message: 'taken' }),
    fact('call_a', 3, { ...base, recordingId: 'talk_1', agentId: 'user_hanako' }),
    fact('call_a', 4, { ...base, recordingId: 'gone_1', message: 'taken' }),
  ]);
  const report = { reportedAtMs: 1, callerNumber: '+819012345678', subject: '', text: '', fields: {} };
  await data.voicemails.report('call_a_r3', { ...report, destinations: ['office'] });
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const link = async (recordingId = 'call_a_r3', accountId = 'sakura') => {
  const secrets = server.data.webhookSecrets;
  const links = createRecordingLinks({
    ...{ secrets, baseUrl: () => server.url, nowMs: () => clock.nowMs(), lifetimeMs: 14 * dayMs },
  });
  return (await links.make({ accountId, recordingId })).url;
};
const at = (url: string, change: (parts: URL) => void) => {
  const parts = new URL(url);
  change(parts);
  return parts.href;
};
const browserOf = (who: keyof typeof people) => {
  const browser = browsers.get(who);
  if (!browser) throw new Error(`${who} is not signed in`);
  return browser;
};
const statusOf = async (url: string, init: RequestInit = {}) => (await fetch(url, init)).status;

describe('a link of a report', () => {
  it('plays the message without a session, as a file with a name, whole and in ranges', async () => {
    const url = await link();
    const whole = await fetch(url);
    expect(whole.status).toBe(200);
    expect(Buffer.from(await whole.arrayBuffer())).toEqual(wav);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      ...{ 'content-type': 'audio/wav', 'accept-ranges': 'bytes', 'cache-control': 'private, no-store' },
      'content-disposition': 'inline; filename="message-20260105-100002.wav"',
      'x-content-type-options': 'nosniff',
    });
    const part = await fetch(url, { headers: { range: 'bytes=100-199' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 100-199/1000']);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(wav.subarray(100, 200));
    expect(await statusOf(url, { method: 'HEAD' })).toBe(200);
    expect(await statusOf(url, { headers: { range: 'bytes=5000-' } })).toBe(416);
    const end = await fetch(url, { headers: { range: 'bytes=-10' } });
    expect([end.status, Buffer.from(await end.arrayBuffer())]).toEqual([206, wav.subarray(990)]);
  });

  it('leads nowhere else: changed, for another recording, signed for another account, without its signature', async () => {
    const url = await link();
    const forged = [
      at(url, ({ searchParams }) => searchParams.set('until', String(Number(searchParams.get('until')) + 60))),
      at(url, ({ searchParams }) => searchParams.set('sig', `${searchParams.get('sig')?.slice(0, -2)}AA`)),
      at(url, (parts) => {
        parts.pathname = '/recordings/gone_1';
      }),
      await link('call_a_r3', 'momo'),
      await link('talk_1'),
      await link('unknown'),
      at(url, (parts) => {
        parts.pathname = '/recordings/..%2F..%2Fsecret';
      }),
      at(url, (parts) => {
        parts.pathname = '/recordings/..%2Fsecret.wav';
      }),
    ];
    for (const one of forged) {
      const statuses = [await statusOf(one), await statusOf(one, { method: 'HEAD' })];
      expect([one, ...statuses, await statusOf(one, { headers: { range: 'bytes=0-9' } })]).toEqual([
        one,
        404,
        404,
        404,
      ]);
    }
    expect(await statusOf(at(url, ({ searchParams }) => searchParams.delete('sig')))).toBe(400);
    // Its file is not there: to a browser, too, this is no page.
    expect(await statusOf(await link('gone_1'), { headers: { accept: 'text/html' } })).toBe(404);
  });

  it('expires, and is ended with the secret of its account alone', async () => {
    const url = await link();
    aheadMs = 15 * dayMs;
    expect(await statusOf(url)).toBe(410);
    // A player that has begun hears no more of it, nor how long it is.
    expect(await statusOf(url, { headers: { range: 'bytes=100-199' } })).toBe(410);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('accept-ranges'), head.headers.get('content-disposition')]).toEqual([
      410,
      null,
      null,
    ]);
    aheadMs = 0;
    expect(await statusOf(url)).toBe(200);
    const momoSan = browserOf('other');
    expect((await momoSan.send('POST', '/accounts/sakura/recording-links/end')).status).toBe(404);
    expect((await momoSan.send('POST', '/accounts/momo/recording-links/end')).status).toBe(200);
    expect(await statusOf(url)).toBe(200);
    const sakuraSan = browserOf('own');
    expect((await sakuraSan.send('POST', '/accounts/sakura/recording-links/end')).status).toBe(200);
    expect(await statusOf(url)).toBe(404);
    expect(await statusOf(await link())).toBe(200);
    expect((await server.data.audit.list({ limit: 1 })).map(({ action }) => action)).toEqual([
      'account.end-recording-links',
    ]);
  });
});

describe('the sound of a recording on the pages', () => {
  it.each([
    ['operator', 200],
    ['supervisor', 200],
    ['own', 200],
    ['other', 404],
    ['agent', 403],
  ] as const)('%s: %i', async (who, status) => {
    const cookie = browserOf(who).cookie ?? '';
    expect((await fetch(`${server.url}/api/v1${sound}`, { headers: { cookie } })).status).toBe(status);
    const talk = `${server.url}/api/v1/calls/call_a/recordings/talk_1`;
    expect((await fetch(talk, { headers: { cookie } })).status).toBe(status);
  });

  it('is in the list of messages, which is each account’s own', async () => {
    const listOf = (who: keyof typeof people, query = '') => browserOf(who).send('GET', `/voicemails${query}`);
    const message = {
      ...{ recordingId: 'call_a_r3', callId: 'call_a', accountId: 'sakura', accountName: 'さくら歯科' },
      ...{ callerNumber: '+819012345678', durationMs: 2_400, deliveries: 1 },
    };
    for (const who of ['operator', 'supervisor', 'own'] as const) {
      expect((await listOf(who)).body).toMatchObject({ voicemails: [message] });
    }
    expect((await listOf('other')).body).toEqual({ voicemails: [] });
    expect((await listOf('other', '?accountId=sakura')).body).toEqual({ voicemails: [] });
    expect(errorCode(await listOf('agent'))).toBe('NOT_ALLOWED');
  });
});
