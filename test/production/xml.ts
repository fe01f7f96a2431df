export interface XmlElement {
  name: string;
  attributes: Record<string, string>;
}

/**
 * Reads the elements of an XML text in the order in which they open.
 * @throws Error with the reason where the text is not well formed (tags that do not match, attributes without quotes, …).
 */
export function readXml(text: string): XmlElement[] {
  const elements: XmlElement[] = [];
  const open: string[] = [];
  const bare = text.replace(/^<\?xml[^>]*\?>/, '').replaceAll(/<!--[\s\S]*?-->/g, (comment) => {
    if (comment.slice(4, -3).includes('--')) throw new Error(`"--" inside a comment: ${comment}`);
    return '';
  });
  for (const [, between = '', tag = ''] of bare.matchAll(/([^<]*)(<[^>]*>|$)/g)) {
    if (between.trim() && open.length === 0) throw new Error(`text outside the root element: ${between.trim()}`);
    if (tag === '') continue;
    const [, close, name, rest = '', empty] = /^<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<&]*")*)\s*(\/?)>$/.exec(tag) ?? [];
    if (name === undefined) throw new Error(`malformed tag ${tag}`);
    if (close) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
      continue;
    }
    if (open.length === 0 && elements.length > 0) throw new Error(`a second root element <${name}>`);
    const attributes = [...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]);
    elements.push({ name, attributes: Object.fromEntries(attributes) });
    if (!empty) open.push(name);
  }
  if (open.length > 0) throw new Error(`<${open.at(-1)}> is never closed`);
  return elements;
}
