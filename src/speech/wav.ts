import { DenwabanError } from '../kernel/errors.ts';

/** Where a file's bytes come from: a file that is open, or bytes in memory. Short at the end of the file. */
export interface ByteSource {
  size: number;
  read(offset: number, length: number): Buffer;
}

/** How samples are written. */
type Coding = 'pcm' | 'float' | 'alaw' | 'mulaw';

/** What the header of a WAV file says, and where its sound really lies. */
export interface WavFormat {
  coding: Coding;
  bits: number;
  channels: number;
  sampleRate: number;
  dataStart: number;
  dataBytes: number;
  /** A plain RIFF header that says nothing twice in two ways, and names the sound's length rightly. */
  isExact: boolean;
}

/** Why a file is not read, in English and Japanese: it stands after its name. */
export interface SoundFault {
  en: string;
  ja: string;
}

/** Chunk headers looked at before the sound. */
const chunksMax = 1_000;
/** So much of the end of a file is searched for chunks behind the sound, where the header doesn't name its length. */
const tailBytes = 256 * 1024;
/** What programs put behind the sound. */
const tailChunks = new Set(
  [
    'LIST',
    'INFO',
    'id3 ',
    'ID3 ',
    'bext',
    'iXML',
    '_PMX',
    'cue ',
    'smpl',
    'inst',
    'fact',
    'PEAK',
    'JUNK',
    'junk',
  ].concat([
    'PAD ',
    'FLLR',
    'acid',
    'strc',
    'plst',
    'note',
    'labl',
    'DISP',
    'cart',
    'axml',
    'chna',
    'afsp',
    'LGWV',
    'SAUR',
  ]),
);
const channelsMax = 32;

/** Ends the reading of a file with what is wrong with it. */
class Unreadable extends Error {
  readonly fault: SoundFault;
  constructor(en: string, ja: string) {
    super(en);
    this.fault = { en, ja };
  }
}

/** Bytes in memory as a source. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { size: buffer.length, read: (offset, length) => buffer.subarray(offset, offset + length) };
}

/**
 * Reads the header of a WAV file: RIFF and RF64, PCM of 8 to 32 bit, float, A-law and µ-law, chunks in any order and of any
 * kind before and behind the sound, a length left open by a program that wrote to a pipe or named wrongly.
 */
export function readWavFormat(source: ByteSource): { ok: true; format: WavFormat } | { ok: false; fault: SoundFault } {
  try {
    return { ok: true, format: formatOf(source) };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, fault: error.fault };
    throw error;
  }
}

function formatOf(source: ByteSource): WavFormat {
  if (source.size === 0) throw new Unreadable('is empty', 'は空です');
  const head = source.read(0, 12);
  const kind = head.toString('latin1', 0, 4);
  if (!['RIFF', 'RF64', 'BW64'].includes(kind) || head.toString('latin1', 8, 12) !== 'WAVE') {
    const what = whatItIs(head, source);
    throw new Unreadable(`is no WAV file but ${what.en}`, `は WAV ではなく${what.ja}です`);
  }
  let sizeOf64: number | undefined;
  let coded: Coded | undefined;
  let offset = 12;
  for (let count = 0; count < chunksMax && offset + 8 <= source.size; count++) {
    const chunk = source.read(offset, 8);
    const id = chunk.toString('latin1', 0, 4);
    const size = chunk.readUInt32LE(4);
    const start = offset + 8;
    if (id === 'data') {
      if (!coded) throw new Unreadable('names no format before its sound', 'は音声の前に形式が書かれていません');
      const { isConsistent, ...format } = coded;
      const extent = extentOf(source, start, size, sizeOf64, format);
      return { ...format, ...extent, isExact: extent.isExact && isConsistent && kind === 'RIFF' };
    }
    if (id === 'ds64' && kind !== 'RIFF' && size >= 16) sizeOf64 = Number(source.read(start + 8, 8).readBigUInt64LE(0));
    if (id === 'fmt ') coded = codingOf(source.read(start, Math.min(size, 40)));
    offset = start + size + (size % 2);
  }
  throw new Unreadable('holds no sound: it has been cut off', 'には音声がありません（途中で切れています）');
}

/** `isConsistent`: no other reader can make something else of it. */
type Coded = Pick<WavFormat, 'coding' | 'bits' | 'channels' | 'sampleRate'> & { isConsistent: boolean };

