import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classifyPhoneNumber, isEmergencyNumber, normalizePhoneNumber } from '../../src/kernel/phone-number.ts';

describe('a phone number', () => {
  it.each([
    ['03-1234-5678', '+81312345678'],
    ['０３ー１２３４ー５６７８', '+81312345678'],
    ['(090) 1234 5678', '+819012345678'],
    ['+81 90-1234-5678', '+819012345678'],
    ['010 1 212 555 0100', '+12125550100'],
    ['0120-000-111', '+81120000111'],
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

  it.each(['110', '１１０', '1-1-9', '118', '184110', '+81119', '186 119', '0110', '+81 110', '110#', '*119'])(
    '%s is an emergency number',
    (written) => {
      expect(isEmergencyNumber(written)).toBe(true);
      expect(classifyPhoneNumber(written)).toBe('emergency');
    },
  );

  it.each(['1100', '03-1111-0110', '11', '0312341190', '+819011901190', '01190', '+1119'])('%s is none', (written) => {
    expect(isEmergencyNumber(written)).toBe(false);
  });

  it.each([
    ['09012345678', 'mobile'],
    ['0312345678', 'landline'],
    ['05012345678', 'ip-phone'],
    ['0120123456', 'toll-free'],
    ['0990123456', 'premium'],
    ['+442071234567', 'international'],
    ['201', 'other'],
  ])('%s is of kind %s', (written, kind) => {
    expect(classifyPhoneNumber(written)).toBe(kind);
  });
});
