import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PhoneSource } from '../../src/call/phones.ts';
import { contactValue, requestedContacts } from '../../src/telephony/register-contacts.ts';
import { parseAddress, parseSipUri, splitList, uriKey } from '../../src/telephony/sip-values.ts';

const source: PhoneSource = { transport: 'udp', address: '192.0.2.1', port: 5060 };
const rules = { min: 60, max: 600, maxNat: 90 };
const ask = (contact: string, expires?: string, from = source) => requestedContacts(contact, expires, from, rules);
const changes = (contact: string, expires?: string, from = source) => {
  const asked = ask(contact, expires, from);
  if (!asked.ok || asked.changes === 'all') throw new Error(JSON.stringify(asked));
  return asked.changes;
};
const expiry = (contact: string, expires?: string, from = source) =>
  changes(contact, expires, from).map(({ expiresMs }) => expiresMs / 1_000);

describe('what a REGISTER asks', () => {
  it('takes the contact’s own expiry before the header’s, and bounds it', () => {
    expect(expiry('<sip:a@192.0.2.1>;expires=100, <sip:b@192.0.2.1>', '200')).toEqual([100, 200]);
    expect(expiry('<sip:a@192.0.2.1>')).toEqual([600]);
    expect(expiry('<sip:a@192.0.2.1>;expires=99999999')).toEqual([600]);
    expect(expiry('<sip:a@192.0.2.1>', 'soon')).toEqual([600]);
    expect(expiry('<sip:a@192.0.2.1>', '0')).toEqual([0]);
    expect(ask('<sip:a@192.0.2.1>', '59')).toEqual({ ok: false, status: 423 });
  });

  it('asks a phone behind NAT on UDP to come back sooner', () => {
    expect(expiry('<sip:a@10.0.0.5:5060>')).toEqual([90]);
    expect(expiry('<sip:a@192.0.2.1:5062>')).toEqual([90]);
    expect(expiry('<sip:a@10.0.0.5>', undefined, { ...source, transport: 'tcp' })).toEqual([600]);
    expect(expiry('<sip:a@[2001:DB8::1]>', undefined, { ...source, address: '2001:db8::1' })).toEqual([600]);
  });

  it('takes * only by itself and with Expires 0', () => {
    expect(ask('*', '0')).toEqual({ ok: true, changes: 'all' });
    for (const [contact, expires] of [
      ['*', '60'],
      ['*', undefined],
      ['*, <sip:a@h>', '0'],
    ] as const) {
      expect(ask(contact, expires)).toEqual({ ok: false, status: 400 });
    }
  });

  it('without Contact asks for nothing', () => {
    expect(ask('')).toEqual({ ok: true, changes: [] });
  });

  it('refuses contacts that cannot be rung', () => {
    const bad = [
      '<tel:+81312345678>',
      'mailto:a@b.example',
      '<sip:a@h?Replaces=x>',
      '<sip:>',
      '"open <sip:a@h>',
      '<sip:a b@h>',
    ];
    bad.push(`<sip:${'a'.repeat(600)}@h>`, '<sip:a@h', `${' '.repeat(50_000)}`.concat('x'));
    for (const contact of bad) expect(ask(contact), contact.slice(0, 50)).toEqual({ ok: false, status: 400 });
  });

  it('knows contacts again, however they are written', () => {
    const id = (contact: string) => changes(contact)[0]?.bindingId;
    expect(id('"A, B" <SIP:a@Host;transport=TCP>;q=0.5')).toBe(id('<sip:a@host;transport=tcp>'));
    expect(id('<sip:a@host;x=1;y=2>')).toBe(id('<sip:a@host;y=2;x=1>'));
    expect(id('<sip:a@host>')).not.toBe(id('<sip:A@host>'));
    expect(id('<sip:a@host>')).not.toBe(id('<sip:a@host:5060>'));
    expect(id('sip:a@host;expires=70')).toBe(id('<sip:a@host>'));
    const outbound = ';+sip.instance="<urn:uuid:1>";reg-id=1';
    expect(id(`<sip:a@host1>${outbound}`)).toBe(id(`<sip:b@host2>${outbound}`));
    expect(id('<sip:a@host1>;+sip.instance="<urn:uuid:1>"')).not.toBe(id('<sip:b@host2>;+sip.instance="<urn:uuid:1>"'));
  });

  it('reads q in thousandths', () => {
    const q = (value: string) => changes(`<sip:a@h>;q=${value}`)[0]?.q;
    expect([q('0'), q('0.5'), q('1.0'), q('0.25'), q('2'), q('x')]).toEqual([0, 500, 1_000, 250, 1_000, 1_000]);
  });
});

describe('what a 200 lists', () => {
  it('has what was granted, rounded down', () => {
    const contact = {
      ...{ uri: 'sip:a@h;transport=tcp', source, phone: 'a', userAgent: '', expiresInMs: 59_999 },
      ...{ q: 500, instance: '"<urn:uuid:1>"', regId: 2 },
    };
    expect(contactValue(contact)).toBe(
      '<sip:a@h;transport=tcp>;expires=59;q=0.5;+sip.instance="<urn:uuid:1>";reg-id=2',
    );
    expect(contactValue({ ...contact, q: 1_000, instance: '', regId: 0 })).toBe('<sip:a@h;transport=tcp>;expires=59');
  });
});

describe('header values', () => {
  it('are never more than can be read, whatever stands in them', () => {
    const pieces = [
      '<',
      '>',
      '"',
      '\\',
      ',',
      ';',
      '=',
      '*',
      ' ',
      '\t',
      '@',
      ':',
      '[',
      ']',
      '?',
      'sip:',
      'a',
      'expires',
      '0',
      '\u3042',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((all) => all.join(''));
    fc.assert(
      fc.property(text, fc.option(text, { nil: undefined }), (contact, expires) => {
        const asked = ask(contact, expires);
        if (!asked.ok || asked.changes === 'all') return;
        for (const { uri, bindingId, q, expiresMs } of asked.changes) {
          // What is kept goes into requests and answers of ours: nothing in it may end a line, a bracket or a quote.
          expect(uri).toMatch(/^sips?:[^\s<>"]+$/i);
          expect(bindingId).not.toBe('');
          expect(q >= 0 && q <= 1_000 && expiresMs >= 0 && expiresMs <= 600_000).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it('are split at commas that divide, and at no others', () => {
    expect(splitList('"a, \\" b" <sip:a,b@h>;x="1,2" , sip:c@h')).toEqual([
      '"a, \\" b" <sip:a,b@h>;x="1,2"',
      'sip:c@h',
    ]);
  });

  it('give URI and parameters', () => {
    expect(parseAddress('"a <b>" <sip:u@h;lr>;tag=1')).toMatchObject({
      uri: 'sip:u@h;lr',
      params: new Map([['tag', '1']]),
    });
    expect(parseSipUri('sip:u:pw;x=1@H.example:5070;lr')).toMatchObject({
      user: 'u:pw;x=1',
      host: 'h.example',
      port: 5070,
    });
    const uri = parseSipUri('sip:h');
    expect(uri && uriKey(uri)).toBe('sip:@h:');
  });
});