function codingOf(chunk: Buffer): Coded {
  if (chunk.length < 16)
    throw new Unreadable('names no format: it has been cut off', 'の形式が読めません（途中で切れています）');
  const written = chunk.readUInt16LE(0);
  const tag = written === 0xfffe && chunk.length >= 26 ? chunk.readUInt16LE(24) : written;
  const channels = chunk.readUInt16LE(2);
  const sampleRate = chunk.readUInt32LE(4);
  const bits = chunk.readUInt16LE(14);
  const coding = codings.get(`${tag}/${bits}`);
  if (!coding) {
    const name = codecNames.get(tag) ?? `${tag === 1 ? 'PCM' : `format ${tag}`}`;
    throw new Unreadable(`holds ${name} of ${bits} bit`, `の中身は ${name} ${bits} ビットです`);
  }
  if (channels < 1 || channels > channelsMax) {
    throw new Unreadable(`has ${channels} channels`, `のチャンネル数は ${channels} です`);
  }
  if (sampleRate < 1_000 || sampleRate > 384_000) {
    throw new Unreadable(`is of ${sampleRate} Hz`, `のサンプリング周波数は ${sampleRate} Hz です`);
  }
  const frameBytes = (bits / 8) * channels;
  const isConsistent =
    tag === written && chunk.readUInt16LE(12) === frameBytes && chunk.readUInt32LE(8) === frameBytes * sampleRate;
  return { coding, bits, channels, sampleRate, isConsistent };
}

const codings = new Map<string, Coding>([
  ['1/8', 'pcm'],
  ['1/16', 'pcm'],
  ['1/24', 'pcm'],
  ['1/32', 'pcm'],
  ['3/32', 'float'],
  ['3/64', 'float'],
  ['6/8', 'alaw'],
  ['7/8', 'mulaw'],
]);
const codecNames = new Map([
  [0x02, 'Microsoft ADPCM'],
  [0x11, 'IMA ADPCM'],
  [0x31, 'GSM 6.10'],
  [0x50, 'MPEG audio'],
  [0x55, 'MP3'],
  [0x28f, 'G.722'],
]);

/** Where the sound ends: by the header, or, where that can't be, by what is there. */
function extentOf(
  source: ByteSource,
  dataStart: number,
  named: number,
  sizeOf64: number | undefined,
  { bits, channels }: { bits: number; channels: number },
): Pick<WavFormat, 'dataStart' | 'dataBytes' | 'isExact'> {
  const rest = source.size - dataStart;
  const wanted = named === 0xffffffff && sizeOf64 !== undefined ? sizeOf64 : named;
  const isExact = wanted > 0 && wanted <= rest;
  const end = isExact ? dataStart + wanted : soundEnd(source, dataStart);
  const frame = (bits / 8) * channels;
  const dataBytes = Math.floor((end - dataStart) / frame) * frame;
  if (dataBytes <= 0) throw new Unreadable('holds no sound', 'には音声がありません');
  return { dataStart, dataBytes, isExact: isExact && dataBytes === wanted };
}

/** Of a file whose header doesn't name the sound's length: chunks that reach exactly to its end are no sound. */
function soundEnd(source: ByteSource, dataStart: number): number {
  const from = Math.max(dataStart, source.size - tailBytes);
  const tail = source.read(from, source.size - from);
  const ends = new Set([tail.length]);
  let first = tail.length;
  for (let at = tail.length - 8; at >= 0; at--) {
    const byte = tail[at] ?? 0;
    if (byte < 0x20 || byte > 0x7e || !tailChunks.has(tail.toString('latin1', at, at + 4))) continue;
    const size = tail.readUInt32LE(at + 4);
    // The odd byte that makes a chunk even may be missing at the end of a file.
    if (!ends.has(at + 8 + size) && !ends.has(at + 8 + size + (size % 2))) continue;
    ends.add(at);
    first = at;
  }
  return from + first;
}

/** By its first bytes: what somebody took for a WAV file. */
function whatItIs(head: Buffer, source: ByteSource): SoundFault {
  const start = head.toString('latin1');
  const known = kinds.find(({ begins }) => begins.test(start));
  if (known) return known;
  const more = source.read(0, 512);
  const isText = !more.some((byte) => byte < 9 || (byte > 13 && byte < 32));
  return isText ? { en: 'text', ja: 'テキスト' } : { en: 'something else', ja: '別の種類のファイル' };
}

