import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Prompt } from './protocol.ts';

/** How long a prompt sounds, in ms; undefined where it is missing. */
export type PromptDuration = (prompt: Prompt) => number | undefined;

const headerBytes = 4_096;
/** Speech that is not a file yet: about what the voices take. */
const msPerCharacter = (language: string): number => (language === 'ja' ? 150 : 70);

/** Durations of prompts: from WAV headers, tones by their notation, texts by a guess from their length. */
export function promptDurations(flowFolder: string): PromptDuration {
  return (prompt) => {
    if ('file' in prompt) return wavDurationMs(join(flowFolder, prompt.file));
    if ('silenceMs' in prompt) return prompt.silenceMs;
    if ('text' in prompt) return [...prompt.text].length * msPerCharacter(prompt.language);
    return toneDurationMs(prompt.tone) * (prompt.loops ?? 1);
  };
}

/** `%(on,off,hertz…)`, several of them separated by `;`. */
function toneDurationMs(tone: string): number {
  const parts = [...tone.matchAll(/%\((\d+),(\d+)/g)];
  return parts.reduce((sum, [, on = '0', off = '0']) => sum + Number(on) + Number(off), 0);
}

/** The length of a WAV file by its header; undefined where it is missing or no WAV. */
export function wavDurationMs(file: string): number | undefined {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return undefined;
  const bytes = Buffer.alloc(Math.min(headerBytes, size));
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return durationByHeader(bytes, size);
}

function durationByHeader(bytes: Buffer, fileSize: number): number | undefined {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 4) !== 'RIFF') return undefined;
  let bytesPerSecond = 0;
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', offset, offset + 4);
    const size = bytes.readUInt32LE(offset + 4);
    if (name === 'fmt ' && offset + 20 <= bytes.length) bytesPerSecond = bytes.readUInt32LE(offset + 16);
    if (name === 'data' && bytesPerSecond > 0) {
      return Math.round((Math.min(size, fileSize - offset - 8) * 1000) / bytesPerSecond);
    }
    offset += 8 + size + (size % 2);
  }
  return undefined;
}
