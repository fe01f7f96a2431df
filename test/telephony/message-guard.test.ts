import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

import { beforeEach, describe, expect, it } from 'vitest';
import { MessageGuard, type RefusedRequest } from '../../src/telephony/message-guard.ts';
import type { SrfWire } from '../../src/telephony/types/srf.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SrfMessage } from '../support/srf-parser.ts';

/** srf's connection, without the connection. */
class Wire extends EventEmitter implements SrfWire {
  readonly sent: string[] = [];
  readonly heard: string[] = [];
  override listeners(event: 'msg'): ((socket: Socket, text: string) => void)[] {
    return super.listeners(event) as ((socket: Socket, text: string) => void)[];
  }
  send(_socket: Socket, text: string): string {
    this.sent.push(text);
    return '';
  }
}

const socket = {} as Socket;
let wire: Wire;
let refused: RefusedRequest[];
let logged: { fields: object; message: string }[];
let clock: FakeClock;

beforeEach(() => {
  wire = new Wire();
  wire.on('msg', (_socket, text: string) => wire.heard.push(text));
  refused = [];
  logged = [];
  clock = new FakeClock();
  const log = (fields: object, message: string) => void logged.push({ fields, message });
  const logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
  new MessageGuard({ clock, logger, onRefused: (one) => refused.push(one) }).attach(wire);
});

const frame = (sip: string, origin = 'network') =>
  `id|sip|${origin}|${sip.length}|udp|192.0.2.1|5060|12:00:00.000000|txn-1||127.0.0.1|5060|\r\n${sip}`;
const invite = (extra = '', end = '\r\n') =>
  `INVITE sip:0312345678@192.0.2.9 sip/2.0${end}v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa${end}f: Taro <sip:a@b>;tag=1${end}` +
  `t: sip:c@d${end}i: x${end}CSeq: 1 INVITE${end}m: <sip:a@192.0.2.1>${end}${extra}${end}`;
const deliver = (sip: string, origin?: string) => wire.emit('msg', socket, frame(sip, origin));
const passed = () => new SrfMessage(wire.heard[0]?.slice(wire.heard[0].indexOf('\r\n') + 2) ?? '');

describe('what srf gets', () => {
  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('is in one spelling, whatever ended the lines (%s)', (_name, end) => {
    deliver(invite(`Privacy: id${end}`, end));
    expect(passed()).toMatchObject({ method: 'INVITE', uri: 'sip:0312345678@192.0.2.9' });
    expect(passed().get('Privacy')).toBe('id');
    expect(passed().get('From')).toBe('"Taro" <sip:a@b>;tag=1');
    expect(passed().get('To')).toBe('<sip:c@d>');
    expect(wire.sent).toEqual([]);
  });

  it('has the body that drachtio gave, with a length that is right', () => {
    deliver(`${invite('Content-Length: 3\r\n').replaceAll('INVITE', 'INFO')}電話番`);
    expect(passed().body).toBe('電話番');
    expect(passed().get('Content-Length')).toBe('9');
  });

  it('has the session description alone where there is more in the body', () => {
    const parts = '--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\n\r\nxyz\r\n--b--\r\n';
    deliver(`${invite('Content-Type: multipart/mixed;boundary=b\r\n')}${parts}`);
    expect(passed().body).toBe('v=0\r\n');
    expect(passed().get('Content-Type')).toBe('application/sdp');
  });

  it('has no body where an ACK or an answer holds no session: the call ends by that, not by silence', () => {
    deliver(`${invite('Content-Type: text/plain\r\n').replaceAll('INVITE', 'ACK')}hello`);
    expect(passed().body).toBe('');
    expect(wire.sent).toEqual([]);
  });

  it('has no header that srf would take for another one', () => {
    deliver(invite('%43all-ID: y\r\n%50rivacy: id\r\n'));
    expect(passed().get('Call-ID')).toBe('x');
    expect(passed().has('Privacy')).toBe(false);
  });

  it('has no control characters', () => {
    deliver(invite('X-Name: \u001b[31mred\u0000\u0007\r\n'));
    expect(passed().get('X-Name')).toBe('[31mred');
  });

  it('is what came where drachtio tells of something else', () => {
    wire.emit('msg', socket, 'id|response|other|OK|sip:1.2.3.4|v0.9.10');
    expect(wire.heard).toEqual(['id|response|other|OK|sip:1.2.3.4|v0.9.10']);
  });
});

describe('a broken request', () => {
  it.each([
    ['without an empty line', invite().slice(0, -2), 'No Empty Line'],
    ['without Contact', invite().replace(/^m: .*\r\n/m, ''), 'Missing Contact'],
    ['with two Contacts', invite('m: <sip:z@z>\r\n'), 'More Than One Contact'],
    ['with a line that is no header', invite('nonsense\r\n'), 'Bad Header Line'],
    ['of no method at all', 'nonsense\r\n\r\n', 'Bad Request'],
  ])('%s is answered 400, and srf does not hear of it', (_what, sip, reason) => {
    deliver(sip);
    expect(wire.heard).toEqual([]);
    expect(wire.sent).toEqual([`sip|txn-1|\r\nSIP/2.0 400 ${reason}\r\nContent-Length: 0\r\n\r\n`]);
    expect(refused).toEqual([expect.objectContaining({ status: 400, reason, sourceAddress: '192.0.2.1' })]);
  });

  it.each(['BYE', 'CANCEL', 'ACK'])('ends a call all the same where it is a %s', (method) => {
    deliver(invite('nonsense\r\nContent-Length: 9\r\nContent-Length: 8\r\n').replaceAll('INVITE', method).slice(0, -2));
    expect(passed().method).toBe(method);
    expect(wire.sent).toEqual([]);
  });

  it('thousands of them are a few lines in the log, without a word of theirs', () => {
    for (let i = 0; i < 2_000; i++) {
      deliver(invite('forged by a stranger\r\n'));
      void clock.advance(10);
    }
    expect(refused).toHaveLength(2_000);
    expect(logged.length).toBeLessThanOrEqual(3);
    expect(JSON.stringify(logged)).not.toMatch(/forged|192\.0\.2|0312345678/);
  });
});

it('what a handler throws ends with the message', () => {
  wire.removeAllListeners('msg');
  wire.on('msg', () => {
    throw new Error('cannot read 0312345678');
  });
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields: object, message: string) => void logged.push({ fields, message }),
    child: () => logger,
  };
  new MessageGuard({ clock, logger, onRefused: (one) => refused.push(one) }).attach(wire);
  deliver(invite());
  expect(wire.sent[0]).toMatch(/^sip\|txn-1\|\r\nSIP\/2\.0 500 /);
  expect(refused).toEqual([expect.objectContaining({ method: 'INVITE', status: 500, sourceAddress: '192.0.2.1' })]);
  expect(JSON.stringify(logged)).toContain('message-guard.test.ts');
  expect(JSON.stringify(logged)).not.toContain('0312345678');
});
