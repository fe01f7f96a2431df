import type { Channel } from './channel.ts';
import type { Leg } from './core.ts';
import type { SwitchCore } from './switch-core.ts';
import { localTime } from './time.ts';

type Row = Record<string, string>;

/** `show channels|calls [count] [as json]`, `show status`-like ones answer as an empty table. */
export function showCommand(core: SwitchCore, args: string): string {
  const words = args.toLowerCase().split(/\s+/);
  const json = words.includes('json');
  const legs = [...core.legs.values()];
  let rows: Row[];
  if (words[0] === 'channels') rows = legs.map(channelRow);
  else if (words[0] === 'calls') rows = callRows(legs);
  else
    return '-USAGE: codec|endpoint|application|api|dialplan|file|timer|calls [count]|channels [count|like <match string>]|calls|detailed_calls|bridged_calls|detailed_bridged_calls|aliases|complete|chat|management|modules|nat_map|say|interfaces|interface_types|tasks|limits|status\n';
  return words.includes('count') ? countOf(rows.length, json) : json ? asJson(rows) : asTable(rows);
}

function countOf(count: number, json: boolean): string {
  if (json) return count === 0 ? '{"row_count":0,"rows":[]}' : `{"row_count":${count}}`;
  return `\n${count} total.\n`;
}

function asJson(rows: Row[]): string {
  return rows.length === 0 ? '{"row_count": 0}' : JSON.stringify({ row_count: rows.length, rows });
}

function asTable(rows: Row[]): string {
  const [first] = rows;
  if (!first) return '\n0 total.\n';
  const lines = [Object.keys(first), ...rows.map((row) => Object.values(row))].map((cells) => cells.join(','));
  return `${lines.join('\n')}\n\n${rows.length} total.\n`;
}

function channelRow({ channel }: Leg): Row {
  const { profile } = channel;
  const codec: Row = {};
  for (const way of ['read', 'write']) {
    codec[`${way}_codec`] = channel.codec ?? '';
    codec[`${way}_rate`] = channel.codec ? '8000' : '';
    codec[`${way}_bit_rate`] = channel.codec ? '64000' : '';
  }
  return {
    ...startOfRow(channel),
    application: channel.get('current_application') ?? '',
    application_data: channel.get('current_application_data') ?? '',
    dialplan: profile.dialplan ?? '',
    context: profile.context,
    ...codec,
    secure: '',
    hostname: channel.hostname,
    presence_id: '',
    presence_data: '',
    accountcode: channel.get('accountcode') ?? '',
    ...endOfRow(channel),
    initial_cid_name: profile.originalCallerName,
    initial_cid_num: profile.originalCallerNumber,
    initial_ip_addr: profile.networkAddress,
    initial_dest: profile.destination,
    initial_dialplan: profile.dialplan ?? '',
    initial_context: profile.context,
  };
}

function startOfRow(channel: Channel): Row {
  const { profile, times } = channel;
  return {
    uuid: channel.uuid,
    direction: channel.direction,
    created: localTime(times.created),
    created_epoch: String(Math.floor(times.created / 1_000_000)),
    name: channel.name,
    state: channel.state,
    cid_name: profile.callerName,
    cid_num: profile.callerNumber,
    ip_addr: profile.networkAddress,
    dest: profile.destination,
  };
}

function endOfRow(channel: Channel): Row {
  return {
    callstate: channel.callState,
    callee_name: channel.profile.calleeName ?? '',
    callee_num: channel.profile.calleeNumber ?? '',
    callee_direction: '',
    call_uuid: channel.get('signal_bond') === undefined ? '' : channel.callUuid,
    sent_callee_name: '',
    sent_callee_num: '',
  };
}

/** A bridge is one call of two legs, any other leg a call of its own. */
function callRows(legs: Leg[]): Row[] {
  const rows: Row[] = [];
  const told = new Set<Leg>();
  for (const leg of legs) {
    if (told.has(leg)) continue;
    const peer = leg.bridge?.otherOf(leg);
    told.add(leg);
    if (peer) told.add(peer);
    rows.push(callRow(leg.channel, peer?.channel));
  }
  return rows;
}

function callRow(channel: Channel, peer: Channel | undefined): Row {
  const row: Row = {
    ...startOfRow(channel),
    presence_id: '',
    presence_data: '',
    accountcode: '',
    ...endOfRow(channel),
    hostname: channel.hostname,
  };
  const other = peer ? { ...startOfRow(peer), ...endOfRow(peer) } : undefined;
  for (const [name, value] of Object.entries(other ?? { ...startOfRow(channel), ...endOfRow(channel) })) {
    row[`b_${name}`] = other ? value : '';
  }
  row['call_created_epoch'] = peer ? String(Math.floor(channel.times.bridged / 1_000_000)) : '';
  return row;
}
