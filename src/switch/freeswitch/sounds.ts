import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

const MAX_SOURCES = 128;

/** A file argument, taken apart. */
export interface SoundList {
  /** What the media engine is to play: only sources that exist. */
  sources: string[];
  /** `Playback-File-Type`, for generated sounds. */
  type?: 'tone_stream';
}

/**
 * Takes FreeSWITCH's notation of something to play apart: a path (relative to `soundsFolder`; without extension:
 * `.PCMU`, then `.wav`), `tone_stream://`, `silence_stream://`, or several of them as `file_string://a!b`.
 */
export function soundsOf(file: string, soundsFolder: string): SoundList {
  if (file.startsWith('file_string://')) {
    const parts = file.slice('file_string://'.length).split('!').slice(0, MAX_SOURCES);
    return { sources: parts.flatMap((part) => existing(part, soundsFolder) ?? []) };
  }
  const source = existing(file, soundsFolder);
  if (source === undefined) return { sources: [] };
  return { sources: [source], ...(source.startsWith('tone_stream:') && { type: 'tone_stream' as const }) };
}

function existing(text: string, soundsFolder: string): string | undefined {
  const source = text.trim();
  if (source === '' || source.includes('\0')) return undefined;
  if (source.startsWith('tone_stream://') || source.startsWith('silence_stream://')) return source;
  if (source.includes('://')) return undefined;
  const path = isAbsolute(source) ? source : join(soundsFolder, source);
  const candidates = /\.[^./]+$/.test(path) ? [path] : [`${path}.PCMU`, `${path}.wav`];
  return candidates.find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile());
}

/** The keys that stop a prompt: the variable `playback_terminators`, `*` where it is not set. */
export function terminatorsOf(variable: string | undefined): string {
  const terminators = variable ?? '*';
  if (terminators.toLowerCase() === 'none') return '';
  if (terminators.toLowerCase() === 'any') return '1234567890*#';
  return terminators;
}
