import { useEffect, useRef } from 'react';
import { nameOfKey } from './key-name.ts';

/** Keys by what they are called in the lists. */
type KeyMap = Record<string, (() => void) | undefined>;

/** Keys that work wherever the focus is. */
export function useKeys(map: KeyMap): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const action = latest.current[nameOfKey(event) ?? ''];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}
