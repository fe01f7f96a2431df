import { DenwabanError } from '../kernel/errors.ts';
import { type NumberKind, readDialledNumber } from '../kernel/phone-number.ts';
import { choiceOf, type FlowFault, flowFault, suggestion, type Words } from './fault.ts';
import { type FlowNode, flowSchema, typeOf } from './flow.ts';
import type { HouseFacts } from './house-facts.ts';
import { collectMarks, type LocalizedPrompt, type MarkedValue, type Path, type PromptSource, prompt } from './marks.ts';
import { isNeverDialled } from './number-match.ts';
import { placeholdersIn } from './prompt.ts';
import { valueAt } from './shape-faults.ts';

interface Scope {
  nodeIds: string[];
  languages: string[];
  fileExists: (path: string) => boolean;
  house: HouseFacts;
  variables: string[];
  dialled: string[];
}

/** What the nodes name that does not exist or must not be: targets, files, languages, variables, numbers. About `faultsMax` at most. */
export function contentFaults(
  input: unknown,
  nodes: ReadonlyMap<string, FlowNode>,
  languages: string[],
  options: { fileExists: (path: string) => boolean; house?: HouseFacts },
  faultsMax: number,
): FlowFault[] {
  const allNodes = valueAt(input, ['nodes']);
  const nodeIds = typeof allNodes === 'object' && allNodes !== null ? Object.keys(allNodes) : [];
  const values = [...nodes].flatMap(([id, node]) => collectMarks(typeOf(node).schema, node, ['nodes', id]));
  const scope: Scope = {
    nodeIds,
    languages,
    fileExists: options.fileExists,
    house: options.house ?? {},
    variables: settable(values),
    dialled: dialledVariables(values),
  };
  const ofNodes = [...nodes].flatMap(([id, node]) =>
    typeOf(node)
      .check(node)
      .map(({ path, message, remedy }) => flowFault(['nodes', id, ...path], 'bad-value', message, remedy)),
  );
  const faults: FlowFault[] = [];
  for (const value of [...flowValues(input), ...values]) {
    // Looking for what was meant takes time: what nobody is told need not be found.
    if (faults.length >= faultsMax) break;
    faults.push(...faultsOf(value, scope));
  }
  return [...faults, ...ofNodes];
}

/** The marked values beside the nodes, each as far as its shape is right. */
function flowValues(input: unknown): MarkedValue[] {
  return (['start', 'apology'] as const).flatMap((key) => {
    const schema = flowSchema.shape[key];
    const parsed = schema.safeParse(valueAt(input, [key]));
    return parsed.success ? collectMarks(schema, parsed.data, [key]) : [];
  });
}

function settable(values: MarkedValue[]): string[] {
  return values.flatMap(({ mark, value }) => {
    if (mark === 'setsVariable') return [String(value)];
    return mark === 'assignments' ? Object.keys(Object(value)) : [];
  });
}

function dialledVariables(values: MarkedValue[]): string[] {
  return values.filter(({ mark }) => mark === 'dialsVariable').map(({ value }) => String(value));
}

function faultsOf({ mark, path, value }: MarkedValue, scope: Scope): FlowFault[] {
  switch (mark) {
    case 'nodeRef':
      return missing(String(value), scope.nodeIds, path, 'missing-target');
    case 'language':
      return missing(String(value), scope.languages, path, 'unknown-language');
    case 'queueRef':
      return scope.house.queues ? missing(String(value), scope.house.queues, path, 'unknown-queue') : [];
    case 'readsVariable':
    case 'dialsVariable':
      return variableFaults(String(value), path, scope);
    case 'dialNumber':
      return numberFaults(String(value), path, scope);
    case 'assignments':
      return Object.entries(Object(value)).flatMap(([name, constant]) =>
        scope.dialled.includes(name) ? constantFaults(String(constant), [...path, name], scope) : [],
      );
    case 'prompt': {
      const parsed = prompt.safeParse(value);
      return parsed.success ? promptFaults(parsed.data, path, scope) : [];
    }
    default:
      return [];
  }
}

/** What there is none of, by the fault's code. */
const nouns = {
  'missing-target': { en: 'there is no node', ja: 'というノードはありません' },
  'unknown-language': { en: 'the flow has no language', ja: 'という言語はこのフローにありません' },
  'unknown-variable': { en: 'no node sets the variable', ja: 'という変数を設定するノードがありません' },
  'unknown-queue': { en: 'there is no queue', ja: 'という待ち行列はありません' },
} as const;

function missing(name: string, known: readonly string[], path: Path, code: keyof typeof nouns): FlowFault[] {
  if (known.includes(name)) return [];
  const words = { en: `${nouns[code].en} "${name}"`, ja: `「${name}」${nouns[code].ja}` };
  const others = code === 'unknown-queue' ? choiceOf(known) : undefined;
  return [flowFault(path, code, words, suggestion(name, known) ?? others)];
}

function variableFaults(name: string, path: Path, scope: Scope): FlowFault[] {
  return missing(name, scope.variables, path, 'unknown-variable');
}

const forbidden = (number: string, path: Path): FlowFault =>
  flowFault(path, 'forbidden-number', { en: `${number} is never dialled`, ja: `${number} へは発信しません` });

