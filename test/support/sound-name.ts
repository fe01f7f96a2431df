import type { Sound } from '../../src/call/telephony.ts';

/** A sound in a word: `hello.wav`, `tone:…`, `silence:200`. */
export function soundName(sound: Sound): string {
  if ('file' in sound) return sound.file.split('/').at(-1) ?? sound.file;
  if ('tone' in sound) return `tone:${sound.tone}`;
  return `silence:${sound.silenceMs}`;
}
