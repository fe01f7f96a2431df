import { readdirSync, readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import { assert } from '../../kernel/assert.ts';
import { redisError } from './redis-errors.ts';

/** Runs a Lua file of `lua/` by its name; rejects with a DenwabanError. */
export type RunScript = (name: string, keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

interface Script {
  lua: string;
  numberOfKeys: number;
}

const folder = new URL('./lua/', import.meta.url);

/** `lua/<name>-<number of keys>.lua`, by name. */
const scripts = new Map<string, Script>(
  readdirSync(folder)
    .filter((file) => file !== 'parts')
    .map((file) => {
      const [, name, keys] = /^(\w+)-(\d+)\.lua$/.exec(file) ?? [];
      assert(name && keys, `${file} is named <operation>-<number of keys>.lua`);
      return [name, { lua: readWhole(file), numberOfKeys: Number(keys) }];
    }),
);

/** The file, with `lua/parts/<part>.lua` in place of each part that a line `-- include: <part> <part>` names. */
function readWhole(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8').replace(/^-- include: (.*)$/m, (_, parts: string) =>
    parts
      .split(' ')
      .map((part) => readFileSync(new URL(`parts/${part}.lua`, folder), 'utf8'))
      .join(''),
  );
}

/** Makes each file of `lua/` a command of this client; after the first use on a connection only its digest is sent. */
export function loadScripts(client: Redis): RunScript {
  for (const [name, script] of scripts) client.defineCommand(name, script);
  // defineCommand adds methods that the client's type can't know.
  const commands = client as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
  return async (name, keys, args) => {
    const run = commands[name];
    assert(run && keys.length === scripts.get(name)?.numberOfKeys, `script ${name} exists and takes these keys`);
    try {
      return await run.call(client, ...keys, ...args);
    } catch (error) {
      throw redisError(error);
    }
  };
}
