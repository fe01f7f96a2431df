import { header, type SipMessage } from '../../kernel/sip/message.ts';
import { parseNameAddr, parseUri, type SipUri } from '../../kernel/sip/uri.ts';
import type { HostPort } from '../sip/api.ts';
import type { Channel } from './channel.ts';
import type { RemoteAudio } from './sdp.ts';
import { nowMicros } from './time.ts';

/** A header as FreeSWITCH takes it apart. */
export interface Party {
  displayName: string;
  user: string;
  uri: SipUri | undefined;
  tag: string;
}

export function partyOf(message: SipMessage, name: string): Party {
  const address = parseNameAddr(header(message, name) ?? '');
  const uri = address && parseUri(address.uri);
  return { displayName: address?.displayName ?? '', user: uri?.user ?? '', uri, tag: address?.tag ?? '' };
}

const hostPort = (uri: SipUri) => (uri.port === undefined ? uri.host : `${uri.host}:${uri.port}`);

/** `sip_<prefix>_user`, `_port`, `_uri`, `_host`. */
function setUri(channel: Channel, prefix: string, uri: SipUri | undefined): void {
  if (!uri) return;
  channel.setAll({
    [`sip_${prefix}_user`]: uri.user,
    [`sip_${prefix}_port`]: uri.port,
    [`sip_${prefix}_uri`]: uri.user === undefined ? hostPort(uri) : `${uri.user}@${hostPort(uri)}`,
    [`sip_${prefix}_host`]: uri.host,
  });
}

/** What an INVITE from the network says, as the variables of its channel. */
export function setInviteVariables(channel: Channel, invite: SipMessage, source: HostPort, profileName: string): void {
  const from = partyOf(invite, 'From');
  channel.setAll({ direction: 'inbound', uuid: channel.uuid });
  setUri(channel, 'from', from.uri);
  channel.setAll({
    channel_name: channel.name,
    sip_network_ip: source.address,
    sip_network_port: source.port,
    sip_invite_stamp: nowMicros(),
    sip_received_ip: source.address,
    sip_received_port: source.port,
    sip_via_protocol: source.protocol,
    sip_from_user_stripped: from.user,
    sofia_profile_name: profileName,
    recovery_profile_name: profileName,
  });
  setUri(channel, 'req', parseUri(invite.uri ?? ''));
  setUri(channel, 'to', partyOf(invite, 'To').uri);
  setUri(channel, 'contact', partyOf(invite, 'Contact').uri);
  channel.setAll({ sip_user_agent: header(invite, 'User-Agent'), max_forwards: header(invite, 'Max-Forwards') });
  for (const [name, value] of invite.headers) {
    if (/^X-/i.test(name)) channel.set(`sip_h_${name}`, value);
  }
  channel.setAll({
    sip_from_tag: from.tag,
    sip_cseq: Number.parseInt(header(invite, 'CSeq') ?? '', 10) || undefined,
    sip_call_id: header(invite, 'Call-ID'),
    sip_full_via: header(invite, 'Via'),
    sip_from_display: from.displayName,
    sip_full_from: header(invite, 'From'),
    sip_full_to: header(invite, 'To'),
    call_uuid: channel.uuid,
  });
}

/** What was negotiated. */
export function setMediaVariables(channel: Channel, remote: RemoteAudio, sdp: { remote: string; local: string }): void {
  channel.codec = remote.codec;
  channel.setAll({
    switch_r_sdp: sdp.remote,
    remote_audio_media_flow: remote.direction,
    audio_media_flow: remote.direction,
    rtp_audio_recv_pt: remote.payloadType,
    rtp_use_codec_name: remote.codec,
    rtp_use_codec_rate: 8000,
    rtp_use_codec_ptime: 20,
    rtp_use_codec_channels: 1,
    rtp_last_audio_codec_string: `${remote.codec}@8000h@20i@1c`,
    read_codec: remote.codec,
    original_read_codec: remote.codec,
    read_rate: 8000,
    original_read_rate: 8000,
    write_codec: remote.codec,
    write_rate: 8000,
    dtmf_type: remote.telephoneEvent === undefined ? 'info' : 'rfc2833',
    rtp_local_sdp_str: sdp.local,
    rtp_use_pt: remote.payloadType,
    rtp_2833_send_payload: remote.telephoneEvent,
    rtp_2833_recv_payload: remote.telephoneEvent,
    remote_media_ip: remote.address,
    remote_media_port: remote.port,
  });
}
