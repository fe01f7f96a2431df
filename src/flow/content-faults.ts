import { DenwabanError } from '../kernel/errors.ts';
import { type NumberKind, readDialledNumber } from '../kernel/phone-number.ts';
import { type FlowFault, flowFault, suggestion } from './fault.ts';
import { type FlowNode, flowSchema, typeOf } from './flow.ts';
import { collectMarks, type LocalizedPrompt, type MarkedValue, type Path, type PromptSource, prompt } from './marks.ts';
import { isNeverDialled } from './number-match.ts';
import { placeholdersIn } from './prompt.ts';
import { valueAt } from './shape-faults.ts';

interface Scope {
  nodeIds: string[];
  languages: string[];
  fileExists: (path: string) => boolean;
  variables: string[];
  dialled: string[];
}

/** What the nodes name that does not exist or must not be: targets, files, languages, variables, numbers. About `faultsMax` at most. */
export function contentFaults(
  input: unknown,
  nodes: ReadonlyMap<string, FlowNode>,
  languages: string[],
  options: { fileExists: (path: string) => boolean },
  faultsMax: number,
): FlowFault[] {
  const allNodes = valueAt(input, ['nodes']);
  const nodeIds = typeof allNodes === 'object' && allNodes !== null ? Object.keys(allNodes) : [];
  const values = [...nodes].flatMap(([id, node]) => collectMarks(typeOf(node).schema, node, ['nodes', id]));
  const scope: Scope = {
    nodeIds,
    languages,
    ...options,
    variables: settable(values),
    dialled: dialledVariables(values),
  };
  const ofNodes = [...nodes].flatMap(([id, node]) =>
    typeOf(node)
      .check(node)
      .map(({ path, message }) => flowFault(['nodes', id, ...path], 'bad-value', message)),
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
      return missing(String(value), scope.nodeIds, path, 'missing-target', 'there is no node');
    case 'language':
      return missing(String(value), scope.languages, path, 'unknown-language', 'the flow has no language');
    case 'readsVariable':
    case 'dialsVariable':
      return variableFaults(String(value), path, scope);
    case 'dialNumber':
      return numberFaults(String(value), path);
    case 'assignments':
      return Object.entries(Object(value)).flatMap(([name, constant]) =>
        scope.dialled.includes(name) && isNeverDialled(String(constant))
          ? numberFaults(String(constant), [...path, name])
          : [],
      );
    case 'prompt': {
      const parsed = prompt.safeParse(value);
      return parsed.success ? promptFaults(parsed.data, path, scope) : [];
    }
    default:
      return [];
  }
}

function missing(
  name: string,
  known: string[],
  path: Path,
  code: 'missing-target' | 'unknown-language' | 'unknown-variable',
  what: string,
): FlowFault[] {
  return known.includes(name) ? [] : [flowFault(path, code, `${what} "${name}"`, suggestion(name, known))];
}

function variableFaults(name: string, path: Path, scope: Scope): FlowFault[] {
  return missing(name, scope.variables, path, 'unknown-variable', 'no node sets the variable');
}

function numberFaults(number: string, path: Path): FlowFault[] {
  try {
    const { kind } = readDialledNumber(number);
    if (kind === 'emergency') return [flowFault(path, 'forbidden-number', `${number} is never dialled`)];
    const remedy = badKinds[kind];
    return remedy ? [flowFault(path, 'bad-number', `"${number}" is no number that can be dialled`, remedy)] : [];
  } catch (error) {
    if (error instanceof DenwabanError) return [flowFault(path, 'bad-number', error.message, error.remedy)];
    throw error;
  }
}

/** Kinds that no account's rules can allow, so that the caller would never be connected; and what to do about it. */
const badKinds: Partial<Record<NumberKind, string>> = {
  impossible: 'Look whether digits are missing or too many: 03-1234-5678 has ten, mobiles have eleven',
  m2m: 'Numbers of machines and pagers (020) cannot be dialled: name another',
  prefix: 'Write the number itself, with + for an international one, without a carrier prefix (00XY)',
};

function promptFaults(localized: LocalizedPrompt, path: Path, scope: Scope): FlowFault[] {
  const absent = scope.languages.filter((language) => !('*' in localized) && !Object.hasOwn(localized, language));
  const faults = absent.map((language) =>
    flowFault(path, 'missing-language', `the prompt is missing in "${language}"`),
  );
  for (const [language, sources] of Object.entries(localized)) {
    const place = [...path, language];
    const found = Array.isArray(sources)
      ? sources.flatMap((source, index) => sourceFaults(source, [...place, index], scope))
      : sourceFaults(sources, place, scope);
    faults.push(...found);
  }
  return faults;
}

function sourceFaults(source: PromptSource, path: Path, scope: Scope): FlowFault[] {
  if ('file' in source) return fileFaults(source.file, [...path, 'file'], scope);
  if ('text' in source) {
    return placeholdersIn(source.text).flatMap((name) => variableFaults(name, [...path, 'text'], scope));
  }
  if ('fileOf' in source) {
    const { folder, values, otherwise } = source;
    const absent = values.map((value) => `${folder}/${value}.wav`).find((file) => !scope.fileExists(file));
    return [
      ...variableFaults(source.fileOf, [...path, 'fileOf'], scope),
      ...(absent === undefined ? [] : fileFaults(absent, [...path, 'values'], scope)),
      ...fileFaults(otherwise, [...path, 'otherwise'], scope),
    ];
  }
  if (!('digitsOf' in source)) return [];
  const absent = [...'0123456789']
    .map((digit) => `${source.folder}/${digit}.wav`)
    .find((file) => !scope.fileExists(file));
  return [
    ...variableFaults(source.digitsOf, [...path, 'digitsOf'], scope),
    ...(absent === undefined ? [] : fileFaults(absent, [...path, 'folder'], scope)),
  ];
}

function fileFaults(file: string, path: Path, scope: Scope): FlowFault[] {
  const unsafe = /^[/\\]|\\|\0|^[A-Za-z]:/.test(file) || file.split('/').includes('..');
  if (unsafe) return [flowFault(path, 'unsafe-path', `"${file}" leads out of the flow folder`)];
  return scope.fileExists(file) ? [] : [flowFault(path, 'missing-file', `there is no file ${file}`)];
}
