import { isIPv4 } from 'node:net';

/**
 * Session descriptions (RFC 8866) of phones, carriers and FreeSWITCH. What one side says is read here and written anew
 * before the other sees it, so that both understand the same. FreeSWITCH takes much that ends in silence (an address
 * that is a name, audio on port 0), refuses what is harmless, and spoils the audio of a call whose change it refused:
 * so it is never asked.
 */

/** Why a description cannot be used: what a Warning header tells (RFC 3261, 20.43). */
export interface DescriptionFault {
  /** The warn-code. */
  code: number;
  /** In quotes it stands in a header: plain words. */
  text: string;
}

export interface Description {
  /** Lines before the first medium, without line ends. */
  session: string[];
  media: Medium[];
}

/** One `m=` line and what belongs to it. */
export interface Medium {
  kind: string;
  port: number;
  protocol: string;
  formats: string[];
  /** The lines below it. */
  lines: string[];
}

/** A description with the media of it that FreeSWITCH can do, the one that comes first there first. */
export interface Usable {
  description: Description;
  choices: [Medium, ...Medium[]];
}

export type Checked = ({ ok: true } & Usable) | { ok: false; fault: DescriptionFault };

const textMax = 16 * 1024;
const mediaMax = 16;
/** By their fixed numbers alone: FreeSWITCH sends under no other. */
const codecs = new Map([
  ['0', /^PCMU\/8000(?:\/1)?$/i],
  ['8', /^PCMA\/8000(?:\/1)?$/i],
]);
/** Without keys these are no more than a promise; FreeSWITCH answers such an offer with audio on port 0. */
const secured = /^(?:UDP\/TLS\/)?RTP\/SAVPF?$/;
const plain = /^RTP\/AVPF?$/;

/** Under a plain profile these only say that its sender could encrypt, too; FreeSWITCH refuses or does nothing else. */
const encryption = /^a=(?:crypto|fingerprint|setup|tls-id|zrtp-hash):/;

/**
 * Reads a description. Spaces at the ends of lines or behind an attribute's colon, a port count, and offers to encrypt
 * that may be passed over are left out. Undefined where it is none.
 */
export function readDescription(text: string): Description | undefined {
  if (text.length > textMax) return undefined;
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines[0] !== 'v=0') return undefined;
  const description: Description = { session: [], media: [] };
  for (const line of lines) {
    if (!/^[a-z]=/.test(line)) continue;
    const medium = description.media.at(-1);
    if (line.startsWith('m=')) {
      const read = readMedium(line);
      if (!read || description.media.length === mediaMax) return undefined;
      description.media.push(read);
    } else if (!medium) description.session.push(tidy(line));
    else if (!(encryption.test(line) && plain.test(medium.protocol))) medium.lines.push(tidy(line));
  }
  return description;
}

export function writeDescription({ session, media }: Description): string {
  const lines = media.flatMap((medium) => [mediumLine(medium), ...medium.lines]);
  return `${[...session, ...lines].join('\r\n')}\r\n`;
}

/** Whether it has audio that FreeSWITCH can do and that arrives; names in it must be addresses by now. */
export function checkAudio(description: Description | undefined): Checked {
  if (!description) return fault(399, 'no session description that can be read');
  const audio = description.media.filter(({ kind }) => kind === 'audio');
  if (audio.length === 0) return fault(304, 'no audio');
  const open = audio.filter(({ port }) => port > 0 && port < 65_536);
  if (open.length === 0) return fault(399, 'no audio: its port is 0 or none at all');
  const able = open.filter(canDoProfile);
  if (able.length === 0) return fault(302, 'no profile but RTP/AVP, RTP/AVPF or SRTP with its keys');
  const withCodec = able.filter((medium) => medium.formats.some((format) => isOurs(medium, format)));
  if (withCodec.length === 0) return fault(305, 'no codec but PCMU and PCMA at 8000 Hz');
  const [first, ...others] = withCodec.filter((medium) => isReachable(addressOf(description, medium)));
  return first ? { ok: true, description, choices: [first, ...others] } : fault(301, 'no address but one host by IPv4');
}

