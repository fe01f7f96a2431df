/** Numbers that look random and are the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const pieces = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n ',
    '\t',
    ' ',
    '  ',
    '\0',
    '\u001b',
    '\u007f',
    '\uFEFF',
    '電話',
    '%41',
    '%',
    '"',
    '<',
    '>',
    ',',
    ';',
    ':',
    '=',
    '@',
  ],
  ...[
    'sip:',
    'sip/2.0',
    'SIP / 2.0',
    'SIP/2.0',
    'tel:+81',
    'v: ',
    'm: *',
    'Contact: <sip:x@y>',
    'l: 0',
    'Content-Length: 5',
  ],
  ...[
    '%43all-ID: z',
    '__proto__: x',
    'Privacy: id',
    'nonsense',
    '9'.repeat(30),
    '-1',
    '\r\n\r\n',
    '[::1]',
    ';tag=2',
    'v=0',
    'm=audio 9/2 RTP/AVP 0',
  ],
];

/** A text with one to four places changed: cut, doubled, exchanged, or something put in. */
export function mutated(text: string, random: () => number): string {
  let changed = text;
  const count = 1 + Math.floor(random() * 4);
  for (let i = 0; i < count; i++) changed = mutatedOnce(changed, random);
  return changed;
}

function mutatedOnce(text: string, random: () => number): string {
  const at = Math.floor(random() * (text.length + 1));
  const length = Math.floor(random() * 12);
  const piece = pieces[Math.floor(random() * pieces.length)] ?? '';
  const lines = text.split('\r\n');
  const line = Math.floor(random() * lines.length);
  switch (Math.floor(random() * 7)) {
    case 0:
      return text.slice(0, at) + text.slice(at + length);
    case 1:
      return text.slice(0, at) + piece + text.slice(at);
    case 2:
      return text.slice(0, at) + piece + text.slice(at + length);
    case 3:
      return [...lines.slice(0, line), lines[line] ?? '', ...lines.slice(line)].join('\r\n');
    case 4:
      return [...lines.slice(0, line), ...lines.slice(line + 1)].join('\r\n');
    case 5:
      return [...lines.slice(0, line), piece, ...lines.slice(line)].join('\r\n');
    default:
      return text.slice(0, at) + text.slice(at, at + length).toUpperCase() + text.slice(at + length);
  }
}
