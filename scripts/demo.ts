import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { runCall } from '../src/cli/call.ts';
import { systemClock } from '../src/kernel/clock.ts';
import { openSipPhone } from '../src/switch/open-phone.ts';
import { findSound, readWav, rms } from '../test/support/audio.ts';
import { denwaban, startSystem } from '../test/support/system.ts';

/** The demonstration: a caller asks for the opening hours, keys an order number in, and hears it read back. */

const promptFolder = resolve(import.meta.dirname, '../flows/prompts');
const dialled = '0312345678';
/** Pressed one after another, each once something has been heard out. */
const keys = ['1', '4', '2026#'];

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

const system = await startSystem();
console.log(`denwaban runs on SIP port ${system.sipPort}, data in ${system.dataDir}\n`);
const uri = system.uri(dialled);
const phone = await openSipPhone(uri);
const recordFile = join(phone.folder, 'heard.wav');
const stopListening = listen(recordFile, knownPrompts(), ({ text }) => console.log(`              ♪ ${text}`));
const result = await runCall(phone, systemClock, {
  uri,
  fromNumber: '09011112222',
  keys,
  when: { afterPrompt: true },
  recordFile,
  maxDurationMs: 45_000,
  print: (line) => console.log(line),
});
stopListening();
const { samples } = readWav(recordFile);
console.log(
  `\nrecorded      ${(samples.length / 8000).toFixed(1)} s of what the caller heard; the call took ${(result.durationMs / 1000).toFixed(1)} s\n`,
);
await phone.close();
await system.closedCall(dialled);
const table = await denwaban(['calls'], system.environment);
console.log(table.output);
await system.stop();
process.exit(result.answered ? 0 : 1);
