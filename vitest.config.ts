import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Three groups, one after another (scripts/run-tests.ts has them as stages):
 * - `unit`: all but real calls.
 * - `scenarios`: real calls. They mostly wait, for ringing, music, leases: several files at a time, each with a system
 *   of its own.
 * - `scenarios-alone`: test/scenarios/*.alone.test.ts, one at a time. By this name goes a file whose tests say how many
 *   milliseconds something takes, compare audio with what was played, or put load on the machine.
 */
const scenarios = ['test/scenarios/**/*.test.ts', 'test/console/**/*.test.ts'];
const alone = 'test/scenarios/**/*.alone.test.ts';
const ofRealCalls = { testTimeout: 60_000, hookTimeout: 120_000, setupFiles: ['test/support/scenario-end.ts'] };
/** One drachtio-server and FreeSWITCH for all files, where they are not embedded. */
const filesAtOnce = (process.env.STACK ?? 'embedded') === 'embedded' ? 4 : 1;
/** Half a minute and more each: begun last they would be waited for by themselves. */
const longFiles = [
  ...[
    '/session-timers.',
    '/keeping.',
    '/intake.',
    '/desk-callback.',
    '/desk-hang-ups',
    '/desk-takeover.',
    '/takeover.',
  ],
  ...[
    '/database-away.',
    '/voicemail.',
    '/reconcile.',
    '/broken-messages.',
    '/desk-overflow.',
    '/desk-rules.',
    '/access.',
  ],
  ...['/desk.', '/sip.'],
];

class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId, project }: TestSpecification) =>
      project.name === 'scenarios' && longFiles.some((name) => moduleId.includes(name));
    // The order of projects is theirs.
    const groups = Map.groupBy(sorted, ({ project }) => project.name);
    return [...groups.values()].flatMap((group) => [...group.filter(isLong), ...group.filter((file) => !isLong(file))]);
  }
}

export default defineConfig({
  test: {
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: scenarios,
          testTimeout: 20_000,
          hookTimeout: 60_000,
          // Most tests wait for sockets and timers, not for a core: its own choice on two cores would be one at a time.
          maxWorkers: 3,
          // No test replaces a module: files of a worker share what they import, which else takes a fifth of the time.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'scenarios',
          include: scenarios,
          exclude: [alone],
          ...ofRealCalls,
          maxWorkers: filesAtOnce,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'scenarios-alone',
          include: [alone],
          ...ofRealCalls,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
