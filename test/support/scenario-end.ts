import { afterAll } from 'vitest';
import { stopScenarioDatabases } from './scenario-database.ts';

// After each file of scenarios, and after what the file itself ends.
afterAll(stopScenarioDatabases);
