import type { LocalizedPrompt, PromptSource } from './marks.ts';
import type { Prompt } from './protocol.ts';

/** The tone before a recording: 1 kHz, 0.3 s. */
export const beepTone: Prompt = { tone: '%(300,100,1000)' };

/** A variable may hold nothing that can be said; a play must hold something. */
const nothing: Prompt = { silenceMs: 20 };

export interface PromptScope {
  /** The call's language, and the flow's, which serves where that one is missing. */
  language: string;
  flowLanguage: string;
  variables: Readonly<Record<string, string>>;
}

/** What to play, or why it can't be played (no personal data in it). */
export type ResolvedPrompts = { ok: true; prompts: Prompt[] } | { ok: false; reason: string };

/** The heard form of prompts in the call's language, variables filled in. */
export function resolvePrompts(localized: readonly LocalizedPrompt[], scope: PromptScope): ResolvedPrompts {
  const prompts: Prompt[] = [];
  for (const prompt of localized) {
    const language = [scope.language, '*', scope.flowLanguage].find((candidate) => Object.hasOwn(prompt, candidate));
    const sources = language === undefined ? undefined : prompt[language];
    if (language === undefined || sources === undefined) return { ok: false, reason: `no prompt in ${scope.language}` };
    for (const source of Array.isArray(sources) ? sources : [sources]) {
      const resolved = resolveSource(source, language === '*' ? scope.language : language, scope.variables);
      if (!resolved.ok) return resolved;
      prompts.push(...resolved.prompts);
    }
  }
  return { ok: true, prompts };
}

function resolveSource(source: PromptSource, language: string, variables: PromptScope['variables']): ResolvedPrompts {
  if ('text' in source) return resolveText(source.text, language, variables);
  if ('digitsOf' in source) {
    const value = variable(variables, source.digitsOf);
    if (value === undefined) return { ok: false, reason: `variable ${source.digitsOf} is not set` };
    const digits = value.match(/[0-9]/g) ?? [];
    const files = digits.map((digit) => ({ file: `${source.folder}/${digit}.wav` }));
    return { ok: true, prompts: files.length > 0 ? files : [nothing] };
  }
  if ('fileOf' in source) {
    const value = variable(variables, source.fileOf) ?? '';
    const file = source.values.includes(value) ? `${source.folder}/${value}.wav` : source.otherwise;
    return { ok: true, prompts: [{ file }] };
  }
  if ('tone' in source) {
    return {
      ok: true,
      prompts: [{ tone: source.tone, ...(source.loops === undefined ? {} : { loops: source.loops }) }],
    };
  }
  return { ok: true, prompts: ['file' in source ? { file: source.file } : { silenceMs: source.silenceMs }] };
}

const placeholder = /\{\{([^{}]{0,64})\}\}/g;

/** The names of the variables in a text. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(placeholder)].map((match) => (match[1] ?? '').trim());
}

/** The variables without which a prompt cannot be spoken, in whatever language. */
export function variablesOf(prompt: LocalizedPrompt): Set<string> {
  const names = Object.values(prompt)
    .flatMap((sources) => sources ?? [])
    .flatMap((source) =>
      'text' in source ? placeholdersIn(source.text) : 'digitsOf' in source ? [source.digitsOf] : [],
    );
  return new Set(names);
}

function resolveText(text: string, language: string, variables: PromptScope['variables']): ResolvedPrompts {
  const unset = placeholdersIn(text).find((name) => variable(variables, name) === undefined);
  if (unset !== undefined) return { ok: false, reason: `variable ${unset} is not set` };
  const spoken = text.replace(placeholder, (_all, name: string) => speakable(variable(variables, name.trim()) ?? ''));
  return { ok: true, prompts: [spoken.trim() === '' ? nothing : { text: spoken, language }] };
}

/** What a voice may be given: letters, digits, spaces; never markup or options of a synthesizer. */
function speakable(value: string): string {
  return value.replace(/[^\p{L}\p{N} ]/gu, ' ').slice(0, 64);
}

function variable(variables: PromptScope['variables'], name: string): string | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}