function numberFaults(number: string, path: Path, scope: Scope): FlowFault[] {
  try {
    const { kind } = readDialledNumber(number);
    if (kind === 'emergency') return [forbidden(number, path)];
    const remedy = badKinds[kind];
    if (remedy) {
      const words = {
        en: `"${number}" is no number that can be dialled`,
        ja: `「${number}」は発信できる番号ではありません`,
      };
      return [flowFault(path, 'bad-number', words, remedy)];
    }
  } catch (error) {
    if (!(error instanceof DenwabanError)) throw error;
    const words = { en: error.message, ja: `「${number}」は電話番号ではありません` };
    return [flowFault(path, 'bad-number', words)];
  }
  const fault = scope.house.numberFault?.(number);
  return [...(fault ? [flowFault(path, 'number-not-allowed', fault)] : []), ...trunkFaults(number, path, scope)];
}

/** A constant that a caller may have dialled: one that is no number leads to `forbidden`, as what a caller keys may. */
function constantFaults(constant: string, path: Path, scope: Scope): FlowFault[] {
  if (isNeverDialled(constant)) return [forbidden(constant, path)];
  const fault = /^[0-9]{1,20}$/.test(constant) ? scope.house.numberFault?.(constant) : undefined;
  return fault ? [flowFault(path, 'number-not-allowed', fault)] : [];
}

/** An extension may be for a PBX that is set up later, and is told as not reached; a number outside needs a way out. */
function trunkFaults(number: string, path: Path, scope: Scope): FlowFault[] {
  if (scope.house.hasTrunk !== false || !readDialledNumber(number).number.startsWith('+')) return [];
  return [
    flowFault(path, 'no-trunk', {
      en: 'nothing can be dialled: no trunk is set',
      ja: '発信先の回線が設定されていないため、どこへも発信できません',
    }),
  ];
}

/** Kinds that no account's rules can allow, so that the caller would never be connected; and what to do about it. */
const badKinds: Partial<Record<NumberKind, Words>> = {
  impossible: {
    en: 'Look whether digits are missing or too many: 03-1234-5678 has ten, mobiles have eleven, other countries begin with +',
    ja: '桁数を確かめてください（03-1234-5678 は 10 桁、携帯電話は 11 桁、国際番号は + から書きます）',
  },
  m2m: {
    en: 'Numbers of machines and pagers (020) cannot be dialled: name another',
    ja: '020（機器・ポケベル）の番号へは発信できません。別の番号にしてください',
  },
  prefix: {
    en: 'Write the number itself, with + for an international one, without a carrier prefix (00XY)',
    ja: '事業者番号（00XY）を除き、番号そのものを書いてください（国際番号は + から）',
  },
};

function promptFaults(localized: LocalizedPrompt, path: Path, scope: Scope): FlowFault[] {
  const absent = scope.languages.filter((language) => !('*' in localized) && !Object.hasOwn(localized, language));
  const faults = absent.map((language) =>
    flowFault(path, 'missing-language', {
      en: `the prompt is missing in "${language}"`,
      ja: `言語「${language}」のプロンプトがありません`,
    }),
  );
  for (const [language, sources] of Object.entries(localized)) {
    const place = [...path, language];
    const spokenIn = language === '*' ? scope.languages.filter((one) => !Object.hasOwn(localized, one)) : [language];
    const found = Array.isArray(sources)
      ? sources.flatMap((source, index) => sourceFaults(source, [...place, index], spokenIn, scope))
      : sourceFaults(sources, place, spokenIn, scope);
    faults.push(...found);
  }
  return faults;
}

function sourceFaults(source: PromptSource, path: Path, spokenIn: readonly string[], scope: Scope): FlowFault[] {
  if ('file' in source) return fileFaults(source.file, [...path, 'file'], scope);
  if ('text' in source) {
    const place = [...path, 'text'];
    return [
      ...placeholdersIn(source.text).flatMap((name) => variableFaults(name, place, scope)),
      ...spokenIn.flatMap((language) => scope.house.textFault?.(source.text, language)?.(place) ?? []),
    ];
  }
  if ('fileOf' in source) {
    const { folder, values, otherwise } = source;
    return [
      ...variableFaults(source.fileOf, [...path, 'fileOf'], scope),
      ...firstFault(
        values.map((value) => `${folder}/${value}.wav`),
        [...path, 'values'],
        scope,
      ),
      ...fileFaults(otherwise, [...path, 'otherwise'], scope),
    ];
  }
  if (!('digitsOf' in source)) return [];
  const files = [...'0123456789'].map((digit) => `${source.folder}/${digit}.wav`);
  return [
    ...variableFaults(source.digitsOf, [...path, 'digitsOf'], scope),
    ...firstFault(files, [...path, 'folder'], scope),
  ];
}

/** Of a list of files the first that is not as it should be: they mostly are all missing. */
function firstFault(files: readonly string[], path: Path, scope: Scope): FlowFault[] {
  for (const file of files) {
    const faults = fileFaults(file, path, scope);
    if (faults.length > 0) return faults;
  }
  return [];
}

function fileFaults(file: string, path: Path, scope: Scope): FlowFault[] {
  const unsafe = /^[/\\]|\\|\0|^[A-Za-z]:/.test(file) || file.split('/').includes('..');
  if (unsafe) {
    const words = {
      en: `"${file}" leads out of the flow folder`,
      ja: `「${file}」はフローのフォルダの外を指しています`,
    };
    return [flowFault(path, 'unsafe-path', words)];
  }
  if (!scope.fileExists(file)) {
    return [
      flowFault(path, 'missing-file', { en: `there is no file ${file}`, ja: `${file} というファイルがありません` }),
    ];
  }
  return scope.house.fileFault?.(file)?.(path) ?? [];
}
