import { randomUUID } from 'node:crypto';
import { channelCommands } from './api-channels.ts';
import type { ApiCommand } from './api-command.ts';
import { showCommand } from './api-show.ts';
import { sofiaCommand } from './api-sofia.ts';
import { FREESWITCH_VERSION, statusText } from './api-status.ts';
import { causeOf } from './causes.ts';
import { ORIGINATE_USAGE, originate } from './originate.ts';
import type { SwitchCore } from './switch-core.ts';
import { strftime } from './time.ts';

/** All api commands by name. What is not here answers as an unknown command does in FreeSWITCH. */
export function createApi(core: SwitchCore): (name: string, args: string) => string | Promise<string> {
  const commands = new Map<string, ApiCommand>([...globalCommands(core), ...channelCommands(core)]);
  return (name, args) => {
    const command = commands.get(name.trim().toLowerCase());
    return command ? command(args.trim()) : `-ERR ${name.trim()} Command not found!\n`;
  };
}

function globalCommands(core: SwitchCore): [string, ApiCommand][] {
  return [
    ['status', () => statusText(core)],
    ['version', () => `FreeSWITCH Version ${FREESWITCH_VERSION} ( 64bit)\n`],
    ['uptime', () => `${Math.floor(core.counters.uptimeMicros / 1_000_000)}\n`],
    ['show', (args) => showCommand(core, args)],
    ['sofia', (args) => sofiaCommand(core, args)],
    ['originate', (args) => (args === '' ? ORIGINATE_USAGE : originate(core, args))],
    ['hupall', (args) => hangUpAll(core, args)],
    ['create_uuid', () => randomUUID()],
    ['strftime', (args) => strftime(args === '' ? '%Y-%m-%d %T' : args, new Date())],
    ['global_getvar', (args) => getGlobal(core, args)],
    ['global_setvar', (args) => setGlobal(core, args)],
    ['reloadxml', () => '+OK [Success]\n'],
    ['fsctl', (args) => fsctl(core, args)],
    ['echo', (args) => args],
  ];
}

function hangUpAll(core: SwitchCore, args: string): string {
  const [first = '', variable, value] = args.split(' ');
  const named = causeOf(first);
  const cause = first === '' || named === 'NONE' ? 'MANAGER_REQUEST' : named;
  const matching = variable !== undefined && value !== undefined;
  for (const leg of [...core.legs.values()]) {
    if (!matching || leg.channel.get(variable) === value) core.hangup(leg, cause);
  }
  if (matching) return `+OK hangup all channels matching [${variable}]=[${value}] with cause: ${cause}\n`;
  return `+OK hangup all channels with cause ${cause}\n`;
}

function getGlobal(core: SwitchCore, name: string): string {
  if (name !== '') return core.globals.get(name) ?? '';
  return [...core.globals].map(([key, value]) => `${key}=${value}\n`).join('');
}

function setGlobal(core: SwitchCore, text: string): string {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text : text.slice(0, equals);
  const value = equals === -1 ? '' : text.slice(equals + 1).replace(/^=/, '');
  if (name === '') return '-USAGE: <var>=<value> [=<value2>]\n';
  if (value === '') core.globals.delete(name);
  else if (core.globals.size < 1000) core.globals.set(name, value);
  return '+OK';
}

const FSCTL_USAGE =
  '-USAGE: [api_expansion [on|off]|recover|send_sighup|hupall|pause [inbound|outbound]|resume [inbound|outbound]|shutdown [cancel|elegant|asap|now|restart]|uuid_version [4|7]|sps|sps_peak_reset|sync_clock|sync_clock_when_idle|reclaim_mem|max_sessions|min_dtmf_duration [num]|max_dtmf_duration [num]|default_dtmf_duration [num]|min_idle_cpu|loglevel [level]|debug_level [level]|mdns_resolve [enable|disable]]\n';

/** What can be asked; nothing can be set here: the process that started this switch rules it. */
function fsctl(core: SwitchCore, args: string): string {
  const answers: Record<string, string> = {
    max_sessions: `+OK max sessions: ${core.counters.maxSessions}\n`,
    sps: `+OK sessions per second: ${core.counters.sessionsPerSecond}\n`,
    pause_check: 'false',
    min_idle_cpu: '+OK min idle cpu: DISABLED\n',
    loglevel: '+OK log level: DISABLE [-1]\n',
    sync_clock: '+OK clock synchronized\n',
  };
  return answers[args.split(' ')[0] ?? ''] ?? FSCTL_USAGE;
}
