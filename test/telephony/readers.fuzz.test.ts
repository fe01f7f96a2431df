import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { parse } from 'sdp-transform';
import { expect, it } from 'vitest';
import { silentLogger } from '../../src/kernel/logger.ts';
import { canonicalText } from '../../src/kernel/sip/canonical.ts';
import { parseMessage, readMessage, readMessageBytes } from '../../src/kernel/sip/message.ts';
import { faultOfRequest } from '../../src/kernel/sip/request-faults.ts';
import { parseSdp } from '../../src/switch/freeswitch/sdp.ts';
import { MessageGuard } from '../../src/telephony/message-guard.ts';
import type { SrfWire } from '../../src/telephony/types/srf.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { mutated, seeded } from '../support/mutations.ts';
import { SrfMessage, type SrfParsed } from '../support/srf-parser.ts';

/**
 * Our readers beside those of drachtio-srf and sdp-transform, on messages changed at random. `FUZZ_MESSAGES=100000` for
 * a long run, `FUZZ_SEED` for another one; the seed is in the name of what fails.
 */
const messages = Number(process.env['FUZZ_MESSAGES'] ?? 1_500);
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_130);

const sdp =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n';
const request = (method: string, body = '', extra = '') =>
  `${method} sip:0312345678@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;rport\r\nMax-Forwards: 70\r\n` +
  `From: "Taro" <sip:09011112222@carrier.example>;tag=f1\r\nTo: <sip:0312345678@192.0.2.9>\r\nCall-ID: a@b\r\nCSeq: 1 ${method}\r\n` +
  `Contact: <sip:x@192.0.2.1>\r\n${extra}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const seeds = [
  request('INVITE', sdp, 'Content-Type: application/sdp\r\nPrivacy: id\r\n'),
  request(
    'INVITE',
    `--b\r\nContent-Type: application/sdp\r\n\r\n${sdp}\r\n--b--`,
    'Content-Type: multipart/mixed;boundary=b\r\n',
  ),
  request('REGISTER', '', 'Authorization: Digest username="a", realm="b", nonce="c", uri="sip:d", response="e"\r\n'),
  ...['BYE', 'ACK', 'CANCEL', 'OPTIONS', 'UPDATE'].map((method) => request(method)),
  request('INVITE', sdp, 'Content-Type: application/sdp\r\n').replace(/^INVITE .*\r\n/, 'SIP/2.0 200 OK\r\n'),
];

function* changedMessages(): Generator<string> {
  const random = seeded(seed);
  for (let i = 0; i < messages; i++) yield mutated(seeds[i % seeds.length] ?? '', random);
}

/** srf takes any white space between the words of a start line, a lone CR too; drachtio ends the line there. */
function hasPlainStart(text: string): boolean {
  return !/[^\S \t]/.test(text.split(/\r\n(?![ \t])/)[0] ?? '');
}

/** srf takes any number of digits. */
function isStatus(status: number | undefined): boolean {
  return status !== undefined && status >= 100 && status < 700;
}

function srfReads(text: string): SrfParsed | undefined {
  try {
    return new SrfMessage(text);
  } catch {
    return undefined;
  }
}

it(`what srf can read, we read or refuse, never pass over in silence (seed ${seed})`, () => {
  for (const text of changedMessages()) {
    const srf = srfReads(text);
    if ((srf?.method || isStatus(srf?.status)) && hasPlainStart(text))
      expect(readMessage(text), JSON.stringify(text)).toBeDefined();
    // A datagram is the same as text.
    expect(readMessageBytes(Buffer.from(text))?.message.headers, JSON.stringify(text)).toEqual(
      readMessage(text)?.message.headers,
    );
  }
});

it(`what we pass on, srf reads as we did (seed ${seed})`, () => {
  for (const text of changedMessages()) {
    const read = readMessage(text, { bodyIsRest: true });
    if (!read || faultOfRequest(read)) continue;
    const told = canonicalText(read.message);
    const srf = srfReads(told);
    const what = JSON.stringify({ text, told });
    expect(srf, what).toBeDefined();
    expect(srf?.method, what).toBe(read.message.method);
    expect(srf?.status, what).toBe(read.message.status);
    expect(srf?.body ?? '', what).toBe(read.message.body);
    const again = parseMessage(told);
    for (const name of ['Call-ID', 'CSeq', 'From', 'To', 'Contact', 'Privacy']) {
      const ours = again.headers.filter(([each]) => each === name).map(([, value]) => value);
      expect(srf?.get(name), `${name} of ${what}`).toBe(ours.length === 0 ? undefined : ours.join(','));
    }
    // srf takes these apart when it makes a dialog: it must not throw then.
    const dialogMakers = read.message.method === 'INVITE' ? ['From', 'To', 'Contact', 'CSeq'] : [];
    for (const name of dialogMakers) expect(() => srf?.getParsedHeader(name), what).not.toThrow();
    expect(canonicalText(again), what).toBe(told);
  }
});

it(`every message that drachtio delivers is passed on or refused, and nothing is thrown (seed ${seed})`, () => {
  const wire = Object.assign(new EventEmitter(), {
    sent: 0,
    send: () => {
      wire.sent += 1;
      return '';
    },
  });
  let heard = 0;
  wire.on('msg', () => {
    heard += 1;
  });
  new MessageGuard({ clock: new FakeClock(), logger: silentLogger }).attach(wire as unknown as SrfWire);
  for (const text of changedMessages()) {
    const before = heard + wire.sent;
    wire.emit('msg', {} as Socket, `id|sip|network|${text.length}|udp|192.0.2.1|5060|12:00:00.0|txn||\r\n${text}`);
    const read = readMessage(text);
    // Nobody can answer an ACK.
    if (read?.message.method !== 'ACK') expect(heard + wire.sent - before, JSON.stringify(text)).toBe(1);
  }
});

it(`audio that sdp-transform finds, the embedded switch finds at the same port, or refuses (seed ${seed})`, () => {
  const random = seeded(seed);
  for (let i = 0; i < messages; i++) {
    const text = mutated(sdp, random);
    const ours = parseSdp(text);
    if (!ours) continue;
    const audio = parse(text).media.filter(({ type }) => type === 'audio');
    expect(ours.port, JSON.stringify(text)).toBeGreaterThanOrEqual(0);
    expect(ours.port, JSON.stringify(text)).toBeLessThan(65_536);
    // sdp-transform gives '' for a port that it cannot read, and passes over `m=audio 9/2`.
    if (audio.length !== text.match(/^m=audio/gm)?.length) continue;
    const ports = audio.map(({ port }) => Number(port || Number.NaN));
    if (ports.length > 0 && !ports.some(Number.isNaN)) expect(ports, JSON.stringify(text)).toContain(ours.port);
  }
});
