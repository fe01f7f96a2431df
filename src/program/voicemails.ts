import { inspectRecording } from '../call/recorded-sound.ts';
import { RecordingFolder } from '../call/recordings.ts';
import { createRecordingLinks } from '../desk/recording-links.ts';
import { VoicemailReporter } from '../desk/voicemail-reporter.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import type { ProgramContext } from './context.ts';
import type { Data } from './data.ts';
import { recordingsFolder } from './paths.ts';

/** A link to a recording holds so long: over holidays, and not for ever. */
const linkLifetimeMs = 14 * 86_400_000;

/** Reports the messages that callers leave, with links to the pages at `httpPort` where nothing else is configured. */
export function startVoicemails(
  { config, logger, shutdown }: ProgramContext,
  { stores, outbox }: Data,
  httpPort: number,
) {
  const recordings = new RecordingFolder(recordingsFolder(config));
  const reporter = new VoicemailReporter({
    data: stores.data,
    facts: stores.facts,
    soundOf: ({ accountId, callId, recordingId }) =>
      inspectRecording(recordings.fileFor(accountId, callId, recordingId)),
    links: createRecordingLinks({
      secrets: stores.webhookSecrets,
      baseUrl: () => config.publicUrl ?? `http://${config.publicAddress}:${httpPort}`,
      nowMs: () => clock.nowMs(),
      lifetimeMs: linkLifetimeMs,
    }),
    onReported: () => outbox.notify(),
    clock,
    logger,
  });
  shutdown.add('messages', () => reporter.stop());
  reporter.start();
}
