import { evaluate } from './app-arguments.ts';
import { playAndGetDigits } from './app-digits.ts';
import { eavesdrop, threeWay } from './app-eavesdrop.ts';
import { endlessPlayback, playback } from './app-playback.ts';
import { type RecordingsInProgress, record, startBackgroundRecording, stopBackgroundRecording } from './app-record.ts';
import type { Core, Leg } from './core.ts';
import { sendDigits } from './dtmf.ts';
import { separate } from './separate.ts';
import type { App, AppCall } from './session.ts';

/** The dialplan applications by name. What is not here hangs up, as an unknown one does in FreeSWITCH. */
export function createApplications(core: Core, recordings: RecordingsInProgress): ReadonlyMap<string, App> {
  const legOf = (call: AppCall): Leg => {
    const leg = core.legs.get(call.channel.uuid);
    if (!leg) throw new Error(`no leg ${call.channel.uuid}`);
    return leg;
  };
  return new Map<string, App>([
    ['answer', (call) => answer(legOf(call))],
    ['park', (call) => park(call)],
    ['playback', (call) => playback(core, call)],
    ['endless_playback', (call) => endlessPlayback(core, call)],
    ['play_and_get_digits', (call) => playAndGetDigits(core, call)],
    ['record', (call) => record(core, recordings, call)],
    [
      'record_session',
      (call) => {
        const [path = '', limit] = call.arg.split(' ');
        startBackgroundRecording(core, recordings, legOf(call), path, limit);
      },
    ],
    [
      'stop_record_session',
      async (call) => {
        await stopBackgroundRecording(core, legOf(call), call.arg.trim());
      },
    ],
    ['eavesdrop', (call) => eavesdrop(core, call)],
    ['three_way', (call) => threeWay(core, call)],
    ['eval', evaluate],
    ['sleep', sleep],
    ['break', (call) => call.session.break()],
    ['hangup', (call) => core.hangup(legOf(call), call.arg.trim() || 'NORMAL_CLEARING')],
    ['set', (call) => setVariable(call, call.arg)],
    ['unset', (call) => call.channel.set(call.arg.trim(), undefined)],
    ['multiset', multiset],
    ['export', exportVariable],
    ['send_dtmf', (call) => sendDigits(core, call.channel, call.arg)],
    ['flush_dtmf', (call) => call.session.flushDigits()],
    ['log', () => undefined],
    ['info', () => undefined],
  ]);
}

function answer(leg: Leg): void {
  if (!leg.channel.answered) leg.sip.answer();
}

/** Waits until something else takes the channel over. Keys are told and forgotten; a break breaks nothing. */
export async function park({ channel, frame, session }: AppCall): Promise<void> {
  channel.fire('CHANNEL_PARK');
  frame.onDigit = () => undefined;
  await session.wait<void>(frame, (settle) => (why) => {
    if (why === 'break') return false;
    settle(undefined);
    return true;
  });
  channel.fire('CHANNEL_UNPARK');
}

/** `sleep <ms>`: keys stay queued. */
async function sleep({ arg, frame, session }: AppCall): Promise<void> {
  const delayMs = Math.max(0, Number.parseInt(arg, 10) || 0);
  await session.wait<void>(frame, (settle) => {
    const timer = setTimeout(() => settle(undefined), delayMs);
    return () => {
      clearTimeout(timer);
      settle(undefined);
      return true;
    };
  });
}

/** `name=value`; without a value the variable goes. */
function setVariable({ channel }: AppCall, text: string): void {
  const equals = text.indexOf('=');
  if (equals === -1) channel.set(text.trim(), undefined);
  else channel.set(text.slice(0, equals).trim(), text.slice(equals + 1).trim());
}

/** `a=1 b=2`, or with another delimiter `^^|a=1|b=2`. */
function multiset(call: AppCall): void {
  for (const pair of separate(call.arg, ' ')) setVariable(call, pair);
}

/** Like `set`, and listed in `export_vars`; `nolocal:name=value` is only listed, for the other leg. */
function exportVariable(call: AppCall): void {
  const { channel, arg } = call;
  const equals = arg.indexOf('=');
  const name = (equals === -1 ? arg : arg.slice(0, equals)).trim();
  if (name === '') return;
  if (name.startsWith('nolocal:')) channel.set(name, equals === -1 ? undefined : arg.slice(equals + 1).trim());
  else setVariable(call, arg);
  const listed = (channel.get('export_vars') ?? '').split(',').filter((entry) => entry !== '' && entry !== name);
  channel.set('export_vars', [...listed, name].join(','));
}
