import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  classifyPhoneNumber,
  isEmergencyNumber,
  normalizeNumberPrefix,
  normalizePhoneNumber,
} from '../../src/kernel/phone-number.ts';

describe('a phone number', () => {
  it.each([
    ['03-1234-5678', '+81312345678'],
    ['０３ー１２３４ー５６７８', '+81312345678'],
    ['(090) 1234 5678', '+819012345678'],
    ['+81 90-1234-5678', '+819012345678'],
    ['010 1 212 555 0100', '+12125550100'],
    ['0120-000-111', '+81120000111'],
    ['81355550002', '+81355550002'],
    ['810355550002', '+81355550002'],
    ['819012345678', '+819012345678'],
    ['+81 (0)3-5555-0002', '+81355550002'],
    ['+810355550002', '+81355550002'],
    ['0081355550002', '+81355550002'],
    ['0081 03 5555 0002', '+81355550002'],
    ['010-81-3-5555-0002', '+81355550002'],
    ['184 03-5555-0002', '+81355550002'],
    ['１８６０９０１２３４５６７８', '+819012345678'],
    ['184+81355550002', '+81355550002'],
    ['184-010-81-3-5555-0002', '+81355550002'],
    ['+0312345678', '+81312345678'],
    ['\u202a+81 90‐1234‐5678\u202c', '+819012345678'],
    ['+44 (0)20 7123 4567', '+442071234567'],
    // In Akita, where area codes begin so.
    ['0184-22-1234', '+81184221234'],
    ['03～1234～5678', '+81312345678'],
    ['03─1234━5678', '+81312345678'],
    ['++81312345678', '+81312345678'],
    ['0200 12345 67890', '+812001234567890'],
    ['184', '184'],
    ['1841', '1841'],
    ['813', '813'],
    ['201', '201'],
    ['reception', 'reception'],
  ])('%s is kept as %s', (written, kept) => {
    expect(normalizePhoneNumber(written)).toBe(kept);
  });

  it.each(['', 'a b!', '03-1234-5678;ext=1', '☎'])('"%s" is refused with advice', (written) => {
    expect(() => normalizePhoneNumber(written)).toThrow(/is not a phone number/);
  });

  it('has one spelling: normalising twice changes nothing', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\+?[0-9]{1,15}$/), (written) => {
        const once = normalizePhoneNumber(written);
        expect(normalizePhoneNumber(once)).toBe(once);
      }),
    );
  });

  it.each([
    ...['110', '１１０', '1-1-9', '118', '184110', '+81119', '186 119', '0110', '+81 110', '110#', '*119'],
    ...[
      '0081110',
      '010-81-119',
      '81118',
      '810110',
      '+810119',
      '184 0081 110',
      '+81184110',
      '*31#110',
      '①①⑨',
      '0033110',
    ],
    ...['\u200b110', '(118)', '110.', '+110', '184+118', '+0110', '+00119', '1～1～0', '184 186 184 110'],
    ...['*67110', '#82 119', '122 0033 110', '++81 110'],
  ])('%s is an emergency number', (written) => {
    expect(isEmergencyNumber(written)).toBe(true);
    expect(classifyPhoneNumber(written)).toBe('emergency');
  });

  it.each(['1100', '03-1111-0110', '11', '0312341190', '+819011901190', '01190', '+1119'])('%s is none', (written) => {
    expect(isEmergencyNumber(written)).toBe(false);
  });

  it.each([
    ['09012345678', 'mobile'],
    ['060-1234-5678', 'mobile'],
    ['070 1234 5678', 'mobile'],
    ['0312345678', 'landline'],
    ['0184-22-1234', 'landline'],
    ['05012345678', 'ip-phone'],
    ['0120123456', 'toll-free'],
    ['0800-123-4567', 'toll-free'],
    ['0570-012-345', 'navi'],
    ['0990123456', 'premium'],
    ['０１８０－９９０－１２３', 'premium'],
    ['0170123456', 'premium'],
    ['0910-123-456', 'premium'],
    ['020-1234-5678', 'm2m'],
    ['02041234567', 'm2m'],
    ['02001234567890', 'm2m'],
    ['117', 'special'],
    ['184117', 'special'],
    ['0033-3-1234-5678', 'prefix'],
    ['001 010 1 212 555 0100', 'prefix'],
    ['+442071234567', 'international'],
    ['010-1-212-555-0100', 'international'],
    ['+19005550100', 'premium'],
    ['+97912345678', 'premium'],
    ['+870773111632', 'satellite'],
    ['+881612345678', 'satellite'],
    ['03-1234-567', 'impossible'],
    ['03-1234-56789', 'impossible'],
    ['+81', 'impossible'],
    ['+44', 'impossible'],
    ['0312345678p110', 'impossible'],
    ['442071234567', 'impossible'],
    ['1-212-555-0100', 'impossible'],
    ['184 186 03 1234 5678', 'impossible'],
    ['184184 0990 123 456', 'impossible'],
    ['81 184 03 1234 5678', 'impossible'],
    ['*31#0990123456', 'impossible'],
    ['*67 0990 123 456', 'impossible'],
    ['TEL 03-1234-5678', 'impossible'],
    ['122 0033 0990 123456', 'prefix'],
    ['201', 'other'],
    ['*21201', 'other'],
    ['12345678', 'other'],
    ['reception', 'other'],
    ['desk-2026', 'other'],
  ])('%s is of kind %s', (written, kind) => {
    expect(classifyPhoneNumber(written)).toBe(kind);
  });

  it.each([
    ['03', '+813'],
    ['+81 03', '+813'],
    ['０８１', '+8181'],
    ['0081 3', '+813'],
    ['010-81-03', '+813'],
    ['０１２０', '+81120'],
    ['090-', '+8190'],
    ['010 44', '+44'],
    ['+', '+'],
    ['0', '+81'],
    ['03-1234-5678', '+81312345678'],
    ['81312345678', '+81312345678'],
    ['2', '2'],
    ['117', '117'],
  ])('a rule of %s means numbers that begin with %s', (written, prefix) => {
    expect(normalizeNumberPrefix(written)).toBe(prefix);
  });
});
