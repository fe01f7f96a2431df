const ESCAPED: Record<string, string> = { n: '\n', r: '\r', t: '\t', s: ' ' };

/**
 * Splits text at a delimiter as FreeSWITCH does everywhere (`switch_separate_string`): single quotes hold a part
 * together and go away, a backslash takes the next character along, `^^:` in front names another delimiter, and many
 * spaces are one. Parts lose the spaces around them.
 */
export function separate(text: string, delimiter: string): string[] {
  const [, custom, rest] = /^\^\^(.)(.*)$/s.exec(text) ?? [];
  const by = custom ?? delimiter;
  const parts = cut(rest ?? text, by);
  const kept = by === ' ' ? parts.filter((part) => part.trim() !== '') : parts;
  return kept.map((part) => cleanUp(part, by === ' ' ? '' : by));
}

function cut(text: string, delimiter: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === "'" && (quoted || text.includes("'", at + 1))) quoted = !quoted;
    else if (character === delimiter && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (start < text.length) parts.push(text.slice(start));
  return parts;
}

/** Takes quotes, escapes and the spaces around it off a part. */
export function cleanUp(part: string, delimiter = ''): string {
  const text = part.replace(/^ +/, '');
  let clean = '';
  let end = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    const next = text[at + 1] ?? '';
    const taken = next === "'" || next === '"' || next === '\\' || next === delimiter ? next : ESCAPED[next];
    if (character === '\\' && next !== '' && taken !== undefined) {
      clean += taken;
      end = clean.length;
      at += 1;
    } else if (character === "'" && (quoted || text.includes("'", at + 1))) {
      quoted = !quoted;
      if (quoted) end = clean.length;
    } else {
      clean += character;
      if (character !== ' ' || quoted) end = clean.length;
    }
  }
  return clean.slice(0, end);
}
