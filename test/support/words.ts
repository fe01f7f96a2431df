import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { telephoneWav } from '../../src/speech/audio.ts';
import { espeakNg } from '../../src/speech/synthesizer.ts';
import { readWav } from './audio.ts';

/** What the English voice says, as a telephone would have it. */
export async function words(text: string): Promise<Int16Array> {
  const folder = mkdtempSync(join(tmpdir(), 'denwaban-words-'));
  try {
    const file = join(folder, 'words.wav');
    writeFileSync(file, telephoneWav(await espeakNg().speak(text)));
    return readWav(file).samples;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
