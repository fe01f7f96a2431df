import type { z } from 'zod';
import { type FlowFault, flowFault, suggestion } from './fault.ts';
import { missingTarget, type Path } from './marks.ts';
import { nodeTypes } from './nodes/index.ts';

type Issue = z.core.$ZodIssue;

/** Zod's issues in the words of the checker. `value` is what was parsed; `fieldsAt` knows the names a place may have. */
export function shapeFaults(issues: readonly Issue[], value: unknown, fieldsAt: (path: Path) => string[]): FlowFault[] {
  return issues.flatMap((issue) => faultsOf(issue, [], value, fieldsAt));
}

function faultsOf(issue: Issue, base: Path, value: unknown, fieldsAt: (path: Path) => string[]): FlowFault[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  const found = valueAt(value, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) =>
        flowFault([...path, key], 'unknown-field', `"${key}" is not a field here`, suggestion(key, fieldsAt(path))),
      );
    case 'invalid_key':
      return [
        flowFault(path, 'bad-key', `"${String(path.at(-1))}" can't stand here: ${issue.issues[0]?.message ?? ''}`),
      ];
    case 'invalid_union':
      if (issue.discriminator !== undefined) return [typeFault(path, found)];
      return alternative(issue.errors).flatMap((inner) => faultsOf(inner, path, value, fieldsAt));
    case 'invalid_type':
      if (issue.message === missingTarget) return [flowFault(path, 'ends-in-silence', missingTarget)];
      if (found === undefined) return [flowFault(path, 'missing-field', `"${String(path.at(-1))}" is missing`)];
      return [flowFault(path, 'bad-shape', issue.message)];
    default:
      return [flowFault(path, 'bad-value', issue.message)];
  }
}

function typeFault(path: Path, found: unknown): FlowFault {
  const known = nodeTypes.map(({ type }) => type);
  if (typeof found !== 'string') return flowFault(path, 'missing-field', 'the node has no type');
  const remedy = suggestion(found, known) ?? `There are ${known.join(', ')}`;
  return flowFault(path, 'unknown-type', `there is no node type "${found}"`, remedy);
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
