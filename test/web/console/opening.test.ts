import { describe, expect, it } from 'vitest';
import { isOpen, type OpeningHours, openingHoursSchema } from '../../../src/accounts/opening-hours.ts';
import { openingAt } from '../../../src/web/console/opening.ts';

const tokyo = (text: string) => Date.parse(`${text}+09:00`);
const clinic = openingHoursSchema.parse({
  open: [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '14:00', to: '18:00' },
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:30', to: '12:30' },
    { days: ['sat'], from: '09:30', to: '13:00' },
    { dates: ['2026-11-29', '2026-01-04'], from: '10:00', to: '15:00' },
  ],
  closedDays: ['2026-12-31', '2026-11-23', '2026-12-30'],
});
const holidays = [{ from: '2026-12-29', to: '2027-01-03', note: '年末年始' }];
/** Thursday. */
const thursday = tokyo('2026-11-26T10:00');

describe('opening hours', () => {
  it('as the agent reads them: the week, special days and closed days to come, today', () => {
    const opening = openingAt(clinic, holidays, thursday);
    expect(opening).toMatchObject({
      ...{ today: 'thu', date: '2026-11-26', time: '10:00', isOpen: true, closedToday: undefined },
      special: [{ dates: ['2026-11-29'], span: { from: '10:00', to: '15:00' } }],
      closedDays: ['2026-12-30', '2026-12-31'],
    });
    const twice = [
      { from: '09:30', to: '12:30' },
      { from: '14:00', to: '18:00' },
    ];
    expect(opening.week.map(({ day, spans }) => [day, spans])).toEqual([
      ...['mon', 'tue', 'wed', 'thu', 'fri'].map((day) => [day, twice]),
      ['sat', [{ from: '09:30', to: '13:00' }]],
      ['sun', []],
    ]);
  });

  it('open now, to the minute', () => {
    const at = (text: string) => openingAt(clinic, holidays, tokyo(text)).isOpen;
    expect(['09:29', '09:30', '12:29', '12:30', '18:00'].map((time) => at(`2026-11-26T${time}`))).toEqual([
      ...[false, true, true, false, false],
    ]);
    expect([at('2026-11-29T14:59'), at('2026-12-06T14:59')]).toEqual([true, false]);
  });

  it('in the account’s time zone', () => {
    const newYork = { ...clinic, timezone: 'America/New_York' };
    // Ten o'clock on Thursday in Tokyo is Wednesday evening there.
    expect(openingAt(newYork, [], thursday)).toMatchObject({
      ...{ today: 'wed', date: '2026-11-25', time: '20:00', isOpen: false },
    });
    expect(openingAt(newYork, [], Date.parse('2026-11-25T15:00:00Z'))).toMatchObject({ isOpen: true, time: '10:00' });
  });

  it('closed on holidays of the card and on closed days, which are named', () => {
    const at = (text: string) => openingAt(clinic, holidays, tokyo(text));
    expect(at('2026-12-29T10:00')).toMatchObject({ isOpen: false, closedToday: { note: '年末年始' } });
    expect(at('2027-01-01T10:00')).toMatchObject({ isOpen: false, closedToday: { note: '年末年始' } });
    expect(at('2027-01-04T10:00')).toMatchObject({ isOpen: true, closedToday: undefined });
    expect(at('2026-11-23T10:00')).toMatchObject({ isOpen: false, closedToday: { note: '' } });
  });

  it('a night shift is of the day on which it began', () => {
    const night = openingHoursSchema.parse({ open: [{ days: ['fri'], from: '22:00', to: '02:00' }] });
    const at = (text: string, closedDays: string[] = []) => openingAt({ ...night, closedDays }, [], tokyo(text)).isOpen;
    expect([at('2026-11-27T23:00'), at('2026-11-28T01:59'), at('2026-11-28T02:00'), at('2026-11-27T01:00')]).toEqual([
      ...[true, true, false, false],
    ]);
    expect([at('2026-11-28T01:00', ['2026-11-28']), at('2026-11-28T01:00', ['2026-11-27'])]).toEqual([true, false]);
  });

  it('always open where nothing is said', () => {
    expect(openingAt(openingHoursSchema.parse({}), [], thursday)).toMatchObject({ isOpen: true });
  });

  it('the page says what the program goes by, at every moment of a fortnight with a change of clocks', () => {
    const day: OpeningHours['open'] = [
      { days: ['mon', 'wed'], from: '08:15', to: '24:00' },
      { dates: ['2026-11-01'], from: '00:30', to: '03:00' },
    ];
    const night: OpeningHours['open'] = [{ from: '21:30', to: '01:15', days: ['sat', 'sun'] }, { days: ['tue'] }];
    for (const timezone of ['Asia/Tokyo', 'America/New_York', 'Asia/Kathmandu', 'UTC']) {
      for (const hours of [
        { timezone, open: day, closedDays: ['2026-11-02'] },
        { timezone, open: night, closedDays: [] },
        { timezone, open: [], closedDays: ['2026-11-03'] },
      ]) {
        const fromMs = Date.parse('2026-10-27T00:00:00Z');
        for (let atMs = fromMs; atMs < fromMs + 14 * 86_400_000; atMs += 15 * 60_000) {
          expect([timezone, atMs, openingAt(hours, [], atMs).isOpen]).toEqual([timezone, atMs, isOpen(hours, atMs)]);
        }
      }
    }
  });
});
