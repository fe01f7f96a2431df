import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  hasToken,
  header,
  headers,
  listValues,
  parseMessage,
  readMessage,
  SipSyntaxError,
  serializeMessage,
} from '../../../src/kernel/sip/message.ts';

const lines = (...text: string[]): string => `${text.join('\r\n')}\r\n`;

describe('parseMessage', () => {
  it('reads compact, folded and oddly cased headers', () => {
    const message = parseMessage(
      lines(
        'INVITE sip:desk@office.example.com;unknownparam SIP/2.0',
        'TO :',
        ' sip:desk@office.example.com ;   tag    = tag-of-desk',
        'f   : "J Yamada \\\\\\""       <sip:yamada@example.com>',
        '  ;',
        '  tag = t-77',
        'MaX-fOrWaRdS: 0068',
        'i: call-1@192.0.2.2',
        'cseq: 0009',
        '  INVITE',
        'v: SIP / 2.0 / UDP 192.0.2.2;branch=oldbranch',
        'Subject :',
        'X-own-THING: v1, "a, b"',
        'UnheardOf:   unheard-of value',
        ' continued unheard-of value',
        'V: SIP/2.0/TCP edge.example.com ;branch=z9hG4bK9ikj8, SIP/2.0/UDP 192.168.255.111 ;branch=z9hG4bK30239',
        'l: 4',
        '',
        'v=0',
      ),
    );
    expect(header(message, 'Max-Forwards')).toBe('0068');
    expect(header(message, 'call-id')).toBe('call-1@192.0.2.2');
    expect(header(message, 'CSeq')).toBe('0009 INVITE');
    expect(header(message, 'from')).toBe('"J Yamada \\\\\\""       <sip:yamada@example.com> ; tag = t-77');
    expect(header(message, 't')).toBe('sip:desk@office.example.com ;   tag    = tag-of-desk');
    expect(header(message, 'Subject')).toBe('');
    expect(header(message, 'unheardof')).toBe('unheard-of value continued unheard-of value');
    expect(headers(message, 'Via')).toHaveLength(2);
    expect(listValues(message, 'Via')).toHaveLength(3);
    expect(listValues(message, 'x-OWN-thing')).toEqual(['v1', '"a, b"']);
    expect(message.body).toBe('v=0\r');
  });

  it('reads a response, and one without a phrase', () => {
    expect(parseMessage('SIP/2.0 486 Busy Here\r\nCall-ID: x\r\n\r\n')).toMatchObject({
      status: 486,
      reason: 'Busy Here',
    });
    expect(parseMessage('SIP/2.0 200 \r\n\r\n')).toMatchObject({ status: 200, reason: '' });
    expect(parseMessage('SIP/2.0 200\r\n\r\n')).toMatchObject({ status: 200, reason: '' });
  });

  it('cuts the body at Content-Length in bytes, and says when bytes are missing', () => {
    expect(parseMessage('MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 9\r\n\r\n電話番xyz').body).toBe('電話番');
    expect(readMessage('MESSAGE sip:a@b SIP/2.0\r\nl: 10\r\n\r\n電話番')?.fault?.status).toBe(400);
    expect(parseMessage('MESSAGE sip:a@b SIP/2.0\r\n\r\nabc').body).toBe('abc');
  });

  it.each([
    ['empty text', ''],
    ['keep-alive', '\r\n\r\n'],
    ['no version', 'INVITE sip:a@b\r\n\r\n'],
    ['another protocol', 'GET / HTTP/1.1\r\n\r\n'],
    ['status out of range', 'SIP/2.0 4294967301 better not break the receiver\r\n\r\n'],
    ['status 700', 'SIP/2.0 700 No\r\n\r\n'],
    ['unbracketed nonsense in the URI', 'INVITE <sip:a@b> SIP/2.0\r\n\r\n'],
    ['white space in the URI', 'INVITE sip:a@b; lr SIP/2.0\r\n\r\n'],
    ['two spaces', 'INVITE  sip:a@b SIP/2.0\r\n\r\n'],
    ['space after the version', 'OPTIONS sip:a@b SIP/2.0  \r\n\r\n'],
    ['a header without a colon', 'OPTIONS sip:a@b SIP/2.0\r\nnonsense\r\n\r\n'],
    ['a header name with a space', 'OPTIONS sip:a@b SIP/2.0\r\nbad name: x\r\n\r\n'],
    ['a negative length', 'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n'],
    ['version 7.0', 'OPTIONS sip:a@b SIP/7.0\r\n\r\n'],
  ])('refuses %s', (_what, raw) => {
    expect(() => parseMessage(raw)).toThrow(SipSyntaxError);
  });

  it('says 505 for another version and 400 for too many headers', () => {
    for (const version of ['SIP/7.0', 'SIP/2', 'sip/2', 'SIQ/2.0', 'HTTP/1.1']) {
      expect(readMessage(`OPTIONS sip:a@b ${version}\r\n\r\n`)?.fault?.status).toBe(505);
    }
    expect(readMessage('OPTIONS sip:a@b hello\r\n\r\n')).toBeUndefined();
    expect(readMessage(`OPTIONS sip:a@b SIP/2.0\r\n${'X: y\r\n'.repeat(1000)}\r\n`)?.fault?.status).toBe(400);
  });

  it('finds tokens in lists', () => {
    const message = parseMessage('INVITE sip:a@b SIP/2.0\r\nSupported: timer, 100REL\r\nk: replaces\r\n\r\n');
    expect(hasToken(message, 'Supported', '100rel')).toBe(true);
    expect(hasToken(message, 'Supported', 'replaces')).toBe(true);
    expect(hasToken(message, 'Supported', 'path')).toBe(false);
  });
});

const token = fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/);
const headerValue = fc.stringMatching(/^[\x21-\x7e][\x20-\x7e]{0,30}$/).map((value) => value.trim());

describe('property', () => {
  it('what is written is read back the same', () => {
    fc.assert(
      fc.property(
        token,
        fc.array(
          fc.tuple(
            token.map((name) => `X-${name}`),
            headerValue,
          ),
          { maxLength: 20 },
        ),
        fc.string({ unit: 'grapheme' }),
        (method, headerList, body) => {
          const message = { method, uri: 'sip:a@b', headers: headerList as [string, string][], body };
          const back = parseMessage(serializeMessage(message));
          expect({ ...back, headers: back.headers.slice(0, -1) }).toEqual(message);
        },
      ),
    );
  });

  it('never throws on any text or bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        readMessage(text);
        readMessage(`INVITE ${text} SIP/2.0\r\n${text}`);
        readMessage(`INVITE sip:x SIP/2.0\r\n${text}`);
        readMessage(`SIP/2.0 ${text}`);
      }),
      { numRuns: 1000 },
    );
  });
});
