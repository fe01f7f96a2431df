import type { z } from 'zod';
import { choiceOf, type FlowFault, flowFault, suggestion, type Words, written } from './fault.ts';
import { missingTarget, type Path } from './marks.ts';
import { nodeTypes } from './nodes/index.ts';
import { expectedWords, rightDay, rightValue } from './shape-words.ts';

type Issue = z.core.$ZodIssue;

/** Zod's issues in the words of the checker. `value` is what was parsed; `fieldsAt` knows the names a place may have. */
export function shapeFaults(issues: readonly Issue[], value: unknown, fieldsAt: (path: Path) => string[]): FlowFault[] {
  return issues.flatMap((issue) => faultsOf(issue, [], value, fieldsAt));
}

function faultsOf(issue: Issue, base: Path, value: unknown, fieldsAt: (path: Path) => string[]): FlowFault[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  const found = valueAt(value, path);
  const name = String(path.at(-1));
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = fieldsAt(path);
        const words = { en: `"${key}" is not a field here`, ja: `「${key}」という項目はここにありません` };
        return flowFault([...path, key], 'unknown-field', words, suggestion(key, known) ?? choiceOf(known));
      });
    case 'invalid_key':
      return [keyFault(path, name, issue.issues[0]?.message ?? '')];
    case 'invalid_union':
      if (issue.discriminator !== undefined) return [typeFault(path, found)];
      return alternative(issue.errors).flatMap((inner) => faultsOf(inner, path, value, fieldsAt));
    case 'invalid_type':
      if (issue.message === missingTarget) {
        return [flowFault(path, 'ends-in-silence', { en: missingTarget, ja: 'この後に続くノードが書かれていません' })];
      }
      if (found === undefined) {
        return [flowFault(path, 'missing-field', { en: `"${name}" is missing`, ja: `「${name}」がありません` })];
      }
      return [typeOfValueFault(path, found, issue.expected)];
    default:
      return [valueFault(issue, path, found)];
  }
}

function keyFault(path: Path, name: string, wanted: string): FlowFault {
  const { what, remedy } = expectedWords(wanted);
  const right = rightValue(name, wanted);
  return flowFault(
    path,
    'bad-key',
    { en: `"${name}" can't stand here: ${what.en}`, ja: `「${name}」はここに書けません。書けるのは${what.ja}です` },
    right === undefined ? remedy : meant(right),
  );
}

const meant = (right: string): Words => ({ en: `Write "${right}"`, ja: `「${right}」と書いてください` });

/** What JSON has, in words. */
const kinds: Record<string, Words> = {
  string: { en: 'a text', ja: '文字列' },
  number: { en: 'a number', ja: '数値' },
  int: { en: 'a whole number', ja: '整数' },
  boolean: { en: 'true or false', ja: 'true か false' },
  array: { en: 'a list [ ]', ja: '[ ] の一覧' },
  record: { en: 'an object { }', ja: '{ } のオブジェクト' },
  object: { en: 'an object { }', ja: '{ } のオブジェクト' },
};

function typeOfValueFault(path: Path, found: unknown, wanted: string): FlowFault {
  const kind = kinds[wanted] ?? { en: wanted, ja: wanted };
  const words = {
    en: `${written(found)} stands where ${kind.en} belongs`,
    ja: `${written(found)} ではなく、${kind.ja}が必要です`,
  };
  return flowFault(path, 'bad-shape', words, shapeRemedy(path, found, wanted, kind));
}

function shapeRemedy(path: Path, found: unknown, wanted: string, kind: Words): Words {
  if (wanted === 'record' && typeof found === 'string' && /prompt|music|back|apology/i.test(String(path.at(-1)))) {
    const example = `{"ja": {"text": ${written(found)}}}`;
    return { en: `Write it by language: ${example}`, ja: `言語ごとに書いてください: ${example}` };
  }
  const number = typeof found === 'string' ? Number(found.normalize('NFKC')) : Number.NaN;
  if ((wanted === 'number' || wanted === 'int') && found !== '' && Number.isFinite(number))
    return meant(String(number));
  return { en: `Write ${kind.en}`, ja: `${kind.ja}を書いてください` };
}

