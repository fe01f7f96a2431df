import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writtenAccountSchema } from '../../src/accounts/accounts.ts';
import { callBackNumber, mayDial, outboundNumber } from '../../src/call/outbound-rules.ts';

const rules = (allow: string[], deny: string[] = []) => ({ allow, deny });
const japan = rules(['+81']);

describe('what an account may dial', () => {
  it.each([
    '03-1234-5678',
    '０３－１２３４－５６７８',
    '0081 3 1234 5678',
    '81312345678',
    '+81(0)312345678',
    '186 0312345678',
  ])('%s is checked and dialled as one number', (written) => {
    for (const allow of ['03', '+813', '０３', '0081-3', '03-1234-5678', '*']) {
      expect(outboundNumber(rules([allow]), written)).toMatchObject({ number: '+81312345678', isWithheld: false });
      expect(mayDial(rules(['*'], [allow]), written)).toBe(false);
    }
    expect(mayDial(rules(['06', '090', '3', '813']), written)).toBe(false);
  });

  it('is dialled without caller id where it is written with 184', () => {
    for (const written of ['184-03-1234-5678', '１８４０３１２３４５６７８', '184+81312345678']) {
      expect(outboundNumber(japan, written)).toMatchObject({ number: '+81312345678', isWithheld: true });
    }
  });

  it.each([
    '110',
    '１１９',
    '184118',
    '+81110',
    '0081119',
    '01081110',
    '81118',
    '*31#110',
    '0990-123-456',
    '0180990123',
  ])('%s is never dialled, whatever the rules say', (written) =>
    expect(mayDial(rules(['*', '1', '0', '+81', written]), written)).toBe(false),
  );

  it.each(['02012345678', '0033-3-1234-5678', '03-1234-567', '+44', '03-1234-5678p110', 'a b!', ''])(
    '"%s" is nothing that could be dialled',
    (written) => expect(mayDial(rules(['*', '0', '+', '+44', '03']), written)).toBe(false),
  );

  it('is a dear or far number only where a rule names its kind', () => {
    const cases = [
      { number: '0570-012-345', by: ['0570', '+81570', '0570012345'], notBy: ['*', '+81', '0', '05'] },
      { number: '117', by: ['117', '1'], notBy: ['*', '2'] },
      { number: '+442071234567', by: ['+44', '010 44', '+4420'], notBy: ['*', '+', '+4', '0'] },
      { number: '010-1-212-555-0100', by: ['+1'], notBy: ['*', '+81'] },
      { number: '+18765550100', by: ['+1876'], notBy: ['+1', '*'] },
      { number: '+870773111632', by: ['+870'], notBy: ['*', '+', '+8'] },
    ];
    for (const { number, by, notBy } of cases) {
      for (const allow of by) expect([number, allow, mayDial(rules([allow]), number)]).toEqual([number, allow, true]);
      for (const allow of notBy)
        expect([number, allow, mayDial(rules([allow]), number)]).toEqual([number, allow, false]);
    }
  });

  it('is denied by a country code without plus, too; and allowed by that of an extension only', () => {
    for (const deny of ['8190', '81 90', '810 90', '81']) {
      expect([deny, mayDial(rules(['*'], [deny]), '090-1234-5678')]).toEqual([deny, false]);
      expect([deny, mayDial(rules([deny]), '090-1234-5678')]).toEqual([deny, false]);
    }
    expect(mayDial(rules(['*'], ['8190']), '03-1234-5678')).toBe(true);
  });

  it.each(['442071234567', '12125550100', '184184 0990 123456', '*31#0990123456', 'TEL 03-1234-5678', '+0110'])(
    'is not %s, in which a trunk may read what no rule has looked at',
    (written) => expect(mayDial(rules(['*', '1', '4', '+1', '+44', '03', 'TEL']), written)).toBe(false),
  );

  it.each(['03*', '03x', '03-xxxx-xxxx', '東京', ' ', '03,06', '0990?'])(
    'is not ruled by "%s", which would mean no number: it is refused when written',
    (prefix) => {
      const written = (outbound: object) =>
        writtenAccountSchema.safeParse({ accountId: 'a', name: 'A', outbound }).success;
      expect([written({ allow: [prefix] }), written({ deny: [prefix] })]).toEqual([false, false]);
    },
  );

  it.each(['*', '＊', '+', '0', '０３', '+81 (0)3', '0120-', '184', '2', '#', '*31', 'reception', '010 44', '03〜'])(
    'is ruled by "%s"',
    (prefix) =>
      expect(
        writtenAccountSchema.parse({ accountId: 'a', name: 'A', outbound: { allow: [prefix], deny: [prefix] } })
          .outbound,
      ).toEqual({ allow: [prefix], deny: [prefix] }),
  );

  it('is a mobile that begins with 060, an extension, a free number', () => {
    expect(mayDial(rules(['060']), '060-1234-5678')).toBe(true);
    expect(mayDial(rules(['2']), '201')).toBe(true);
    expect(mayDial(rules(['*']), '201')).toBe(true);
    expect(mayDial(rules(['0120']), '0120-123-456')).toBe(true);
  });

  it('is what is dialled: checking it again gives the same', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^(184|186|0081|010|81|\+81|\+)?0?[0-9]{1,12}$/), (written) => {
        const all = rules(['*', '1', '+81', '+1', '+44', '+86', '+82']);
        const once = outboundNumber(all, written);
        if (once) expect(outboundNumber(all, once.number)?.number).toBe(once.number);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a callback', () => {
  const to = (fromNumber: string, collected?: string) =>
    callBackNumber({ outbound: rules(['*']), fromNumber }, collected);

  it('goes to the number collected, else to the caller’s', () => {
    expect(to('0901234 5678')).toBe('+819012345678');
    expect(to('anonymous', '090-1234-5678')).toBe('+819012345678');
    expect(to('201')).toBe('201');
  });

  it.each(['anonymous', 'unavailable', 'reception', 'P', '0', '', '110', '+81'])('goes nowhere for %s', (from) => {
    expect(to(from)).toBeUndefined();
  });
});
