import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { openSipPhone } from '../src/switch/open-phone.ts';
import { startMailServer } from '../test/outbox/harness.ts';
import { findSound, readWav, rms } from '../test/support/audio.ts';
import { DeskAgent, readSecrets } from '../test/support/desk-agent.ts';
import { eventually } from '../test/support/poll.ts';
import { denwaban, startSystem } from '../test/support/system.ts';

/**
 * The demonstration: a caller asks for the opening hours, then for a person; waits in the queue; an agent answers on a
 * SIP phone and takes the message down; the account has the report by mail.
 */

const promptFolder = resolve(import.meta.dirname, '../flows/prompts');
const dialled = '0312345678';

interface KnownPrompt {
  name: string;
  text: string;
  samples: Int16Array;
}

/** Every ready-made prompt with its text, to recognise by ear. */
function knownPrompts(): KnownPrompt[] {
  const texts = z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .parse(JSON.parse(readFileSync(join(promptFolder, 'prompts.json'), 'utf8')));
  return ['ja'].flatMap((language) =>
    readdirSync(join(promptFolder, language))
      .filter((file) => file.endsWith('.wav'))
      .map((file) => {
        const name = file.slice(0, -'.wav'.length);
        const { samples } = readWav(join(promptFolder, language, file));
        return { name: `${language}/${name}`, text: String(texts[language]?.[name] ?? name), samples };
      }),
  );
}

/** Listens to the newest tenth of a second that is loud, and names the prompt it belongs to. */
function listen(recording: string, prompts: KnownPrompt[], onHeard: (prompt: KnownPrompt) => void): () => void {
  let last = '';
  const timer = setInterval(() => {
    if (!existsSync(recording)) return;
    const heard = readWav(recording).samples;
    const now = heard.subarray(-1_200, -400);
    if (now.length < 800 || rms(now) < 800) return;
    const matches = prompts.map((prompt) => ({ prompt, likeness: findSound(prompt.samples, now).likeness }));
    const best = matches.reduce((a, b) => (b.likeness > a.likeness ? b : a));
    if (best.likeness < 0.95 || best.prompt.name === last) return;
    last = best.prompt.name;
    onHeard(best.prompt);
  }, 700);
  return () => clearInterval(timer);
}

const say = (text: string) => console.log(`${new Date().toISOString().slice(11, 23)}  ${text}`);

/** Calls, and presses what each prompt asks for; some keys cut the prompt short, as practised callers do. */
async function phoneIt(uri: string, folder: string, phone: Awaited<ReturnType<typeof openSipPhone>>): Promise<boolean> {
  const recordFile = join(folder, 'heard.wav');
  const timesHeard = new Map<string, number>();
  let keysWaiting = '';
  const answers: Record<string, { keys: string; afterMs?: number }[]> = {
    'ja/menu': [
      { keys: '1', afterMs: 2_000 },
      { keys: '3', afterMs: 1_500 },
    ],
  };
  return new Promise((resolve) => {
    let answered = false;
    const press = (keys: string) => {
      [...keys].forEach((key, index) => {
        setTimeout(() => {
          say(`pressed  ${key}`);
          call.press(key);
        }, index * 300);
      });
    };
    const stopListening = listen(recordFile, knownPrompts(), ({ name, text }) => {
      const times = timesHeard.get(name) ?? 0;
      timesHeard.set(name, times + 1);
      say(`heard    ♪ ${text}`);
      const answer = answers[name]?.[times];
      if (answer?.afterMs !== undefined) setTimeout(() => press(answer.keys), answer.afterMs);
      else keysWaiting = answer?.keys ?? '';
    });
    const limit = setTimeout(() => call.hangUp(), 48_000);
    const call = phone.call({
      uri,
      fromNumber: '09011112222',
      recordFile,
      onEvent: (event) => {
        if (event.type === 'answered') say('answered');
        answered ||= event.type === 'answered';
        if (event.type === 'silence') press(keysWaiting);
        if (event.type === 'silence') keysWaiting = '';
        if (event.type !== 'ended') return;
        say(`ended    by ${event.by} (${event.status})`);
        clearTimeout(limit);
        stopListening();
        const { samples } = readWav(recordFile);
        say(`recorded ${(samples.length / 8000).toFixed(1)} s of what the caller heard`);
        resolve(answered);
      },
    });
  });
}

/** An agent at work: answers the phone by itself, listens, hangs up, fills the form in, saves it. */
async function takeTheCall(agent: DeskAgent): Promise<void> {
  const { peerdisplayname } = await agent.phone.heardOf('CALL_INCOMING', { timeoutMs: 45_000 });
  say(`agent    the phone rings: ${peerdisplayname ?? ''}`);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  agent.phone.accept();
  await agent.reaches('talking', 15_000);
  say('agent    talks with the caller');
  const path = `/agents/${agent.agentId}/intake`;
  const opened = z.object({ intakeId: z.string(), version: z.number(), card: z.unknown() });
  const intake = await eventually('the form to be open', async () => {
    const answer = await agent.send('GET', path).catch(() => undefined);
    return opened.safeParse(answer).data;
  });
  const form = {
    callerName: '山田太郎',
    callerNameKana: 'ヤマダタロウ',
    company: '山田工務店',
    business: '見積書の金額について、折り返しお電話をいただきたいとのことです。',
    callBack: 'wanted',
    callBackWhen: '本日 17時まで',
    outcome: 'message',
  };
  const typed = await agent.send('PATCH', `/intakes/${intake.intakeId}`, { version: intake.version, form });
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  agent.phone.hangUp();
  say('agent    has hung up; saves the form');
  const { version } = z.object({ version: z.number() }).parse(typed);
  await agent.send('POST', `/intakes/${intake.intakeId}/save`, { version });
}

/** The text of a mail: its one part, base64 or as it is. */
function textOf(raw: string): string {
  const [head = '', ...body] = raw.split('\r\n\r\n');
  const text = body.join('\n\n');
  return /content-transfer-encoding: base64/i.test(head) ? Buffer.from(text, 'base64').toString('utf8') : text;
}

const mail = await startMailServer();
const system = await startSystem({
  environment: { SMTP_URL: `smtp://127.0.0.1:${mail.port}`, MAIL_FROM: '電話番 <desk@denwaban.example>' },
});
console.log(`denwaban runs on SIP port ${system.sipPort}, data in ${system.dataDir}\n`);
const agent = await DeskAgent.start(system, readSecrets(system.program.output()), 'hanako', {
  toneHz: 880,
  answer: false,
});
await agent.want('available');
say('agent    hanako has signed in, her phone is registered');
const uri = system.uri(dialled);
say(`calling  ${uri}`);
const phone = await openSipPhone(uri);
const [answered] = await Promise.all([phoneIt(uri, phone.folder, phone), takeTheCall(agent)]);
await phone.close();
const [report] = await eventually('the report by mail', () => (mail.mails.length > 0 ? mail.mails : undefined), {
  timeoutMs: 15_000,
});
say(`report   mailed to ${report?.to.join(', ')}:\n`);
console.log(textOf(report?.raw ?? '').replace(/^/gm, '    '));
await system.closedCall(dialled);
const table = await denwaban(['calls'], system.environment);
console.log(`\n${table.output}`);
await agent.stop();
await system.stop();
await mail.close();
process.exit(answered ? 0 : 1);
