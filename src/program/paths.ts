import { join, resolve } from 'node:path';

/** Folders that come with the program. */
export const flowFolder = resolve(import.meta.dirname, '../../flows');
/** Built by scripts/build-console.ts. */
export const consoleFolder = resolve(import.meta.dirname, '../../dist/console');
export const sampleFolder = join(flowFolder, 'sample');
/** Of the digest that agents' phones register with. Their hashes hold for it alone: never changed. */
export const phoneRealm = 'denwaban';
