import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { auditChange, maskSecrets } from '../../src/accounts/audit.ts';
import { cardSchema, keptSecret, maskCard, unmaskCard } from '../../src/accounts/cards.ts';
import { isOpen, openingChanges, openingHoursSchema } from '../../src/accounts/opening-hours.ts';
import { phoneHashes } from '../../src/accounts/phone-credentials.ts';
import { queueSettingsSchema } from '../../src/accounts/queues.ts';
import { userSchema } from '../../src/accounts/users.ts';
import { card, user } from '../support/people.ts';

const faults = (result: { error?: { issues: { path: PropertyKey[]; message: string }[] } | undefined }) =>
  result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('users', () => {
  it('of role account, and only those, have an account', () => {
    expect(userSchema.safeParse(user('x1', { role: 'account' })).success).toBe(false);
    expect(userSchema.safeParse(user('x1', { role: 'operator', accountId: 'sakura' })).success).toBe(false);
    expect(userSchema.safeParse(user('x1', { role: 'account', accountId: 'sakura' })).success).toBe(true);
  });
});

describe('opening hours', () => {
  const hours = openingHoursSchema.parse({
    open: [{ days: ['mon', 'fri'], from: '09:00', to: '18:00' }],
    closedDays: ['2026-11-30'],
  });
  it.each([
    ['2026-11-23T09:00:00+09:00', true],
    ['2026-11-23T18:00:00+09:00', false],
    ['2026-11-24T10:00:00+09:00', false],
    ['2026-11-27T17:59:59+09:00', true],
    ['2026-11-30T10:00:00+09:00', false],
  ])('at %s: %s', (at, open) => expect(isOpen(hours, Date.parse(at))).toBe(open));

  it('are always, but for closed days, where none are written', () => {
    const always = openingHoursSchema.parse({ closedDays: ['2026-11-30'] });
    expect(isOpen(always, Date.parse('2026-11-29T03:00:00+09:00'))).toBe(true);
    expect(isOpen(always, Date.parse('2026-11-30T03:00:00+09:00'))).toBe(false);
  });

  it.each([
    // From Monday, which is open, into Tuesday, which is closed.
    ['2026-11-23T21:00:00+09:00', true],
    ['2026-11-24T05:59:00+09:00', true],
    ['2026-11-24T06:00:00+09:00', false],
    // From the closed Tuesday into Wednesday, which is open.
    ['2026-11-24T21:00:00+09:00', false],
    ['2026-11-25T05:59:00+09:00', false],
    ['2026-11-25T21:00:00+09:00', true],
  ])('of a night shift are those of the day on which it began: at %s %s', (at, open) => {
    const nights = openingHoursSchema.parse({ open: [{ from: '21:00', to: '06:00' }], closedDays: ['2026-11-24'] });
    expect(isOpen(nights, Date.parse(at))).toBe(open);
  });

  it.each([
    // Clocks go from 02:00 to 03:00 on 29 March, which is closed; the shift of the 28th ends then.
    ['2026-03-29T01:59:00+01:00', true],
    ['2026-03-29T03:00:00+02:00', true],
    ['2026-03-29T03:29:00+02:00', true],
    ['2026-03-29T03:30:00+02:00', false],
    ['2026-03-29T22:00:00+02:00', false],
    ['2026-03-30T03:00:00+02:00', false],
    // From 03:00 back to 02:00 on 25 October: the shift of the 24th, an hour longer; none on the 25th.
    ['2026-10-25T02:30:00+02:00', true],
    ['2026-10-25T02:30:00+01:00', true],
    ['2026-10-25T03:30:00+01:00', false],
    ['2026-10-26T01:00:00+01:00', false],
  ])('also where the clocks are changed meanwhile: at %s %s', (at, open) => {
    const nights = openingHoursSchema.parse({
      timezone: 'Europe/Berlin',
      open: [{ from: '22:00', to: '03:30' }],
      closedDays: ['2026-03-29', '2026-10-25'],
    });
    expect(isOpen(nights, Date.parse(at))).toBe(open);
  });
});

describe('when it opens and closes next', () => {
  const zones = { 'Asia/Tokyo': 0, 'Europe/Berlin': 1, 'Australia/Lord_Howe': 2, 'Asia/Kathmandu': 3 };
  it.each(Object.keys(zones))('is what a look at every minute finds, in %s', (timezone) => {
    const hours = openingHoursSchema.parse({
      timezone,
      open: [
        { days: ['sat', 'sun'], from: '22:00', to: '03:07' },
        { days: ['fri', 'mon'], from: '09:30', to: '12:00' },
        { days: ['mon'], from: '11:59', to: '24:00' },
      ],
      closedDays: ['2026-03-29'],
    });
    for (const day of ['2026-03-27', '2026-04-03', '2026-10-03', '2026-10-23']) {
      const fromMs = Date.parse(`${day}T05:03:20Z`);
      const toMs = fromMs + 3 * 24 * 3_600_000;
      const found: number[] = [];
      let before = isOpen(hours, fromMs);
      for (let atMs = Math.ceil(fromMs / 60_000) * 60_000; atMs <= toMs; atMs += 60_000) {
        const now = isOpen(hours, atMs);
        if (now !== before) found.push(atMs);
        before = now;
      }
      expect(found.length).toBeGreaterThan(1);
      expect(openingChanges(hours, fromMs, toMs)).toEqual({ isOpen: isOpen(hours, fromMs), changesAtMs: found });
    }
  });

  it('is never, where it is open always', () => {
    const always = openingHoursSchema.parse({});
    expect(openingChanges(always, 0, 3 * 24 * 3_600_000)).toEqual({ isOpen: true, changesAtMs: [] });
  });
});