function valueFault(issue: Issue, path: Path, found: unknown): FlowFault {
  const value = written(found);
  if (issue.code === 'too_small' || issue.code === 'too_big') {
    const isLow = issue.code === 'too_small';
    const bound = String(isLow ? issue.minimum : issue.maximum);
    const unit = units[issue.origin] ?? { en: '', ja: '' };
    const words = {
      en: `${value} is too ${issue.origin === 'string' ? (isLow ? 'short' : 'long') : isLow ? 'small' : 'large'}`,
      ja: `${value} は${isLow ? '小さすぎ（短すぎ）' : '大きすぎ（長すぎ）'}ます`,
    };
    const remedy = {
      en: `At ${isLow ? 'least' : 'most'} ${bound}${unit.en}`,
      ja: `${bound}${unit.ja}${isLow ? '以上' : '以下'}にしてください`,
    };
    return flowFault(path, 'bad-value', words, remedy);
  }
  if (issue.code === 'invalid_value') {
    const known = issue.values.map(String);
    const day = known.includes('mon') ? rightDay(found) : undefined;
    const words = { en: `${value} is none of ${known.join(', ')}`, ja: `${value} は使えません` };
    const remedy = day === undefined ? (suggestion(String(found), known) ?? choiceOf(known)) : meant(day);
    return flowFault(path, 'bad-value', words, remedy);
  }
  const { wrong, remedy } = expectedWords(issue.message);
  const right = rightValue(found, issue.message);
  const words = { en: `${value} ${wrong.en}`, ja: `${value} ${wrong.ja}` };
  return flowFault(path, 'bad-value', words, right === undefined ? remedy : meant(right));
}

const units: Record<string, Words> = {
  string: { en: ' characters', ja: ' 文字' },
  array: { en: ' entries', ja: ' 件' },
};

function typeFault(path: Path, found: unknown): FlowFault {
  const known = nodeTypes.map(({ type }) => type);
  if (typeof found !== 'string') {
    return flowFault(
      path,
      'missing-field',
      { en: 'the node has no type', ja: 'ノードに type がありません' },
      choiceOf(known),
    );
  }
  const words = { en: `there is no node type "${found}"`, ja: `「${found}」というノードの種類はありません` };
  return flowFault(path, 'unknown-type', words, suggestion(found, known) ?? synonym(found) ?? choiceOf(known));
}

/** What other systems call it. */
function synonym(found: string): Words | undefined {
  const name = new Map([
    ...['play', 'playback', 'speak', 'announce', 'message'].map((word) => [word, 'say'] as const),
    ...['ivr', 'gather', 'options'].map((word) => [word, 'menu'] as const),
    ...['dial', 'forward', 'bridge'].map((word) => [word, 'transfer'] as const),
    ...['queue', 'enqueue', 'agent'].map((word) => [word, 'escalate'] as const),
    ...['voicemail'].map((word) => [word, 'record'] as const),
    ...['end', 'disconnect', 'hang-up'].map((word) => [word, 'hangup'] as const),
  ]).get(found.toLowerCase());
  return name === undefined ? undefined : { en: `Did you mean "${name}"?`, ja: `「${name}」ではありませんか` };
}

/** Of several forms, the one that was probably meant: the fewest faults, and those deepest inside. */
function alternative(errors: readonly Issue[][]): Issue[] {
  const weight = (issues: Issue[]): number => {
    const strange = issues.filter(({ code }) => code === 'unrecognized_keys').length;
    const depth = Math.max(0, ...issues.map(({ path }) => path.length));
    return issues.length * 10 + strange * 5 - depth;
  };
  return [...errors].sort((a, b) => weight(a) - weight(b))[0] ?? [];
}

/** The value at a path. */
export function valueAt(value: unknown, path: Path): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = Reflect.get(current, part);
  }
  return current;
}
