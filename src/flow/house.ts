import { notUtf8, readUtf8 } from '../kernel/utf8-text.ts';
import {
  type CheckOptions,
  type CheckResult,
  checkFlow,
  checkFlowText,
  declaredLanguages,
  soundNodes,
} from './checker.ts';
import { flowFault } from './fault.ts';
import { flowSchema, typeOf } from './flow.ts';
import type { FaultsAt, HouseFacts } from './house-facts.ts';
import { collectMarks, type LocalizedPrompt, type PromptSource, prompt } from './marks.ts';
import { valueAt } from './shape-faults.ts';

/** A prompt that callers would not hear, or only in part. */
export interface PromptProblem {
  code: 'unplayable-file' | 'unspeakable-text';
  message: string;
  remedy: string;
  ja: { message: string; remedy: string };
}

/** What a flow is checked against: the files and voices of this house, and what the account may do in it. */
export interface House extends Omit<HouseFacts, 'fileFault' | 'textFault'> {
  fileExists(path: string): boolean;
  /** Undefined: callers hear all of it. */
  promptFault(prompt: { file: string } | { text: string; language: string }): Promise<PromptProblem | undefined>;
}

/** Checks a flow (parsed JSON) against the house: the one check for command line, API and folder. */
export async function checkFlowInHouse(input: unknown, house: House): Promise<CheckResult> {
  return checkFlow(input, await optionsFor(input, house));
}

/** The same for the bytes of a file: also that they are UTF-8, and JSON, and name nothing twice. */
export async function checkFlowFile(bytes: Uint8Array, house: House): Promise<CheckResult> {
  const read = readUtf8(bytes);
  if (!read.ok) {
    const { message, remedy } = notUtf8(read.encoding);
    return { ok: false, faults: [flowFault([], 'bad-encoding', message, remedy)] };
  }
  return checkFlowText(read.text, await optionsFor(parsed(read.text), house));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // What is wrong with it is told by the check itself.
  }
}

/** Asks the house for what takes time, before the check that does not wait. */
async function optionsFor(input: unknown, house: House): Promise<CheckOptions> {
  const problems = new Map<string, PromptProblem | undefined>();
  const asked = new Map(promptsIn(input, house).map((one) => [keyOf(one), one]));
  await Promise.all([...asked].map(async ([key, one]) => problems.set(key, await house.promptFault(one))));
  const at = (key: string): FaultsAt | undefined => {
    const problem = problems.get(key);
    if (!problem) return undefined;
    const { code, message, remedy, ja } = problem;
    return (path) => [flowFault(path, code, { en: message, ja: ja.message }, { en: remedy, ja: ja.remedy })];
  };
  const { fileExists, promptFault: _, ...facts } = house;
  return {
    fileExists,
    house: {
      ...facts,
      fileFault: (file) => at(keyOf({ file })),
      textFault: (text, language) => at(keyOf({ text: spokenForm(text), language })),
    },
  };
}

type Asked = { file: string } | { text: string; language: string };

const keyOf = (asked: Asked): string =>
  JSON.stringify('file' in asked ? ['file', asked.file] : [asked.language, asked.text]);

/**
 * A text with something in place of its variables, of which nobody knows what they will hold: mostly digits. Not 1, for a
 * voice may refuse 1日, which is two words.
 */
const spokenForm = (text: string): string => text.replace(/\{\{[^{}]{0,64}\}\}/g, '3');

/** Files and texts of all prompts of the flow, as far as its shape is right. */
function promptsIn(input: unknown, house: House): Asked[] {
  const languages = declaredLanguages(input);
  const nodes = soundNodes(valueAt(input, ['nodes']));
  const apology = flowSchema.shape.apology.safeParse(valueAt(input, ['apology']));
  const values = [
    ...[...nodes.values()].flatMap((node) => collectMarks(typeOf(node).schema, node)),
    ...(apology.success ? collectMarks(flowSchema.shape.apology, apology.data) : []),
  ];
  return values.flatMap(({ mark, value }) => {
    const read = mark === 'prompt' ? prompt.safeParse(value) : undefined;
    return read?.success ? askedOf(read.data, languages, house) : [];
  });
}

function askedOf(localized: LocalizedPrompt, languages: readonly string[], house: House): Asked[] {
  return Object.entries(localized).flatMap(([language, sources]) => {
    const spokenIn = language === '*' ? languages.filter((one) => !Object.hasOwn(localized, one)) : [language];
    return [sources].flat().flatMap((source) => [
      ...filesOf(source)
        .filter((file) => house.fileExists(file))
        .map((file) => ({ file })),
      ...('text' in source ? spokenIn.map((one) => ({ text: spokenForm(source.text), language: one })) : []),
    ]);
  });
}

function filesOf(source: PromptSource): string[] {
  if ('file' in source) return [source.file];
  if ('fileOf' in source) return [...source.values.map((value) => `${source.folder}/${value}.wav`), source.otherwise];
  return 'digitsOf' in source ? [...'0123456789'].map((digit) => `${source.folder}/${digit}.wav`) : [];
}
