import { describe, expect, it } from 'vitest';
import { nameOfKey } from '../../../src/web/console/key-name.ts';
import { en } from '../../../src/web/console/texts/en.ts';

const none = { repeat: false, isComposing: false, altKey: false, shiftKey: false, ctrlKey: false, metaKey: false };

describe('a key', () => {
  it('is called as in the list', () => {
    expect(nameOfKey({ ...none, key: 'F9' })).toBe('F9');
    expect(nameOfKey({ ...none, key: 'F10', ctrlKey: true })).toBe('Ctrl+F10');
    expect(nameOfKey({ ...none, key: 'Enter', metaKey: true })).toBe('Ctrl+Enter');
    expect(Object.keys(en.keys)).toContain('Ctrl+F10');
  });

  it('is nothing while an input method turns it into kana, is held down, or means something else', () => {
    expect(nameOfKey({ ...none, key: 'F10', isComposing: true })).toBeUndefined();
    expect(nameOfKey({ ...none, key: 'F9', repeat: true })).toBeUndefined();
    expect(nameOfKey({ ...none, key: 'F10', shiftKey: true })).toBeUndefined();
    expect(nameOfKey({ ...none, key: 'F4', altKey: true })).toBeUndefined();
  });

  it('of ours never is one that types', () => {
    for (const name of Object.keys(en.keys)) expect(name === 'Tab' || /^F\d+$|^Ctrl\+/.test(name)).toBe(true);
  });
});
