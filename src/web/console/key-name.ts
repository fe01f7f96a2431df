/** What of a key press tells which key of ours it is; a `KeyboardEvent` has all of it. */
export interface KeyPress {
  readonly key: string;
  readonly repeat: boolean;
  readonly isComposing: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
}

/**
 * What a key is called in the lists: `F2`, `Ctrl+Enter`; on a Mac the command key does as Ctrl. Undefined for one that
 * is none of ours: held down, typed into an input method, or with Alt or Shift.
 */
export function nameOfKey({
  key,
  repeat,
  isComposing,
  altKey,
  shiftKey,
  ctrlKey,
  metaKey,
}: KeyPress): string | undefined {
  if (repeat || isComposing || altKey || shiftKey) return undefined;
  return `${ctrlKey || metaKey ? 'Ctrl+' : ''}${key}`;
}
