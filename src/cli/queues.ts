import { refuseStrayQueues, removeQueue, saveQueue } from '../accounts/manage-desk.ts';
import { queueSettingsSchema } from '../accounts/queues.ts';
import { refuseQueue } from '../web/house.ts';
import { type AddCommand, changeByCommand, readSettings, table } from './command.ts';

/** `denwaban queue …`: how callers wait. */
export const addQueueCommands: AddCommand = (program, context) => {
  const queue = program.command('queue').description('how callers wait');
  queue
    .command('list')
    .description('all queues')
    .option('--json', 'for machines')
    .action(async ({ json }: { json?: boolean }) => {
      const queues = await context.withStores(({ data }) => data.queues.list());
      const rows = queues.map(({ queueId, strategy, maxLength, maxWaitMs, ringTimeoutMs, name }) => [
        queueId,
        strategy,
        `${ringTimeoutMs / 1_000} s`,
        String(maxLength),
        `${maxWaitMs / 1_000} s`,
        name,
      ]);
      const head = ['queue', 'strategy', 'rings', 'length', 'longest wait', 'name'];
      context.print(json ? JSON.stringify(queues, null, 2) : table([head, ...rows]));
    });
  queue
    .command('set <file>')
    .description('add or replace a queue as a JSON file says (- reads standard input); "queue list --json" shows one')
    .action(async (file: string) => {
      const settings = readSettings(file, queueSettingsSchema, 'QUEUE_INVALID');
      await refuseQueue(context.house(), settings);
      await changeByCommand(context, async (change) => {
        await saveQueue(change, settings);
        await refuseStrayQueues(change);
      });
      context.print(`queue ${settings.queueId} is set`);
    });
  queue
    .command('remove <queue-id>')
    .description('remove a queue that no agent serves and no overflow names')
    .action(async (queueId: string) => {
      await changeByCommand(context, (change) => removeQueue(change, queueId));
      context.print(`queue ${queueId} is removed`);
    });
};
