import { join } from 'node:path';
import type { Config } from '../config.ts';
import { createPromptChecks } from '../speech/prompt-checks.ts';
import { espeakNg, japaneseVoice } from '../speech/synthesizer.ts';
import type { HouseParts } from '../web/house.ts';
import { flowFolder } from './paths.ts';

/** The voices of this machine, and what it would need to read all Japanese. */
export function voices() {
  const japanese = japaneseVoice();
  return { synthesizers: [japanese.synthesizer, espeakNg()], missing: japanese.missing };
}

/** What flows and queues are checked against. */
export function openHouse({ dataDir, trunkUri }: Config): HouseParts {
  const { synthesizers } = voices();
  const prompts = createPromptChecks({ flowFolder, cacheFolder: join(dataDir, 'prompts'), synthesizers });
  return { flowFolder, prompts, hasTrunk: trunkUri !== undefined };
}
