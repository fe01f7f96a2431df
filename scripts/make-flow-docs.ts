import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flowJsonSchema } from '../src/flow/flow.ts';
import { flowReference } from '../src/flow/reference.ts';

/** Writes flows/REFERENCE.md and flows/flow.schema.json from the node types. A test holds them current. */

const folder = join(import.meta.dirname, '../flows');
writeFileSync(join(folder, 'REFERENCE.md'), flowReference());
const schemaFile = join(folder, 'flow.schema.json');
writeFileSync(schemaFile, JSON.stringify(flowJsonSchema()));
execFileSync(join(import.meta.dirname, '../node_modules/.bin/biome'), ['format', '--write', schemaFile]);
