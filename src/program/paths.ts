import { join, resolve } from 'node:path';
import type { Config } from '../config.ts';

/** Folders that come with the program. */
export const flowFolder = resolve(import.meta.dirname, '../../flows');
/** Built by scripts/build-console.ts. */
export const consoleFolder = resolve(import.meta.dirname, '../../dist/console');
export const sampleFolder = join(flowFolder, 'sample');
/** Of the digest that agents' phones register with. Their hashes hold for it alone: never changed. */
export const phoneRealm = 'denwaban';
/** Where the switches write recordings. */
export const recordingsFolder = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(dataDir, 'recordings');
