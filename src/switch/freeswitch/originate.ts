import { randomUUID } from 'node:crypto';
import { parseUri } from '../../kernel/sip/uri.ts';
import type { HeaderMap } from '../sip/api.ts';
import { causeOf } from './causes.ts';
import { Channel } from './channel.ts';
import type { Core, Leg } from './core.ts';
import { profileUrl } from './inbound-leg.ts';
import { inlineSteps, parkDialplan, stepsJob } from './jobs.ts';
import { Negotiation } from './negotiation.ts';
import { OutboundLeg } from './outbound-leg.ts';
import { cleanUp, separate } from './separate.ts';
import type { Step } from './session.ts';

const DEFAULT_TIMEOUT_SECONDS = 60;

export const ORIGINATE_USAGE =
  '-USAGE: <call url> <exten>|&<application_name>(<app_args>) [<dialplan>] [<context>] [<cid_name>] [<cid_num>] [<timeout_sec>]\n';

interface OriginateRequest {
  variables: Map<string, string>;
  /** Channel type, e.g. `sofia`. */
  type: string;
  profile: string;
  /** `<user>@<host[:port]>`, perhaps with URI parameters. */
  destination: string;
  steps: readonly Step[];
}

/** Takes `{vars}sofia/<profile>/<user>@<host> &app(args)` apart; undefined when it is no such thing. */
export function parseOriginate(text: string): OriginateRequest | undefined {
  // Quotes go away here, before the variables are told apart: a comma in a value is `\,`, or the delimiter another one.
  const [leg, extension, dialplan = ''] = separate(text.trim(), ' ');
  if (leg === undefined || extension === undefined) return undefined;
  const variables = new Map<string, string>();
  let url = leg;
  for (let open = url[0]; open === '{' || open === '['; open = url[0]) {
    const end = url.indexOf(open === '{' ? '}' : ']');
    if (end === -1) return undefined;
    for (const [name, value] of parseVariables(url.slice(1, end))) variables.set(name, value);
    url = url.slice(end + 1).trim();
  }
  const [, type = '', profile = '', destination = ''] = /^([^/]+)(?:\/([^/]*)(?:\/(.*))?)?$/.exec(url) ?? [];
  return { variables, type, profile, destination, steps: stepsOf(extension, dialplan) };
}

/** `&app(args)`, an inline dialplan, or an extension, which our dialplan parks whatever its name. */
function stepsOf(extension: string, dialplan: string): readonly Step[] {
  const [, app, arg] = /^&(\w+)(?:\((.*)\))?$/s.exec(extension) ?? [];
  if (app !== undefined) return [{ app, arg: arg ?? '' }];
  return dialplan === 'inline' ? inlineSteps(extension) : parkDialplan;
}

/** `a=1,b=2`; `^^:a=1:b=2` has another delimiter. */
function parseVariables(text: string): [string, string][] {
  return separate(text, ',').flatMap((pair): [string, string][] => {
    const equals = pair.indexOf('=');
    return equals > 0 ? [[pair.slice(0, equals).trim(), cleanUp(pair.slice(equals + 1))]] : [];
  });
}

/** Calls out; resolves with the api's answer once the call is answered (or can be heard), or has failed. */
export async function originate(core: Core, text: string): Promise<string> {
  const request = parseOriginate(text);
  if (!request) return ORIGINATE_USAGE;
  if (request.type !== 'sofia') return '-ERR CHAN_NOT_IMPLEMENTED\n';
  if (request.profile !== core.settings.profileName) return '-ERR INVALID_PROFILE\n';
  if (!/^[^@\s]+@[^@\s]+$/.test(request.destination)) return '-ERR INVALID_URL\n';
  const uuid = request.variables.get('origination_uuid') || randomUUID();
  if (core.legs.has(uuid)) return '-ERR DESTINATION_OUT_OF_ORDER\n';
  if (!core.counters.begin()) return '-ERR SWITCH_CONGESTION\n';
  const leg = createLeg(core, request, uuid);
  return new Promise((resolve) => {
    call(core, leg, request, resolve).catch((error: unknown) => {
      core.logger.warn({ error: String(error), uuid }, 'originate failed');
      core.hangup(leg, 'NORMAL_TEMPORARY_FAILURE');
      resolve(`-ERR ${leg.channel.hangupCause}\n`);
    });
  });
}

