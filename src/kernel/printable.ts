/** What a terminal obeys instead of showing it: control characters but line feed and tab, and marks of direction. */
const obeyed = /(?![\n\t])[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * A text with what a terminal would obey written out: ESC as `\u001b`, which within JSON means the same. Strangers choose
 * display names, User-Agents and what stands in forms.
 */
export function printable(text: string): string {
  return text.replace(obeyed, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same for text that people read and no program: such characters are left out. */
export function withoutControls(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(obeyed, '');
}
