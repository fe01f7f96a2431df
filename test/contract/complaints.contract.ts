import { beforeEach, expect, it } from 'vitest';
import type { Actor } from '../../src/accounts/audit.ts';
import type { IntakeFormChange } from '../../src/desk/intake.ts';
import type { IntakeData } from '../../src/desk/intake-store.ts';
import { viewIntake } from '../../src/desk/intake-view.ts';
import { Intakes } from '../../src/desk/intakes.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { intakeT0, opening } from '../support/intakes.ts';
import { card, sakura } from '../support/people.ts';

const hanako: Actor = { kind: 'user', userId: 'user_hanako', role: 'agent', name: 'hanako' };
const taro: Actor = { kind: 'user', userId: 'user_taro', role: 'agent', name: 'taro' };

/** What comes of complaints to an account (service-rules.md, Calls 6), on a real database. */
export function complaintsContract(make: () => Promise<IntakeData>): void {
  let data: IntakeData;
  let intakes: Intakes;
  const clock = new FakeClock(intakeT0 + 1_000);
  beforeEach(async () => {
    data = await make();
    await data.accounts.saveAccount(sakura);
    await data.cards.save(card('sakura'));
    intakes = new Intakes({ data, clock, logger: silentLogger, onReported: () => undefined });
  });

  /** A whole case: answered, typed, saved. */
  async function wholeCase(name: string, form: IntakeFormChange) {
    const { intakeId } = await intakes.open(opening({ callId: `call_${name}`, offerId: `offer_${name}` }));
    await intakes.type(intakeId, 1, form);
    return { intakeId, saved: await intakes.save(intakeId, 2, hanako) };
  }

  const actions = async () => (await data.audit.list({ limit: 20 })).map(({ action }) => action);
  const complain = async (count: number) => {
    for (let index = 0; index < count; index++) await wholeCase(`c${index}`, { outcome: 'complaint' });
  };
  const status = async () => (await data.accounts.findAccount('sakura'))?.answeringService;

  it('are counted and warned of; an operator decides', async () => {
    await complain(2);
    expect(await actions()).not.toContain('account.complaints');
    const third = await intakes.open(opening());
    await intakes.type(third.intakeId, 1, { outcome: 'complaint' });
    const now = await intakes.find(third.intakeId);
    expect(now && (await viewIntake(data, now)).hints).toMatchObject({
      ...{ complaints: 3, accountComplaints: 3, warnings: ['caller-complained-before', 'complaints-reached'] },
    });
    await intakes.save(third.intakeId, 2, hanako);
    expect(await actions()).toEqual(['account.complaints', ...Array(3).fill('intake.report')]);
    expect(await status()).toBe('active');
  });

  it('one that the next agent has meanwhile counts again when that agent is done with it', async () => {
    const rules = { complaintsBeforeWarning: 2, complaintsSinceMs: 0, suspension: 'automatic' } as const;
    await data.cards.saveRules('sakura', rules);
    const { intakeId } = await wholeCase('first', { outcome: 'complaint' });
    const handedOn = { callId: 'call_first', offerId: 'offer_next', agentId: 'user_taro', atMs: intakeT0 + 60_000 };
    const { version } = await intakes.open(opening(handedOn));
    await wholeCase('second', { outcome: 'complaint' });
    expect(await status()).toBe('active');
    // Without a word more: it has been reported, but not been weighed together with the second.
    await intakes.save(intakeId, version, taro);
    expect(await status()).toBe('suspended');
    expect(await data.reports.list({ limit: 9 })).toHaveLength(2);
  });

  it('suspend the account’s answering service where its plan says so, on the record', async () => {
    await data.cards.saveRules('sakura', {
      complaintsBeforeWarning: 2,
      complaintsSinceMs: 0,
      suspension: 'automatic',
    });
    await complain(1);
    expect(await status()).toBe('active');
    await wholeCase('last', { outcome: 'complaint' });
    expect(await status()).toBe('suspended');
    const [entry] = await data.audit.list({ limit: 1 });
    expect(entry).toMatchObject({
      ...{ action: 'account.change', actor: { kind: 'program', name: 'complaints' } },
      ...{ before: { answeringService: 'active' }, after: { answeringService: 'suspended' } },
    });
  });

  it('ten at the same moment are ten', async () => {
    await data.cards.saveRules('sakura', {
      ...{ complaintsSinceMs: 0, suspension: 'automatic' },
      complaintsBeforeWarning: 10,
    });
    const all = Array.from({ length: 10 }, (_, index) => wholeCase(`at-once${index}`, { outcome: 'complaint' }));
    expect((await Promise.all(all)).map(({ saved }) => saved.outcome)).toEqual(Array(10).fill('saved'));
    expect(await status()).toBe('suspended');
    expect((await actions()).filter((action) => action === 'account.complaints')).toHaveLength(1);
  });

  it('before a time that the provider sets do not count', async () => {
    await complain(3);
    const rules = {
      complaintsBeforeWarning: 3,
      complaintsSinceMs: clock.nowMs() + 1,
      suspension: 'automatic',
    } as const;
    await data.cards.saveRules('sakura', rules);
    await clock.advance(10);
    await wholeCase('later', { outcome: 'complaint' });
    expect(await status()).toBe('active');
  });
}
