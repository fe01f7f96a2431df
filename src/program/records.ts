import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecordingFolder } from '../call/recordings.ts';
import type { Config } from '../config.ts';
import type { ChannelRecord } from '../kernel/channel-record.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import type { PartHealth } from '../kernel/health.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import { createChannelRecordWriter } from '../ledger/channel-record-writer.ts';
import { createLedger } from '../ledger/create-ledger.ts';
import { DiskReserve } from '../ledger/disk-reserve.ts';
import { createDeliverers } from '../outbox/create-deliverers.ts';
import type { OutboxAttachment } from '../outbox/entry.ts';
import { createOutbox } from '../outbox/outbox.ts';
import type { ProgramContext } from './context.ts';
import { recordingsFolder } from './paths.ts';
import type { Stores } from './stores.ts';

/** How long stopping waits for what is still to be written or sent. */
const flushDeadlineMs = 5_000;

/** What delivers reports and notices, running. */
export function startOutbox(
  config: Config,
  { outbox: store, webhookSecrets: secrets }: Stores,
  logger: Logger,
  shutdown: Shutdown,
) {
  const recordings = new RecordingFolder(recordingsFolder(config));
  const readAttachment = ({ accountId, callId, recordingId }: OutboxAttachment) =>
    readFile(recordings.fileFor(accountId, callId, recordingId)).catch(() => undefined);
  const { mail, allowInsecureTargets, outboxGiveUpHours, outboxKeepDays } = config;
  const outbox = createOutbox({
    store,
    deliverers: createDeliverers({ mail, allowInsecureTargets, secrets, readAttachment, clock, logger }),
    clock,
    logger,
    limits: { giveUpAfterMs: outboxGiveUpHours * 3_600_000, keepEndedMs: outboxKeepDays * 86_400_000 },
  });
  shutdown.add('outbox', () => outbox.stop(flushDeadlineMs));
  outbox.start();
  return outbox;
}

/** The journal of facts on its way to the database, and the room that is kept for it on its disk. */
export async function openLedger({ config, logger, shutdown, board }: ProgramContext, { facts: store }: Stores) {
  const { dataDir } = config;
  const dir = join(dataDir, 'journal');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const reserve = new DiskReserve({ dir, clock, logger });
  await reserve.start();
  shutdown.add('disk reserve', () => reserve.stop());
  board.add('disk', () => diskHealth(reserve.status), { isNeeded: true });
  const ledger = await createLedger({ dataDir, store, reserve, clock, logger });
  shutdown.add('ledger', async () => {
    await ledger.flush(flushDeadlineMs);
    await ledger.stop();
  });
  return { ledger, reserve };
}

function diskHealth({ isFull, ...details }: DiskReserve['status']): PartHealth {
  if (!isFull) return { state: 'ok', details };
  return { state: 'away', why: 'full: new calls are refused, calls in progress are recorded', details };
}

/** Where the switches' own records of their channels go. */
export function keepChannelRecords({ channels: store }: Stores, logger: Logger, shutdown: Shutdown) {
  const writer = createChannelRecordWriter({ store, clock, logger });
  shutdown.add('channel records', () => writer.stop());
  return (record: ChannelRecord) => writer.add(record);
}
