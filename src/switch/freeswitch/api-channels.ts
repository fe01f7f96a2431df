import type { ApiCommand } from './api-command.ts';
import { maskRecording, startBackgroundRecording, stopBackgroundRecording } from './app-record.ts';
import { Bridge } from './bridge.ts';
import type { Leg } from './core.ts';
import { sendDigits } from './dtmf.ts';
import { jsonText, plainText, type SwitchEvent } from './events.ts';
import { inlineSteps, parkDialplan, parkJob, transferJob } from './jobs.ts';
import { mediaVariables } from './media-variables.ts';
import { causeOrClearing } from './originate.ts';
import { separate } from './separate.ts';
import type { SwitchCore } from './switch-core.ts';

const NO_CHANNEL = '-ERR No such channel!\n';
const OK = '+OK\n';

const USAGE = {
  kill: '-USAGE: <uuid> [cause]\n',
  break: '-USAGE: <uuid> [all]\n',
  transfer: '-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n',
  setvar: '-USAGE: <uuid> <var> [value]\n',
  setvarMulti: '-USAGE: <uuid> <var>=<value>;<var>=<value>...\n',
  getvar: '-USAGE: <uuid> <var>\n',
  dump: '-USAGE: <uuid> [format]\n',
  record: '-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n',
  dtmf: '-USAGE: <uuid> <dtmf_data>\n',
  bridge: '-USAGE: <uuid> <other_uuid>\n',
  broadcast: '-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n',
};

type LegCommand = (leg: Leg, rest: string) => string | Promise<string>;

/** The `uuid_…` commands. */
export function channelCommands(core: SwitchCore): [string, ApiCommand][] {
  /** A command whose first word names a channel; `usage` answers where a word is missing. */
  const onLeg = (usage: string, missing: string, words: number, command: LegCommand): ApiCommand => {
    return (args) => {
      if (args === '' || args.split(/\s+/).length < words) return usage;
      const [uuid = '', rest] = cut(args);
      const leg = core.legs.get(uuid);
      return leg ? command(leg, rest) : missing;
    };
  };
  return [
    ['uuid_exists', (args) => String(core.legs.has(args))],
    ['uuid_kill', onLeg(USAGE.kill, NO_CHANNEL, 1, (leg, cause) => kill(core, leg, cause))],
    ['uuid_break', onLeg(USAGE.break, NO_CHANNEL, 1, breakLeg)],
    ['uuid_park', onLeg(NO_CHANNEL, NO_CHANNEL, 1, (leg) => parkLeg(leg))],
    ['uuid_answer', onLeg('-ERROR\n', '-ERROR\n', 1, answerLeg)],
    ['uuid_setvar', onLeg(USAGE.setvar, NO_CHANNEL, 2, setVariable)],
    ['uuid_setvar_multi', onLeg('-ERR no reply\n', `${NO_CHANNEL}${USAGE.setvarMulti}`, 2, setVariables)],
    ['uuid_getvar', onLeg(USAGE.getvar, NO_CHANNEL, 2, (leg, name) => leg.channel.get(name.trim()) ?? '_undef_')],
    ['uuid_dump', onLeg(USAGE.dump, NO_CHANNEL, 1, (leg, format) => dump(core, leg, format))],
    ['uuid_send_dtmf', onLeg(USAGE.dtmf, '-ERR Cannot locate session!\n', 2, (leg, keys) => sendKeys(core, leg, keys))],
    ['uuid_record', onLeg(USAGE.record, '-ERR Cannot locate session!\n', 3, (leg, rest) => record(core, leg, rest))],
    ['uuid_transfer', onLeg(USAGE.transfer, NO_CHANNEL, 2, transfer)],
    ['uuid_broadcast', onLeg(USAGE.broadcast, '-ERR invalid uuid\n', 2, broadcast)],
    ['uuid_set_media_stats', (args) => setMediaStats(core, args)],
    ['uuid_bridge', (args) => bridge(core, args)],
  ];
}

/** First word, and the rest without its leading space. */
function cut(text: string): [first: string, rest: string] {
  const space = text.indexOf(' ');
  return space === -1 ? [text, ''] : [text.slice(0, space), text.slice(space + 1).trim()];
}

function kill(core: SwitchCore, leg: Leg, cause: string): string {
  if (leg.channel.hangupCause !== undefined) return NO_CHANNEL;
  core.hangup(leg, causeOrClearing(cause));
  return OK;
}

function breakLeg(leg: Leg, flags: string): string {
  if (flags.includes('all')) leg.session.flushCommands();
  leg.session.break();
  if (flags.includes('both')) leg.bridge?.otherOf(leg).session.break();
  return OK;
}

function parkLeg(leg: Leg): string {
  leg.bridge?.leave(leg);
  leg.session.interrupt(parkJob);
  return OK;
}

function answerLeg(leg: Leg): string {
  if (!leg.channel.answered) leg.sip.answer();
  return OK;
}

