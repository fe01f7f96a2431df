import { randomUUID } from 'node:crypto';

/** A fresh random identifier (UUID version 4), optionally after a short prefix: `call_1b9d…`. */
export function newId(prefix?: string): string {
  const id = randomUUID();
  return prefix ? `${prefix}_${id}` : id;
}