const kinds: { begins: RegExp; en: string; ja: string }[] = [
  { begins: /^(ID3|\xff[\xe2-\xff])/, en: 'MP3', ja: ' MP3 ' },
  { begins: /^OggS/, en: 'Ogg', ja: ' Ogg ' },
  { begins: /^fLaC/, en: 'FLAC', ja: ' FLAC ' },
  { begins: /^.{4}ftyp/s, en: 'MPEG-4 (M4A)', ja: ' MPEG-4（M4A）' },
  { begins: /^FORM.{4}AIF/s, en: 'AIFF', ja: ' AIFF ' },
  { begins: /^caff/, en: 'CAF', ja: ' CAF ' },
  { begins: /^\.snd/, en: 'AU', ja: ' AU ' },
  { begins: /^RIFX/, en: 'RIFX', ja: ' RIFX ' },
  { begins: /^riff/, en: 'Wave64', ja: ' Wave64 ' },
  { begins: /^RIFF.{4}AVI /s, en: 'AVI', ja: ' AVI ' },
  { begins: /^\x30\x26\xb2\x75/, en: 'WMA', ja: ' WMA ' },
  { begins: /^PK[^ -~]/, en: 'ZIP', ja: ' ZIP ' },
  { begins: /^.E\xdf\xa3/s, en: 'WebM', ja: ' WebM ' },
];

/** Mono sound, samples from -1 to 1. */
export interface Pcm {
  sampleRate: number;
  samples: Float32Array;
}

/** Reads a WAV file; several channels are mixed. @throws DenwabanError `WAV_UNREADABLE`. */
export function decodeWav(bytes: Uint8Array): Pcm {
  const source = bytesSource(bytes);
  const read = readWavFormat(source);
  if (!read.ok) throw new DenwabanError('WAV_UNREADABLE', `not a readable WAV file: it ${read.fault.en}`);
  const { coding, bits, channels, sampleRate, dataStart, dataBytes } = read.format;
  const data = source.read(dataStart, dataBytes);
  const sampleOf = samplesOf(data, coding, bits);
  const frames = dataBytes / (bits / 8) / channels;
  const heard = heardChannels(channels, frames, sampleOf);
  const samples = new Float32Array(frames);
  for (let frame = 0; frame < frames; frame++) {
    let sum = 0;
    for (const channel of heard) sum += sampleOf(frame * channels + channel);
    samples[frame] = sum / heard.length;
  }
  return { sampleRate, samples };
}

/** Channels that hold something: those of a surround file that are silent would make the rest faint. */
function heardChannels(channels: number, frames: number, sampleOf: (index: number) => number): number[] {
  const all = Array.from({ length: channels }, (_, channel) => channel);
  if (channels <= 2) return all;
  const powers = all.map((channel) => {
    let power = 0;
    for (let frame = 0; frame < frames; frame++) power += sampleOf(frame * channels + channel) ** 2;
    return power;
  });
  const most = Math.max(...powers);
  return all.filter((channel) => (powers[channel] ?? 0) >= most / 1_000);
}

/** Reads the sample of an index, from -1 to 1. */
function samplesOf(data: Buffer, coding: Coding, bits: number): (index: number) => number {
  switch (`${coding}/${bits}`) {
    case 'pcm/8':
      return (index) => (data.readUInt8(index) - 128) / 128;
    case 'pcm/16':
      return (index) => data.readInt16LE(index * 2) / 32_768;
    case 'pcm/24':
      return (index) => data.readIntLE(index * 3, 3) / 8_388_608;
    case 'pcm/32':
      return (index) => data.readInt32LE(index * 4) / 2_147_483_648;
    case 'float/32':
      return (index) => finite(data.readFloatLE(index * 4));
    case 'float/64':
      return (index) => finite(data.readDoubleLE(index * 8));
    case 'alaw/8':
      return (index) => fromAlaw(data.readUInt8(index)) / 32_768;
    default:
      return (index) => fromMulaw(data.readUInt8(index)) / 32_768;
  }
}

const finite = (sample: number): number => (Number.isFinite(sample) ? Math.max(-1, Math.min(1, sample)) : 0);

/** ITU-T G.711. */
function fromAlaw(byte: number): number {
  const code = byte ^ 0x55;
  const exponent = (code >> 4) & 7;
  const mantissa = ((code & 15) << 4) + 8;
  const size = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return code & 0x80 ? size : -size;
}

function fromMulaw(byte: number): number {
  const code = ~byte & 0xff;
  const size = ((((code & 15) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
  return code & 0x80 ? -size : size;
}
