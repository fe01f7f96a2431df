import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { encodeWav, resampled } from './audio.ts';
import { writeAtomically } from './cache-files.ts';
import { decodeWav } from './wav.ts';

/** Converts one WAV file to what every switch plays: 8 kHz, mono, 16 bit. Its level stays as it is. */

const { from, to }: { from: string; to: string } = workerData;
await writeAtomically(to, encodeWav(resampled(decodeWav(readFileSync(from)), 8_000)));
