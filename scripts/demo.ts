import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { openSipPhone } from '../src/switch/open-phone.ts';
import { findSound, readWav, rms } from '../test/support/audio.ts';
import { denwaban, startSystem } from '../test/support/system.ts';

/** The demonstration: a caller asks for the opening hours, keys an order number in, and hears it read back. */

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
  return ['ja', 'en'].flatMap((language) =>
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
      { keys: '1', afterMs: 3_000 },
      { keys: '4', afterMs: 1_500 },
    ],
    'ja/order': [{ keys: '2026#' }],
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

const system = await startSystem();
console.log(`denwaban runs on SIP port ${system.sipPort}, data in ${system.dataDir}\n`);
const uri = system.uri(dialled);
say(`calling  ${uri}`);
const phone = await openSipPhone(uri);
const answered = await phoneIt(uri, phone.folder, phone);
await phone.close();
await system.closedCall(dialled);
const table = await denwaban(['calls'], system.environment);
console.log(`\n${table.output}`);
await system.stop();
process.exit(answered ? 0 : 1);
