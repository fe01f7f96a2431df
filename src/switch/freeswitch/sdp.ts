import { isIPv4 } from 'node:net';
import type { Codec, LegMedia, MediaDirection } from '../media/api.ts';

/** The audio part of an offer or answer, as far as it concerns us. */
export interface RemoteAudio {
  address: string;
  port: number;
  rtcp: { address: string; port: number } | undefined;
  /** The first codec of theirs that is one of ours. */
  codec: Codec;
  payloadType: number;
  telephoneEvent: number | undefined;
  /** The direction their attributes tell, which the answer mirrors. */
  told: MediaDirection;
  /** What it comes to: `c=0.0.0.0` is the old way to say sendonly (RFC 3264 8.4). */
  direction: MediaDirection;
  /** Kinds of the media lines, in order: an answer has to name each (RFC 3264 6). */
  lines: { kind: string; protocol: string; format: string; isAudio: boolean }[];
}

const STATIC_CODECS: Record<string, Codec> = { '0': 'PCMU', '8': 'PCMA' };
const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
const MAX_SDP_LENGTH = 16 * 1024;
const MAX_MEDIA_LINES = 16;

interface MediaSection {
  kind: string;
  port: number;
  protocol: string;
  formats: string[];
  attributes: string[];
  connection: string | undefined;
}

/** Reads an offer or answer; undefined when it has no audio that we can do. */
export function parseSdp(text: string): RemoteAudio | undefined {
  if (text.length > MAX_SDP_LENGTH || !/^v=0\r?$/m.test(text)) return undefined;
  const { sections, attributes, connection } = splitSections(text);
  if (sections.length > MAX_MEDIA_LINES) return undefined;
  const section = sections.find((candidate) => usableCodec(candidate) !== undefined);
  const codec = section && usableCodec(section);
  const address = section?.connection ?? connection;
  if (!section || !codec || address === undefined || !isIPv4(address)) return undefined;
  const rtcpPort = Number.parseInt(/^rtcp:(\d+)/.exec(attribute(section, 'rtcp:') ?? '')?.[1] ?? '', 10);
  const told = directionOf(section.attributes) ?? directionOf(attributes) ?? 'sendrecv';
  return {
    address,
    port: section.port,
    rtcp: rtcpPort > 0 && rtcpPort < 65_536 ? { address, port: rtcpPort } : undefined,
    codec: codec.codec,
    payloadType: codec.payloadType,
    telephoneEvent: telephoneEventOf(section),
    told,
    direction: address === '0.0.0.0' ? (told === 'inactive' || told === 'recvonly' ? 'inactive' : 'sendonly') : told,
    lines: sections.map((line) => ({
      kind: line.kind,
      protocol: line.protocol,
      format: line.formats[0] ?? '0',
      isAudio: line === section,
    })),
  };
}

function splitSections(text: string): {
  sections: MediaSection[];
  attributes: string[];
  connection: string | undefined;
} {
  const sections: MediaSection[] = [];
  const attributes: string[] = [];
  let connection: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const current = sections.at(-1);
    const value = line.slice(2).trim();
    if (line.startsWith('m=')) {
      const [kind = '', port = '0', protocol = '', ...formats] = value.split(/\s+/);
      sections.push({
        kind,
        port: Number.parseInt(port, 10),
        protocol,
        formats,
        attributes: [],
        connection: undefined,
      });
    } else if (line.startsWith('a=')) {
      (current?.attributes ?? attributes).push(value);
    } else if (line.startsWith('c=')) {
      const address = /^IN\s+IP4\s+([^\s/]+)/i.exec(value)?.[1];
      if (current) current.connection = address;
      else connection = address;
    }
  }
  return { sections, attributes, connection };
}

