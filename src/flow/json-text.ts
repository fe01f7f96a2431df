import { errorMessage } from '../kernel/errors.ts';
import { type FlowFault, flowFault } from './fault.ts';

/** The fault of a text that is not JSON. */
export function jsonSyntaxFault(text: string): FlowFault | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return flowFault([], 'not-json', errorMessage(error));
  }
}

type Level = { keys: Set<string> | undefined; index: number; key: string };

/** Names that stand twice in one object of a valid JSON text: JSON.parse keeps only the last of them. */
export function duplicateKeys(text: string): FlowFault[] {
  const faults: FlowFault[] = [];
  const levels: Level[] = [];
  // Strings whole, a name with its colon; of all else only what opens, closes or separates.
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\],]/g;
  for (const [token, colon] of text.matchAll(tokens)) {
    const level = levels.at(-1);
    if (token === '{') levels.push({ keys: new Set(), index: 0, key: '' });
    else if (token === '[') levels.push({ keys: undefined, index: 0, key: '' });
    else if (token === '}' || token === ']') levels.pop();
    else if (token === ',' && level) level.index++;
    else if (colon !== undefined && level?.keys) {
      level.key = String(JSON.parse(token.slice(0, -colon.length)));
      if (level.keys.has(level.key)) {
        const path = levels.map(({ keys, key, index }) => (keys ? key : index));
        faults.push(flowFault(path, 'duplicate-key', `"${level.key}" stands here twice`));
      }
      level.keys.add(level.key);
    }
  }
  return faults;
}