describe('queues', () => {
  const read = (more: object) => queueSettingsSchema.safeParse({ queueId: 'desk', name: 'Desk', ...more });

  it('need an id and a name only', () => expect(read({}).success).toBe(true));

  it.each(['110', '１１９', '186-118', '+81110'])('never overflow to %s', (number) => {
    expect(faults(read({ overflow: [{ type: 'transfer', number }] }))).toEqual([
      'overflow.0.number: 110, 118 and 119 are never dialled',
    ]);
  });

  it('are refused where overflow or widening makes no sense', () => {
    expect(faults(read({ overflow: [{ type: 'queue', queueId: 'desk' }] }))).toEqual([
      'overflow.0: a queue does not overflow into itself',
    ]);
    expect(faults(read({ overflow: [{ type: 'hang-up' }, { type: 'voicemail' }] }))).toEqual([
      'overflow.0: nothing can follow: the call has ended',
    ]);
    expect(faults(read({ widening: [{ afterMs: 9_000 }, { afterMs: 9_000 }] }))).toEqual([
      'widening.1.afterMs: later than the step before',
    ]);
    expect(faults(read({ ringTimeoutMs: 10, maxLength: 0 }))).toHaveLength(2);
  });
});

describe('cards', () => {
  it('name only persons and destinations that they have', () => {
    const wrong = { ...card('sakura'), reports: [{ send: ['nowhere'], forPersons: ['nobody'] }] };
    expect(faults(cardSchema.safeParse(wrong))).toEqual([
      'reports.0.send: no destination "nowhere"',
      'reports.0.forPersons: no person "nobody"',
    ]);
    const twice = { ...card('sakura'), persons: [...card('sakura').persons, ...card('sakura').persons] };
    expect(faults(cardSchema.safeParse(twice))).toEqual(['persons.1: a second "sato"']);
  });

  it('never show a secret, and keep it when they come back as shown', () => {
    const saved = card('sakura');
    const shown = maskCard(saved);
    expect(JSON.stringify(shown)).not.toMatch(/secret-part/);
    expect(cardSchema.safeParse(shown).success).toBe(true);
    expect(unmaskCard({ ...shown, notes: 'new' }, saved)).toEqual({ card: { ...saved, notes: 'new' }, missing: [] });
  });

  it('send no kept secret to another address', () => {
    const saved = card('sakura');
    const elsewhere = maskCard(saved).destinations.map((destination) =>
      destination.type === 'slack' ? { ...destination, webhookUrl: `https://evil.test/${keptSecret}` } : destination,
    );
    expect(unmaskCard({ ...saved, destinations: elsewhere }, saved).missing).toEqual(['chat']);
    expect(unmaskCard(maskCard(saved), undefined).missing).toEqual(['chat']);
  });
});

describe('the audit record', () => {
  it('says what differs, and no secrets', () => {
    const before = { name: 'a', role: 'agent', nested: { x: 1 }, passwordHash: 'p1' };
    const after = { name: 'b', role: 'agent', nested: { x: 1 }, passwordHash: 'p2', passwordTemporary: true };
    expect(auditChange(before, after)).toEqual({
      before: { name: 'a', passwordHash: '•••' },
      after: { name: 'b', passwordHash: '•••', passwordTemporary: true },
    });
    expect(auditChange(undefined, { a: 1 })).toEqual({ after: { a: 1 } });
    expect(auditChange({ a: 1 }, undefined)).toEqual({ before: { a: 1 } });
  });

  it('masks secrets however deep they are', () => {
    expect(JSON.stringify(maskSecrets(card('sakura')))).not.toMatch(/secret-part/);
    expect(maskSecrets([{ ha1Md5: 'x', token: 'y', list: [{ secret: 'z' }] }])).toEqual([
      { ha1Md5: '•••', token: '•••', list: [{ secret: '•••' }] },
    ]);
  });
});

it('phones have the hashes that RFC 7616, 3.9.1 computes with', () => {
  // "Mufasa", "http-auth@example.org", "Circle of Life"
  const { ha1Md5, ha1Sha256 } = phoneHashes('Mufasa', 'http-auth@example.org', 'Circle of Life');
  const nonce = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
  const response = (name: string, ha1: string) => {
    const hash = (text: string) => createHash(name).update(text).digest('hex');
    return hash(`${ha1}:${nonce}:00000001:${cnonce}:auth:${hash('GET:/dir/index.html')}`);
  };
  expect(response('md5', ha1Md5)).toBe('8ca523f5e9506fed4657c9700eebdbec');
  expect(response('sha256', ha1Sha256)).toBe('753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1');
});
