import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { callBacksOf } from '../call/call-backs.ts';
import type { LegWitnesses } from '../call/leg-ends.ts';
import { LostLegSweep } from '../call/lost-legs.ts';
import { RecordingRoom } from '../call/recording-room.ts';
import { type CallService, createCallService } from '../call/service.ts';
import type { Config } from '../config.ts';
import { loadFlow } from '../flow/load-flow.ts';
import { systemClock as clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import { createPromptLibrary } from '../speech/prompt-library.ts';
import { RedisCallStateStore } from '../store/redis/redis-call-state-store.ts';
import type { ProgramContext } from './context.ts';
import type { Data } from './data.ts';
import { peopleAt, startDesk } from './desk.ts';
import { voices } from './house.ts';
import type { Lines } from './lines.ts';
import { flowFolder, recordingsFolder } from './paths.ts';

const callBounds = { maxCallMs: 14_400_000, maxStepsPerCall: 10_000, maxTalkMs: 14_400_000 };
const callEndDeadlineMs = 5_000;

/** What flows say: files, and texts spoken into files. */
function openPrompts({ dataDir }: Config, logger: Logger) {
  const { synthesizers, missing } = voices();
  if (missing) logger.warn(missing, 'Japanese texts with kanji cannot be spoken');
  return createPromptLibrary({ flowFolder, cacheFolder: join(dataDir, 'prompts'), synthesizers, clock, logger });
}

/** The answering desk, the calls, and the sweep of legs that lost their controller. */
export async function openCalls(context: ProgramContext, dataRoom: Data, { telephony, phones, refusals }: Lines) {
  const { config, logger, shutdown } = context;
  const { stores, redis, ledger, reserve, outbox } = dataRoom;
  const { known, facts, channels } = stores;
  const states = new RedisCallStateStore(redis);
  const onReported = () => outbox.notify();
  // The desk is there before the calls are, since these ask it for the callers that they take over.
  const callRoom = Promise.withResolvers<CallService>();
  const witnesses: LegWitnesses = {
    factsOfCalls: (callIds) => facts.factsOfCalls(callIds),
    channelsOf: (legIds) => channels.ofLegs(legIds),
  };
  const onCallBack = callBacksOf(callRoom.promise);
  const deskRoom = await startDesk(config, redis, stores, logger, shutdown, { onReported, onCallBack });
  const { controllerId } = deskRoom;
  const sweep = new LostLegSweep({
    ...{ facts, witnesses, states, ledger, clock, logger },
    flush: () => ledger.flush(),
    isDriven: (callId) => calls.isDriven(callId),
    hasChannel: (legId) => telephony.hasChannel(legId),
  });
  shutdown.add('sweep', () => sweep.stop());
  const calls: CallService = createCallService({
    telephony,
    accounts: known.accounts,
    flows: known.flows,
    loadFlow,
    ledger,
    hasRoomToRecord: () => !reserve.isFull,
    states,
    witnesses,
    onLegsLost: () => sweep.expectLost(),
    prompts: openPrompts(config, logger),
    people: peopleAt(deskRoom, phones, known),
    apology: (language) => ({ file: `prompts/${language === 'ja' ? 'ja' : 'en'}/apology.wav` }),
    clock,
    logger,
    controllerId,
    ...(await openRecordings(context, reserve)),
    limits: { ...callBounds, maxCalls: config.maxCalls, maxCallsPerSecond: config.maxCallsPerSecond },
    hasTrustedPeers: config.trustedPeers.length > 0,
    refusals,
  });
  shutdown.add('calls', () => calls.stop({ deadlineMs: callEndDeadlineMs }));
  await calls.start();
  callRoom.resolve(calls);
  process.once('SIGUSR2', () => calls.drain().then(() => process.kill(process.pid, 'SIGTERM')));
  sweep.start();
  return { ...deskRoom, states, calls };
}

/** Where recordings go, and the watch over the room that there is for them. */
async function openRecordings({ config, logger, shutdown }: ProgramContext, reserve: Data['reserve']) {
  const folder = recordingsFolder(config);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const recordingRoom = new RecordingRoom({ folder, clock, logger, isReserveWhole: () => reserve.isWhole });
  shutdown.add('room for recordings', () => recordingRoom.stop());
  await recordingRoom.start();
  return { recordingsFolder: folder, recordingRoom };
}

export type Calls = Awaited<ReturnType<typeof openCalls>>;