function setVariable(leg: Leg, rest: string): string {
  const [name, value] = cut(rest);
  leg.channel.set(name, value);
  return OK;
}

function setVariables(leg: Leg, rest: string): string {
  for (const pair of rest.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1) leg.channel.set(pair.trim(), undefined);
    else leg.channel.set(pair.slice(0, equals).trim(), pair.slice(equals + 1));
  }
  return OK;
}

async function setMediaStats(core: SwitchCore, uuid: string): Promise<string> {
  if (uuid === '') return '-USAGE: <uuid>\n';
  const leg = core.legs.get(uuid);
  if (!leg) return `-ERR No such channel ${uuid}!\n`;
  leg.channel.setAll(mediaVariables(await core.media.stats(uuid)));
  return '+OK:\n';
}

function dump(core: SwitchCore, leg: Leg, format: string): string {
  const event: SwitchEvent = {
    name: 'CHANNEL_DATA',
    headers: [...core.bus.commonHeaders('CHANNEL_DATA'), ...leg.channel.headers()],
  };
  if (format.toLowerCase() === 'json') return jsonText(event);
  // FreeSWITCH's "plain" is the one without encoding.
  return plainText(event, format.toLowerCase() !== 'plain');
}

function sendKeys(core: SwitchCore, leg: Leg, keys: string): string {
  const sent = sendDigits(core, leg.channel, keys);
  return sent ? `+OK ${leg.channel.uuid} sent DTMF ${keys}.\n` : '-ERR Operation failed\n';
}

async function record(core: SwitchCore, leg: Leg, rest: string): Promise<string> {
  const [action = '', path = '', limit] = separate(rest, ' ');
  switch (action.toLowerCase()) {
    case 'start':
      if (startBackgroundRecording(core, core.recordings, leg, path, limit)) return '+OK Success\n';
      return '-ERR Cannot record session!\n';
    case 'stop':
      return (await stopBackgroundRecording(core, leg, path)) ? '+OK Success\n' : '-ERR Cannot stop record session!\n';
    case 'mask':
      return maskRecording(core, leg, path, true) ? '+OK Success\n' : '-ERR Cannot mask recording session!\n';
    case 'unmask':
      return maskRecording(core, leg, path, false) ? '+OK Success\n' : '-ERR Cannot unmask recording session!\n';
    default:
      return USAGE.record;
  }
}

/** `[-both|-bleg] <extension> [inline]`: an inline dialplan, or any extension, which our dialplan parks. */
function transfer(leg: Leg, rest: string): string {
  const words = rest.split(/\s+/);
  const flag = words[0]?.toLowerCase();
  const flagged = flag === '-both' || flag === '-bleg';
  if (flagged) words.shift();
  if (words.length === 0) return USAGE.transfer;
  const inline = words.at(-1)?.toLowerCase() === 'inline';
  const steps = inline ? inlineSteps(words.slice(0, -1).join(' ')) : parkDialplan;
  const peer = leg.bridge?.otherOf(leg);
  const moved = flag === '-bleg' ? [peer] : flag === '-both' ? [leg, peer] : [leg];
  if (flag === '-bleg' && !peer) return '-ERR No such channel!\n';
  for (const one of moved) one?.bridge?.leave(one);
  for (const one of moved) one?.session.interrupt(transferJob(steps));
  return OK;
}

/** `<path>[::<argument>] [aleg|bleg|both]`: the application of that name, or a file to play. */
function broadcast(leg: Leg, rest: string): string {
  const words = rest.split(/\s+/);
  const side = /^(aleg|bleg|both|holdb)$/i.test(words.at(-1) ?? '') ? (words.pop() ?? '').toLowerCase() : 'aleg';
  const text = words.join(' ');
  const [, app = 'playback', arg = text] = /^([a-z_]+)::(.*)$/s.exec(text) ?? [];
  const headers = new Map([
    ['call-command', 'execute'],
    ['execute-app-name', app],
    ['execute-app-arg', arg],
  ]);
  const peer = leg.bridge?.otherOf(leg);
  const targets = side === 'bleg' ? [peer] : side === 'both' ? [leg, peer] : [leg];
  for (const target of targets) target?.session.enqueue({ line: 'sendmsg', headers, body: '' });
  return '+OK Message sent\n';
}

function bridge(core: SwitchCore, args: string): string {
  const [first = '', second, third] = args.split(/\s+/);
  if (second === undefined) return USAGE.bridge;
  const originator = core.legs.get(first);
  for (const uuid of [second, third]) {
    const originatee = uuid === undefined ? undefined : core.legs.get(uuid);
    if (!originator || !originatee || originator === originatee) continue;
    if (originator.channel.hangupCause !== undefined || originatee.channel.hangupCause !== undefined) continue;
    new Bridge(core, originator, originatee).begin();
    return `+OK ${uuid}\n`;
  }
  return '-ERR Invalid uuid\n';
}
