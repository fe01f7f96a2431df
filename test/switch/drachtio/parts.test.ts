import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CallAdmission } from '../../../src/switch/drachtio/call-limits.ts';
import { parseClientMessage, parseRequestLine, parseStatusLine } from '../../../src/switch/drachtio/client-message.ts';
import { encodeFrame, FrameDecoder } from '../../../src/switch/drachtio/frame-codec.ts';
import { RouteTable } from '../../../src/switch/drachtio/route-table.ts';
import { clientHeaders, completeContentType, replaceLocalhost } from '../../../src/switch/drachtio/sip-headers.ts';
import { timeOfDay } from '../../../src/switch/drachtio/wire-format.ts';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 200 });

describe('frames', () => {
  test('whatever is sent arrives, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 50 })), (texts, cuts) => {
        const bytes = Buffer.concat(texts.map(encodeFrame));
        const decoder = new FrameDecoder();
        const got: string[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          const { frames, fault } = decoder.push(bytes.subarray(at, at + cut));
          expect(fault).toBeUndefined();
          got.push(...frames);
          at += cut;
        }
        expect(got).toEqual(texts);
      }),
    );
  });

  test('garbage is a fault or waits for more, never an exception, and never more than one frame is held', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const decoder = new FrameDecoder(100);
        for (const chunk of chunks) {
          const { frames, fault } = decoder.push(Buffer.from(chunk));
          for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(100);
          if (fault) return;
        }
      }),
    );
  });

  test.each(['0#', '#', '100000#', 'a', '12a#', '101#'])('a fault: %s', (bytes) => {
    expect(new FrameDecoder(100).push(Buffer.from(bytes)).fault).toBeDefined();
  });

  test('frames before a fault are given', () => {
    const { frames, fault } = new FrameDecoder().push(Buffer.from('2#okrubbish'));
    expect([frames, fault !== undefined]).toEqual([['ok'], true]);
  });
});

describe('messages of clients', () => {
  test('any text is read without an exception', () => {
    fc.assert(
      fc.property(text, (any) => {
        const message = parseClientMessage(any);
        parseRequestLine(message.startLine);
        parseStatusLine(message.startLine);
        clientHeaders(message.headers, 'new-request', '127.0.0.1:5060');
      }),
    );
  });

  test('leader, start line, headers and body', () => {
    const message = parseClientMessage(
      'id|sip|t|d|proxy\r\nINFO sip:x SIP/2.0\r\nx-a: 1\r\nno header\r\nA:b:c\r\n\r\nbo\r\n\r\ndy',
    );
    expect(message).toEqual({
      msgId: 'id',
      verb: 'sip',
      tokens: ['t', 'd', 'proxy'],
      startLine: 'INFO sip:x SIP/2.0',
      headers: [
        ['x-a', '1'],
        ['A', 'b:c'],
      ],
      body: 'bo\r\n\r\ndy',
    });
  });
});

describe('headers of clients', () => {
  const own = '192.0.2.1:5060';

  test('what is the stack’s is left out, the rest spelled as usual', () => {
    const given: [string, string][] = [
      ['via', 'x'],
      ['cseq', '1 INVITE'],
      ['call-id', 'c'],
      ['content-type', 'a/b'],
      ['custom-name', '1'],
      ['X-mine', '2'],
      ['x-mine', '3'],
      ['accept', 'a'],
      ['accept', 'b'],
    ];
    const rest = { 'Content-Type': 'a/b', 'Custom-Name': '1', 'X-mine': '2', 'x-mine': '3', Accept: ['a', 'b'] };
    expect(clientHeaders(given, 'in-dialog', own)).toEqual(rest);
    expect(clientHeaders(given, 'new-request', own)).toEqual({ ...rest, 'Call-ID': 'c', CSeq: '1 INVITE' });
  });

  test.each([
    ['sip:1000@localhost', '<sip:1000@192.0.2.1:5060>'],
    ['"Bob" <sip:1000@localhost>;tag=1', '"Bob" <sip:1000@192.0.2.1:5060>;tag=1'],
    ['sip:1000@localhost:5070;tag=1', '<sip:1000@192.0.2.1:5060>;tag=1'],
    ['<sip:1000@example.com>', '<sip:1000@example.com>'],
    ['"localhost" <sip:1@example.com>', '"localhost" <sip:1@example.com>'],
  ])('localhost is our address: %s', (value, expected) => {
    expect(replaceLocalhost(value, own)).toBe(expected);
  });

  test('the type of a body', () => {
    const headers = {};
    expect(completeContentType(headers, 'v=0\r\n')).toBe(true);
    expect(headers).toEqual({ 'Content-Type': 'application/sdp' });
    expect(completeContentType({}, 'hello')).toBe(false);
    expect(completeContentType({}, '')).toBe(true);
  });
});

describe('routes', () => {
  test('every client gets its turn, and none that left', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }), (clients, calls) => {
        const routes = new RouteTable<number>();
        for (let client = 0; client < clients; client++) routes.add(client, 'INVITE');
        routes.add(0, 'invite');
        const counts = new Array<number>(clients).fill(0);
        for (let n = 0; n < calls; n++) {
          const client = routes.select('invite') ?? -1;
          counts[client] = (counts[client] ?? 0) + 1;
        }
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        for (let client = 0; client < clients; client++) routes.removeClient(client);
        expect(routes.select('invite')).toBeUndefined();
      }),
    );
  });
});

describe('limits', () => {
  const source = { protocol: 'udp', address: '127.0.0.1', port: 5060 } as const;

  test('the rate is an average, with a second’s worth at once', () => {
    let nowMs = 0;
    const admission = new CallAdmission({ maxCalls: 1_000, maxCallsPerSecond: 5 }, () => nowMs);
    const taken = () => Array.from({ length: 50 }, () => admission.admit(source)).filter(Boolean).length;
    expect(taken()).toBe(5);
    nowMs = 400;
    expect(taken()).toBe(2);
    nowMs = 60_000;
    expect(taken()).toBe(5);
  });

  test('a place can be given back once only', () => {
    const admission = new CallAdmission({ maxCalls: 2, maxCallsPerSecond: 100 });
    const releases = [admission.admit(source), admission.admit(source)];
    expect(admission.admit(source)).toBeUndefined();
    releases[0]?.();
    releases[0]?.();
    expect(admission.calls).toBe(1);
  });
});

test('the time of day has microseconds', () => {
  expect(timeOfDay()).toMatch(/^([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}$/);
});