/** What FreeSWITCH is told of it: one medium, since it takes or refuses others in ways of its own. */
export function forMedia({ description }: Usable, medium: Medium): string {
  return writeDescription({
    session: description.session.filter((line) => !line.startsWith('a=group:')),
    media: [{ ...medium, protocol: medium.protocol.replace(/^RTP\/AVPF$/, 'RTP/AVP') }],
  });
}

/** FreeSWITCH's answer to that one medium as an answer to the whole offer: the others are refused (RFC 3264, 6). */
export function forPhone(answer: Description, { description }: Usable, medium: Medium): string {
  const [audio] = answer.media;
  const media = description.media.map(
    (offered): Medium =>
      offered === medium && audio
        ? { ...audio, protocol: offered.protocol }
        : { ...offered, port: 0, formats: offered.formats.slice(0, 1), lines: [] },
  );
  return writeDescription({ session: answer.session, media });
}

/** The same with another version (RFC 8866, 5.2): FreeSWITCH passes over a description that it has seen. */
export function withVersion(sdp: string, version: number): string {
  return sdp.replace(/^(o=\S+ \S+) \S+/m, `$1 ${version}`);
}

/** The value of `c=` that holds for a medium, as `IN IP4 192.0.2.1`. */
export function connectionOf(description: Description, medium: Medium): string | undefined {
  const line = (lines: string[]) => lines.find((one) => one.startsWith('c='))?.slice(2);
  return line(medium.lines) ?? line(description.session);
}

/** The same with another address on every `c=` line that has this one. */
export function withAddress(description: Description, name: string, address: string): Description {
  const replaced = (lines: string[]) =>
    lines.map((line) => (line.startsWith('c=') && hostIn(line.slice(2)) === name ? `c=IN IP4 ${address}` : line));
  const media = description.media.map((medium) => ({ ...medium, lines: replaced(medium.lines) }));
  return { session: replaced(description.session), media };
}

/** The host in `IN IP4 host`; undefined for IPv6 and what is no connection. */
export function hostIn(connection: string): string | undefined {
  return /^IN\s+IP4\s+([^\s/]+)/i.exec(connection)?.[1];
}

/** Some audio of it is on a port. */
export function hasOpenAudio({ media }: Description): boolean {
  return media.some(({ kind, port }) => kind === 'audio' && port > 0);
}

function fault(code: number, text: string): Checked {
  return { ok: false, fault: { code, text } };
}

function readMedium(line: string): Medium | undefined {
  const match = /^m=(\S+)\s+(\d{1,6})(?:\/\d+)?\s+(\S+)((?:\s+\S+)*)$/.exec(line);
  if (!match) return undefined;
  const [, kind = '', port = '', protocol = '', formats = ''] = match;
  return { kind, port: Number(port), protocol, formats: formats.trim().split(/\s+/), lines: [] };
}

function mediumLine({ kind, port, protocol, formats }: Medium): string {
  return `m=${[kind, port, protocol, ...formats].join(' ')}`;
}

/** `a=rtpmap: 0 PCMU/8000` has a space too many. */
function tidy(line: string): string {
  return line.replace(/^(a=[\w-]+:)\s+/, '$1');
}

function canDoProfile({ protocol, lines }: Medium): boolean {
  if (plain.test(protocol)) return true;
  return secured.test(protocol) && lines.some((line) => /^a=(?:crypto|fingerprint):/.test(line));
}

function isOurs({ lines }: Medium, format: string): boolean {
  const codec = codecs.get(format);
  const map = lines.find((line) => line.startsWith(`a=rtpmap:${format} `))?.slice(`a=rtpmap:${format} `.length);
  return codec !== undefined && (map === undefined || codec.test(map.trim()));
}

function addressOf(description: Description, medium: Medium): string | undefined {
  return hostIn(connectionOf(description, medium) ?? '');
}

/** One host; 0.0.0.0 is the old way to hold (RFC 3264, 8.4). */
function isReachable(address: string | undefined): boolean {
  if (address === undefined || !isIPv4(address)) return false;
  const first = Number(address.split('.')[0]);
  return first < 224 && (first !== 0 || address === '0.0.0.0');
}
