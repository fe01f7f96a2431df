import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { encodeWav, telephoneWav } from '../src/speech/audio.ts';
import { commandSynthesizer, openJtalk } from '../src/speech/synthesizer.ts';

/**
 * Makes the WAVs of flows/prompts from the texts in prompts.json: `node scripts/make-prompts.ts [--all]`; without
 * `--all` only those that are missing. Needs open_jtalk with its voice, and flite (flows/prompts/README.md).
 */

const folder = join(import.meta.dirname, '../flows/prompts');
const textsSchema = z.record(z.string(), z.record(z.string(), z.string()));
const texts = textsSchema.parse(JSON.parse(readFileSync(join(folder, 'prompts.json'), 'utf8')));
const all = process.argv.includes('--all');

const english = commandSynthesizer({
  language: 'en',
  voice: 'flite:slt',
  command: 'flite',
  args: (wavFile, textFile) => ['-voice', 'slt', '--setf', 'duration_stretch=1.1', '-f', textFile, '-o', wavFile],
});
const voices = new Map([openJtalk(), english].map((voice) => [voice.language, voice]));

for (const [language, entries] of Object.entries(texts)) {
  const voice = voices.get(language);
  if (!voice) throw new Error(`no voice for ${language}`);
  for (const [name, text] of Object.entries(entries)) {
    const file = join(folder, language, `${name}.wav`);
    if (existsSync(file) && !all) continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, telephoneWav(await voice.speak(text)));
    console.log(file);
  }
}
writeFileSync(join(folder, 'hold.wav'), encodeWav(holdMusic()));

/** A short piece for waiting, made of decaying sines: four chords in arpeggios, 9.6 s, to be repeated. */
function holdMusic() {
  const sampleRate = 8_000;
  const noteMs = 300;
  const chords = [
    [262, 330, 392, 523],
    [220, 262, 330, 440],
    [175, 220, 262, 349],
    [196, 247, 294, 392],
  ];
  const order = [0, 1, 2, 3, 2, 1, 2, 1];
  const notes = chords.flatMap((chord) => order.map((index) => chord[index] ?? 0));
  const length = Math.round((notes.length * noteMs * sampleRate) / 1000);
  const samples = new Float32Array(length);
  notes.forEach((frequency, index) => {
    const start = Math.round((index * noteMs * sampleRate) / 1000);
    for (let at = 0; at < sampleRate; at++) {
      const seconds = at / sampleRate;
      const attack = Math.min(1, seconds / 0.01);
      const tone = Math.sin(2 * Math.PI * frequency * seconds) + 0.3 * Math.sin(4 * Math.PI * frequency * seconds);
      // What rings on past the end begins the piece again, so that its repetition has no seam.
      const place = (start + at) % length;
      samples[place] = (samples[place] ?? 0) + 0.14 * attack * Math.exp(-3.5 * seconds) * tone;
    }
  });
  return { sampleRate, samples };
}
