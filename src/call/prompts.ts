import type { Prompt } from '../flow/protocol.ts';
import type { Sound } from './telephony.ts';

/** What `call` needs of the speech room: the sound of a prompt, or undefined where there is none. */
export interface PromptLibrary {
  /** Gives the sound at once where it is ready, so that nothing is lost between key and sound. */
  resolve(prompt: Prompt): Sound | undefined | Promise<Sound | undefined>;
}

/** The sounds of a list of prompts; undefined when one of them is missing. A promise only where one was needed. */
export function resolvePrompts(
  library: PromptLibrary,
  prompts: readonly Prompt[],
): Sound[] | undefined | Promise<Sound[] | undefined> {
  const found = prompts.map((prompt) => library.resolve(prompt));
  if (found.some((sound) => sound instanceof Promise)) return Promise.all(found).then(allOrNone);
  return allOrNone(found as (Sound | undefined)[]);
}

function allOrNone(sounds: (Sound | undefined)[]): Sound[] | undefined {
  const present = sounds.filter((sound) => sound !== undefined);
  return present.length === sounds.length ? present : undefined;
}