/** The first of their formats that we can do. */
function usableCodec(section: MediaSection): { codec: Codec; payloadType: number } | undefined {
  const { kind, port, protocol } = section;
  if (kind !== 'audio' || !(port > 0 && port < 65_536) || !/^RTP\/AVPF?$/i.test(protocol)) return undefined;
  for (const format of section.formats) {
    // As FreeSWITCH: under its fixed number alone.
    const mapped = /^(PCM[UA])\/8000(?:\/1)?$/i.exec(rtpmap(section, format) ?? '')?.[1]?.toUpperCase();
    const codec = mapped === undefined || mapped === STATIC_CODECS[format] ? STATIC_CODECS[format] : undefined;
    const payloadType = Number.parseInt(format, 10);
    if (codec && payloadType >= 0 && payloadType < 128) return { codec, payloadType };
  }
  return undefined;
}

function rtpmap(section: MediaSection, format: string): string | undefined {
  return attribute(section, `rtpmap:${format} `)?.slice(`rtpmap:${format} `.length).trim();
}

function attribute(section: MediaSection, prefix: string): string | undefined {
  return section.attributes.find((candidate) => candidate.startsWith(prefix));
}

function telephoneEventOf(section: MediaSection): number | undefined {
  const format = section.formats.find((candidate) => /^telephone-event\/8000/i.test(rtpmap(section, candidate) ?? ''));
  return format === undefined ? undefined : Number.parseInt(format, 10);
}

function directionOf(attributes: string[]): MediaDirection | undefined {
  return attributes.find((candidate): candidate is MediaDirection => DIRECTIONS.includes(candidate));
}

const OPPOSITE: Record<MediaDirection, MediaDirection> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

/** Our side of what they told. */
export function mediaOf(remote: RemoteAudio): LegMedia {
  return {
    codec: remote.codec,
    payloadType: remote.payloadType,
    ...(remote.telephoneEvent !== undefined && { telephoneEventPayloadType: remote.telephoneEvent }),
    remote: { address: remote.address, port: remote.port },
    ...(remote.rtcp && { remoteRtcp: remote.rtcp }),
    direction: OPPOSITE[remote.direction],
  };
}

/** Our session descriptions of one dialog: same id and origin, the version one higher with every change (RFC 3264 8). */
export class LocalSdp {
  readonly #address: string;
  readonly #port: number;
  readonly #sessionId = 1_000_000_000 + Math.floor(Math.random() * 1_000_000_000);
  #version = this.#sessionId;
  #content = '';

  constructor(address: string, port: number) {
    this.#address = address;
    this.#port = port;
  }

  /** An offer of all that we can do. */
  offer(): string {
    return this.#write([
      `m=audio ${this.#port} RTP/AVP 0 8 101`,
      'a=rtpmap:0 PCMU/8000',
      'a=rtpmap:8 PCMA/8000',
      ...telephoneEventLines(101),
      'a=ptime:20',
    ]);
  }

  /** The answer to an offer: its first codec that is ours, other kinds of media refused by port 0. */
  answer(remote: RemoteAudio): string {
    const { payloadType, telephoneEvent } = remote;
    const direction = OPPOSITE[remote.told];
    const lines = remote.lines.flatMap(({ isAudio, kind, protocol, format }) =>
      isAudio
        ? [
            `m=audio ${this.#port} ${protocol} ${[payloadType, telephoneEvent].filter((type) => type !== undefined).join(' ')}`,
            `a=rtpmap:${payloadType} ${remote.codec}/8000`,
            ...(telephoneEvent === undefined ? [] : telephoneEventLines(telephoneEvent)),
            ...(direction === 'sendrecv' ? [] : [`a=${direction}`]),
            'a=ptime:20',
          ]
        : [`m=${kind} 0 ${protocol} ${format}`],
    );
    return this.#write(lines);
  }

  #write(media: string[]): string {
    const content = media.join('\r\n');
    if (content !== this.#content) this.#version += 1;
    this.#content = content;
    const session = [
      'v=0',
      `o=FreeSWITCH ${this.#sessionId} ${this.#version} IN IP4 ${this.#address}`,
      's=FreeSWITCH',
      `c=IN IP4 ${this.#address}`,
      't=0 0',
    ];
    return `${[...session, ...media].join('\r\n')}\r\n`;
  }
}

function telephoneEventLines(payloadType: number): string[] {
  return [`a=rtpmap:${payloadType} telephone-event/8000`, `a=fmtp:${payloadType} 0-15`];
}
