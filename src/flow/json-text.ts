import { errorMessage } from '../kernel/errors.ts';
import { type FlowFault, flowFault, type Words } from './fault.ts';

/** The fault of a text that is not JSON. */
export function jsonSyntaxFault(text: string): FlowFault | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return flowFault([], 'not-json', ...syntaxWords(text, errorMessage(error)));
  }
}

/** What most people do wrong in JSON has a remedy of its own. */
function syntaxWords(text: string, message: string): [message: Words, remedy?: Words] {
  const at = /line (\d+) column (\d+)/.exec(message);
  const place = at ? `（${at[1]} 行 ${at[2]} 文字目）` : '';
  const words = { en: message, ja: `JSON として読めません${place}` };
  if (/^\s*\/[/*]/m.test(text)) {
    return [
      words,
      {
        en: 'JSON has no comments: use the field "note" of a node',
        ja: 'JSON にコメントは書けません。ノードの "note" を使ってください',
      },
    ];
  }
  if (/,\s*[,}\]]/.test(text)) return [words, { en: 'Remove the comma too many', ja: '余分なコンマを消してください' }];
  return [words];
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
        faults.push(
          flowFault(path, 'duplicate-key', {
            en: `"${level.key}" stands here twice`,
            ja: `「${level.key}」が二度書かれています`,
          }),
        );
      }
      level.keys.add(level.key);
    }
  }
  return faults;
}
