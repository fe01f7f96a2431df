import type { Sound } from '../call/telephony.ts';

/** A sound in FreeSWITCH's notation; `endless` makes a tone go on until it is stopped. */
function notation(sound: Sound, endless: boolean): string {
  if ('file' in sound) return sound.file;
  if ('silenceMs' in sound) return `silence_stream://${Math.max(1, Math.round(sound.silenceMs))}`;
  const loops = endless ? -1 : (sound.loops ?? 1);
  return `tone_stream://${sound.tone};loops=${loops}`;
}

/** The argument of `playback` for sounds played one after the other. A looped single tone never ends by itself. */
export function playbackArgument(sounds: readonly Sound[], loop: boolean): string {
  const [only] = sounds;
  if (sounds.length === 1 && only) return notation(only, loop);
  return `file_string://${sounds.map((sound) => notation(sound, false)).join('!')}`;
}