function createLeg(core: Core, request: OriginateRequest, uuid: string): Leg {
  const { variables, destination, profile } = request;
  const user = destination.split('@')[0] ?? '';
  const number = variables.get('origination_caller_id_number') ?? '0000000000';
  const name = variables.get('origination_caller_id_name') ?? '';
  const channel = new Channel(core.bus, {
    uuid,
    direction: 'outbound',
    name: `sofia/${profile}/${destination.replace(/;.*$/s, '')}`,
    profile: {
      callerName: name,
      callerNumber: number,
      originalCallerName: name,
      originalCallerNumber: number,
      networkAddress: '',
      ani: number,
      destination: user,
      source: 'src/switch_ivr_originate.c',
      context: 'default',
    },
  });
  channel.setAll({
    direction: 'outbound',
    is_outbound: 'true',
    uuid,
    sip_profile_name: profile,
    channel_name: channel.name,
    sip_destination_url: `sip:${destination}`,
  });
  for (const [key, value] of variables) channel.set(key, value);
  channel.setAll({
    originate_early_media: String(!channel.isTrue('ignore_early_media')),
    originate_endpoint: 'sofia',
    sofia_profile_name: profile,
    recovery_profile_name: profile,
    sofia_profile_url: profileUrl(core),
    call_uuid: uuid,
  });
  return core.addLeg(channel, new OutboundLeg(core, channel));
}

async function call(core: Core, leg: Leg, request: OriginateRequest, resolve: (answer: string) => void): Promise<void> {
  const { channel, session } = leg;
  channel.fire('CHANNEL_OUTGOING');
  const negotiation = await Negotiation.open(core, channel);
  if (channel.hangupCause !== undefined) {
    await core.media.closeLeg(channel.uuid);
    resolve(`-ERR ${channel.hangupCause}\n`);
    return;
  }
  channel.setState('CS_INIT');
  channel.fire('CHANNEL_CREATE');
  channel.fire('CHANNEL_ORIGINATE');
  const seconds = Number.parseInt(channel.get('originate_timeout') ?? '', 10) || DEFAULT_TIMEOUT_SECONDS;
  const timer = setTimeout(() => core.hangup(leg, 'NO_ANSWER'), seconds * 1000);
  const settle = (answer: string) => {
    clearTimeout(timer);
    resolve(answer);
  };
  session.onEnd(() => settle(`-ERR ${channel.hangupCause ?? 'NORMAL_CLEARING'}\n`));
  let gone = false;
  const go = () => {
    if (gone) return;
    gone = true;
    settle(`+OK ${channel.uuid}\n`);
    channel.setState('CS_EXECUTE');
    session.start(stepsJob(request.steps));
  };
  const early = !channel.isTrue('ignore_early_media');
  (leg.sip as OutboundLeg).invite(
    leg,
    negotiation,
    { uri: `sip:${request.destination}`, headers: headersOf(core, channel, request) },
    {
      onEarlyMedia: () => {
        if (early) go();
      },
      onAnswered: () => go(),
    },
  );
}

/** From, the headers asked for with `sip_h_*`, and what mod_sofia adds by itself. */
function headersOf(core: Core, channel: Channel, request: OriginateRequest): HeaderMap {
  const { callerName, callerNumber } = channel.profile;
  const host = parseUri(profileUrl(core))?.host ?? '127.0.0.1';
  const display = callerName === '' ? '' : `"${callerName.replace(/["\\\r\n]/g, '')}" `;
  const from = `${display}<sip:${callerNumber.replace(/[^\w.+*#~!$&'()-]/g, '')}@${host}>`;
  const headers: HeaderMap = { From: from };
  for (const [name, value] of request.variables) {
    if (name.startsWith('sip_h_')) headers[name.slice('sip_h_'.length)] = value.replace(/[\r\n]+/g, ' ');
  }
  headers['X-FS-Support'] = 'update_display,send_info';
  headers['Remote-Party-ID'] = `${from};party=calling;screen=yes;privacy=off`;
  return headers;
}

/** A cause given to `uuid_kill` and the like; NORMAL_CLEARING where it is none. */
export function causeOrClearing(text: string | undefined): string {
  return text === undefined || text.trim() === '' ? 'NORMAL_CLEARING' : causeOf(text);
}
