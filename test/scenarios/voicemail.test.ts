import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type MailServer, type Receiver, startMailServer, startReceiver } from '../outbox/harness.ts';
import { readWav, toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { ownPassword, readSecrets } from '../support/desk-agent.ts';
import { eventually } from '../support/poll.ts';
import { type System, startSystem } from '../support/system.ts';
import { Browser } from '../web/support.ts';

/** A caller leaves a message: it reaches the account, with its sound, once. */
const [message, people] = ['0322220041', '0322220042'];
const folder = mkdtempSync(join(tmpdir(), 'denwaban-flows-'));
const heardFolder = mkdtempSync(join(tmpdir(), 'denwaban-heard-'));
let mail: MailServer;
let webhook: Receiver;
let environment: Record<string, string>;
let system: System;
let phone: Baresip;

beforeAll(async () => {
  [mail, webhook] = [await startMailServer(), await startReceiver()];
  cpSync('test/scenarios/voicemail', folder, { recursive: true });
  const card = {
    announceName: 'さくら歯科',
    destinations: [
      { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
      { type: 'webhook', destinationId: 'crm', url: webhook.url },
    ],
    reports: [{ send: ['office', 'crm'] }],
  };
  const file = join(folder, 'account.json');
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), card }));
  const sending = { SMTP_URL: `smtp://127.0.0.1:${mail.port}`, MAIL_FROM: 'desk@denwaban.example' };
  environment = { ...sending, ALLOW_INSECURE_TARGETS: 'yes' };
  system = await startSystem({ flows: folder, environment });
});
afterAll(async () => {
  await system.stop();
  await Promise.all([mail.close(), webhook.close()]);
  for (const made of [folder, heardFolder, system.dataDir]) rmSync(made, { recursive: true, force: true });
});
afterEach(() => phone.stop());

interface Told {
  type: string;
  data: { id: string; fields: { callId: string; recordingUrl: string; durationMs: number } };
}
const told = (callId: string): Told[] =>
  webhook.received.map(({ body }) => JSON.parse(body) as Told).filter(({ data }) => data.fields.callId === callId);

/** Calls, waits for the tone that asks to speak, and says so much. */
async function speak(number: string, ms: number, user: string): Promise<void> {
  phone = await Baresip.start({ user, toneHz: 440 });
  phone.dial(system.uri(number));
  await phone.heardOf('CALL_ESTABLISHED');
  await eventually('the beep', () => toneDurationMs(phone.heard(), 1_000) >= 200, { timeoutMs: 30_000 });
  const before = phone.heard().length;
  await eventually('enough to be said', () => phone.heard().length > before + ms * 8, { timeoutMs: 15_000 });
}

const soundOf = async (url: string, headers: Record<string, string> = {}) => {
  const answer = await fetch(url, { headers });
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
};

function toneIn(bytes: Buffer): number {
  const file = join(heardFolder, 'heard.wav');
  writeFileSync(file, bytes);
  return toneDurationMs(readWav(file).samples, 440);
}

it('to a flow, until a key: the link plays it, the mail carries it, the pages have it, and no other account hears it', async () => {
  await speak(message, 2_500, '0901111241');
  phone.press('#');
  await phone.heardOf('CALL_CLOSED');
  const { callId, recordings } = await system.closedCall(message);
  const [report] = await eventually('the webhook', () => (told(callId).length > 0 ? told(callId) : undefined));
  expect(report?.type).toBe('voicemail');
  const heard = await soundOf(report?.data.fields.recordingUrl ?? '');
  expect(heard.status).toBe(200);
  expect(toneIn(heard.bytes)).toBeGreaterThan(2_000);
  const got = await eventually('the mail', () => mail.mails.find(({ to }) => to[0] === 'office@sakura.example'));
  const encoded = /filename=message-[\d-]+\.wav\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(got.raw)?.[1] ?? '';
  expect(Buffer.from(encoded, 'base64')).toEqual(heard.bytes);
  const secrets = readSecrets(system.loaded);
  const path = `/calls/${callId}/recordings/${recordings[0]?.recordingId}`;
  for (const who of ['boss', 'clinic-san']) {
    const browser = new Browser(system.httpUrl);
    await browser.login(who, await ownPassword(system, secrets, who));
    expect((await browser.send('GET', '/voicemails')).body).toMatchObject({ voicemails: [{ callId, deliveries: 2 }] });
    const cookie = browser.cookie ?? '';
    expect((await soundOf(`${system.httpUrl}/api/v1${path}`, { cookie })).bytes).toEqual(heard.bytes);
  }
});

it('to a queue that nobody serves, hanging up in the middle; the program is killed at once: told once all the same', async () => {
  await speak(people, 2_000, '0901111242');
  phone.hangUp();
  await phone.heardOf('CALL_CLOSED');
  const { callId } = await system.closedCall(people);
  system.program.child.kill('SIGKILL');
  await system.program.exit;
  system = await startSystem({ dataDir: system.dataDir, environment });
  await eventually('the webhook', () => told(callId).length > 0, { timeoutMs: 20_000 });
  const [report] = told(callId);
  expect(report?.data.fields.durationMs).toBeGreaterThan(1_500);
  // Its port is another one now.
  const { pathname, search } = new URL(report?.data.fields.recordingUrl ?? '');
  expect(toneIn((await soundOf(`${system.httpUrl}${pathname}${search}`)).bytes)).toBeGreaterThan(1_500);
  expect(told(callId)).toHaveLength(1);
});
