import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most tests wait for sockets and timers, not for a core: its own choice on two cores would be one at a time.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/scenarios/**', 'test/console/**'],
          testTimeout: 20_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'scenarios',
          include: ['test/scenarios/**/*.test.ts', 'test/console/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Real calls share the machine's two cores: one file at a time, so that timings mean something.
          fileParallelism: false,
        },
      },
    ],
  },
});
