import { useEffect, useRef } from 'react';

/** `F2`, `Ctrl+Enter`: what the key is called in the lists. */
type KeyMap = Record<string, (() => void) | undefined>;

/** Keys that work wherever the focus is. On a Mac the command key does as Ctrl. */
export function useKeys(map: KeyMap): void {
  const latest = useRef(map);
  latest.current = map;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.repeat || event.isComposing || event.altKey) return;
      const action = latest.current[`${event.ctrlKey || event.metaKey ? 'Ctrl+' : ''}${event.key}`];
      if (!action) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, []);
}
