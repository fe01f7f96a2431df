import { describe, expect, it } from 'vitest';
import { destinationsFor, emergencyNumberFor, type ReportedIntake } from '../../src/accounts/report-rules.ts';
import { card } from '../support/people.ts';

const monday10 = Date.parse('2026-11-23T10:00:00+09:00');
const monday22 = Date.parse('2026-11-23T22:00:00+09:00');
const message: ReportedIntake = { outcome: 'message', urgency: 'normal', forPerson: null, atMs: monday10 };

describe('reports go', () => {
  const to = (reports: object[], intake: Partial<ReportedIntake> = {}) =>
    destinationsFor(card('sakura', { reports }), { ...message, ...intake }).map(({ destinationId }) => destinationId);

  it('where every rule that fits says, once each', () => {
    expect(to([{ send: ['crm', 'office'] }, { outcomes: ['message'], send: ['office', 'chat'] }])).toEqual([
      'office',
      'chat',
      'crm',
    ]);
  });

  it('nowhere where no rule fits', () => expect(to([])).toEqual([]));

  it.each([
    [{ outcomes: ['complaint', 'other'] }, { outcome: 'complaint' }, { outcome: 'sales-call' }],
    [{ urgencies: ['urgent'] }, { urgency: 'urgent' }, { urgency: 'normal' }],
    [{ forPersons: ['sato'] }, { forPerson: 'sato' }, { forPerson: null }],
    [{ forPersons: ['sato'] }, { forPerson: 'sato' }, { forPerson: 'suzuki' }],
    [{ when: { from: '18:00', to: '09:00' } }, { atMs: monday22 }, { atMs: monday10 }],
    [{ outcomes: ['message'], urgencies: ['urgent'] }, { urgency: 'urgent' }, { urgency: 'urgent', outcome: 'other' }],
    [{ outcomes: ['complaint'] }, { outcome: undefined }, { outcome: 'other' }],
    [{ urgencies: ['urgent'] }, { urgency: undefined }, { urgency: 'normal' }],
    [{ forPersons: ['sato'] }, { forPerson: undefined }, { forPerson: null }],
  ] as const)('by the rule %j for %j and not for %j', (rule, yes, no) => {
    expect(to([{ ...rule, send: ['office'] }], yes)).toEqual(['office']);
    expect(to([{ ...rule, send: ['office'] }], no)).toEqual([]);
  });

  it("by the clock of the account's own hours", () => {
    const rule = { when: { from: '09:00', to: '11:00' }, send: ['office'] };
    const abroad = card('sakura', { answers: { hours: { timezone: 'Europe/London' } }, reports: [rule] });
    expect(destinationsFor(abroad, message)).toEqual([]);
    expect(to([rule])).toEqual(['office']);
  });
});

it('the emergency number may be told after as many requests as the card says', () => {
  const given = [0, 1, 2, 3, 4].map((requests) => emergencyNumberFor(card('sakura'), requests));
  expect(given).toEqual([undefined, undefined, undefined, '09012345678', '09012345678']);
  expect(emergencyNumberFor(card('sakura', { emergency: undefined }), 99)).toBeUndefined();
});
