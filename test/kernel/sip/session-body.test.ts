import { describe, expect, it } from 'vitest';
import { acceptedTypes, sessionBodyOf } from '../../../src/kernel/sip/session-body.ts';

const sdp = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0',
  '',
].join('\r\n');
const message = (type: string | undefined, body: string, extra: [string, string][] = []) => ({
  method: 'INVITE',
  uri: 'sip:a@b',
  headers: [...(type === undefined ? [] : [['Content-Type', type] as [string, string]]), ...extra],
  body,
});
const found = (type: string | undefined, body: string, extra?: [string, string][]) =>
  sessionBodyOf(message(type, body, extra));
const sdpPart = `Content-Type: application/sdp\r\n\r\n${sdp}`;
const isupPart =
  'Content-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n\r\nxyz\u0001';
const wrap = (boundary: string, ...parts: string[]) =>
  `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;

describe('the session description', () => {
  it.each<[string, string | undefined, string]>([
    ['alone', 'application/sdp', sdp],
    ['in capitals, with a parameter', 'Application/SDP; charset=utf-8', sdp],
    ['of a type that was forgotten', undefined, sdp],
    ['behind a blank line', 'application/sdp', `\r\n\r\n${sdp}`],
    ['behind a byte order mark', 'application/sdp', `\uFEFF${sdp}`],
    ['with LF alone', 'application/sdp', sdp.replaceAll('\r\n', '\n')],
    ['before blank lines', 'application/sdp', `${sdp}\r\n\r\n`],
    ['first of two parts', 'multipart/mixed;boundary=b1', wrap('b1', sdpPart, isupPart)],
    ['last of two parts', 'multipart/mixed;boundary=b1', wrap('b1', isupPart, sdpPart)],
    ['with a quoted boundary', 'multipart/mixed; boundary="a b:1=?"', wrap('a b:1=?', isupPart, sdpPart)],
    [
      'with preamble and epilogue',
      'multipart/mixed;boundary=b1',
      `for old readers\r\n\r\n${wrap('b1', sdpPart)}and more`,
    ],
    [
      'with LF alone in all parts',
      'multipart/mixed;boundary=b1',
      wrap('b1', isupPart, sdpPart).replaceAll('\r\n', '\n'),
    ],
    [
      'with white space behind the boundary',
      'multipart/mixed;boundary=b1',
      wrap('b1', sdpPart).replaceAll('b1\r', 'b1 \t\r'),
    ],
    [
      'without the closing boundary',
      'multipart/mixed;boundary=b1',
      wrap('b1', isupPart, sdpPart).replace('--b1--', ''),
    ],
    ['in one of alternatives', 'multipart/alternative;boundary=b1', wrap('b1', sdpPart, isupPart)],
    [
      'behind a blank line within its part',
      'multipart/mixed;boundary=b1',
      wrap('b1', sdpPart.replace('v=0', '\r\nv=0')),
    ],
    [
      'nested, one boundary the beginning of the other',
      'multipart/mixed;boundary=b',
      wrap('b', `Content-Type: multipart/related;\r\n boundary=b2\r\n\r\n${wrap('b2', isupPart, sdpPart)}`),
    ],
    [
      'in base64',
      'multipart/mixed;boundary=b1',
      wrap(
        'b1',
        `Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(sdp).toString('base64')}`,
      ),
    ],
    [
      'in quoted-printable',
      'multipart/mixed;boundary=b1',
      wrap(
        'b1',
        `Content-Type: application/sdp\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${sdp.replaceAll('=', '=3D').replace('audio', 'au=\r\ndio')}`,
      ),
    ],
    [
      'behind one for what is heard before the answer (RFC 3959)',
      'multipart/mixed;boundary=b1',
      wrap('b1', `Content-Disposition: Early-Session\r\n${sdpPart.replace('4000', '7000')}`, sdpPart),
    ],
    [
      'behind a part that says it is one, and is empty',
      'multipart/mixed;boundary=b1',
      wrap('b1', 'Content-Type: application/sdp\r\n\r\n', sdpPart),
    ],
    ['with a zero byte at its end', 'application/sdp', `${sdp}\0`],
    ['with a zero byte for its last line end', 'application/sdp', `${sdp.trimEnd()}\0`],
  ])('%s', (_what, type, body) => expect(found(type, body)).toEqual({ ok: true, sdp }));

  it.each<[string, string | undefined, string]>([
    ['plain text', 'text/plain', 'hello'],
    ['no type, and no description', undefined, 'hello'],
    ['a description that says it is text', 'text/plain', sdp],
    ['parts without a description', 'multipart/mixed;boundary=b1', wrap('b1', isupPart)],
    ['no boundary', 'multipart/mixed', wrap('b1', sdpPart)],
    ['another boundary', 'multipart/mixed;boundary=other', wrap('b1', sdpPart)],
    [
      'a part that must be understood (RFC 5621)',
      'multipart/mixed;boundary=b1',
      wrap('b1', sdpPart, isupPart.replace('optional', 'required')),
    ],
    ['parts in parts without end', 'multipart/mixed;boundary=b', nestedTooDeep()],
  ])('%s is 415 with what we accept', (_what, type, body) => {
    expect(found(type, body)).toMatchObject({ ok: false, fault: { status: 415, headers: { Accept: acceptedTypes } } });
  });

  it('in an encoding that we do not undo is 415 with those we do', () => {
    expect(found('application/sdp', 'xyz', [['Content-Encoding', 'zip']])).toMatchObject({
      ok: false,
      fault: { status: 415, headers: { 'Accept-Encoding': 'identity' } },
    });
    expect(found('application/sdp', sdp, [['Content-Encoding', 'identity']])).toEqual({ ok: true, sdp });
  });

  it('is none where there is no body', () => {
    expect(found('application/sdp', '')).toEqual({ ok: true, sdp: '' });
    expect(found(undefined, '\r\n')).toEqual({ ok: true, sdp: '' });
  });

  it('is looked for in bounded time', () => {
    const startedAt = performance.now();
    found('multipart/mixed;boundary=b', '--b\r\n\r\n'.repeat(8_000));
    found('multipart/mixed;boundary=b', `--b${'-'.repeat(60_000)}`);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});

function nestedTooDeep(): string {
  let part = sdpPart;
  for (let depth = 0; depth < 5; depth++)
    part = `Content-Type: multipart/mixed;boundary=b${depth}\r\n\r\n${wrap(`b${depth}`, part)}`;
  return wrap('b', part);
}
