import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseHostPort,
  parseNameAddr,
  parseParams,
  parseUri,
  parseVia,
  withoutHeaders,
} from '../../../src/kernel/sip/uri.ts';

describe('parseUri', () => {
  it('takes a SIP URI apart', () => {
    const uri = parseUri('sip:+81312345678;phone-context=x@example.com:5080;transport=TCP;lr?Subject=hi');
    expect(uri).toMatchObject({ scheme: 'sip', host: 'example.com', port: 5080, headers: 'Subject=hi' });
    expect(uri?.user).toBe('+81312345678;phone-context=x');
    expect([...(uri?.params ?? [])]).toEqual([
      ['transport', 'TCP'],
      ['lr', ''],
    ]);
  });
  it('knows IPv6, no user, other schemes', () => {
    expect(parseUri('sips:[2001:db8::1]:5061')).toMatchObject({ host: '2001:db8::1', port: 5061, user: undefined });
    expect(parseUri('tel:+81-3-1234;ext=5')).toMatchObject({ scheme: 'tel', user: '+81-3-1234', host: '' });
    expect(parseUri('nobodyKnowsThisScheme:totallyopaquecontent')?.scheme).toBe('nobodyknowsthisscheme');
  });
  it.each([
    '',
    'sip:',
    'sip:a@',
    'sip:a@b:99999',
    'sip:a@b:x',
    '<sip:a@b>',
    'sip:a b@c',
    'sip:@b',
    'sip:a@[::1',
    '5551234',
  ])('refuses %j', (text) => expect(parseUri(text)).toBeUndefined());
});

describe('parseNameAddr', () => {
  it('reads quoted names with what looks like syntax inside', () => {
    const value = parseNameAddr('"Bell, \\"A\\" <x>;" <sip:a,b@example.com;lr>;tag=88;expires=5');
    expect(value).toMatchObject({ displayName: 'Bell, "A" <x>;', uri: 'sip:a,b@example.com;lr', tag: '88' });
    expect(value?.params.get('expires')).toBe('5');
  });
  it('gives parameters of a bare URI to the header', () => {
    expect(parseNameAddr('sip:a@b;tag=1')).toMatchObject({ uri: 'sip:a@b', tag: '1', displayName: undefined });
    expect(parseNameAddr('caller  <sip:a@b> ;  tag = 98asjd8')).toMatchObject({
      displayName: 'caller',
      tag: '98asjd8',
    });
  });
  it('takes a comma in a name without quotes: it can mean nothing else', () => {
    expect(parseNameAddr('Yamada, Taro <sip:a@b>;tag=1')).toMatchObject({ displayName: 'Yamada, Taro', tag: '1' });
  });
  it.each([
    '',
    'x',
    '"Mr. J. User <sip:j@example.com>',
    '<sip:a@b',
    '"a" sip:b@c',
    '<>',
    'a;b <sip:a@b>',
    '<sip:a@b>;;tag=1',
    '<sip:a@b>;tag=1;',
  ])('refuses %j', (text) => expect(parseNameAddr(text)).toBeUndefined());
});

describe('withoutHeaders', () => {
  it.each([
    ['sip:a@b;lr?Route=%3Csip:c%3Blr%3E&Subject=x', 'sip:a@b;lr'],
    ['sip:a?b@c:5070', 'sip:a?b@c:5070'],
    ['sip:a@b?', 'sip:a@b'],
    ['sip:a@b', 'sip:a@b'],
  ])('%s → %s', (uri, left) => expect(withoutHeaders(uri)).toBe(left));
});

describe('parseVia', () => {
  it('reads odd spacing', () => {
    expect(parseVia('SIP  / 2.0\t/ UDP  192.0.2.2 : 5070 ; branch=390skdjuw ; rport')).toMatchObject({
      transport: 'UDP',
      host: '192.0.2.2',
      port: 5070,
    });
    expect(parseVia('SIP/2.0/TCP [::1];branch=z9hG4bK1')?.host).toBe('::1');
  });
  it.each(['', 'SIP/2.0/UDP', 'SIP/2.0/UDP  ', 'SIP/1.0/UDP a', 'SIP/2.0/UDP a;;b'])('refuses %j', (text) =>
    expect(parseVia(text)).toBeUndefined(),
  );
});

it('never throws on any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'sip:@<>;=",\\[]? \t1a\u0000番') }), (text) => {
      for (const parse of [parseUri, parseNameAddr, parseVia, parseHostPort, parseParams]) parse(text);
      parseUri(`sip:${text}`);
      parseVia(`SIP/2.0/UDP ${text}`);
    }),
    { numRuns: 2000 },
  );
});
