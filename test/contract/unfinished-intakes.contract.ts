import { beforeEach, expect, it } from 'vitest';
import type { Actor } from '../../src/accounts/audit.ts';
import type { IntakeData } from '../../src/desk/intake-store.ts';
import { viewIntake } from '../../src/desk/intake-view.ts';
import { Intakes } from '../../src/desk/intakes.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { intakeT0, opening } from '../support/intakes.ts';
import { card, sakura } from '../support/people.ts';

const hanako: Actor = { kind: 'user', userId: 'user_hanako', role: 'agent', name: 'hanako' };

/** What becomes of intakes that were left unfinished, on a real database. */
export function unfinishedIntakesContract(make: () => Promise<IntakeData>): void {
  let data: IntakeData;
  let intakes: Intakes;
  const clock = new FakeClock(intakeT0 + 1_000);
  beforeEach(async () => {
    data = await make();
    await data.accounts.saveAccount(sakura);
    await data.cards.save(card('sakura'));
    intakes = new Intakes({ data, clock, logger: silentLogger, onReported: () => undefined });
  });

  it('reported as incomplete and then typed into: reachable, watched, and reported in its place; counted as one', async () => {
    const { intakeId } = await intakes.open(opening());
    await intakes.type(intakeId, 1, { callerName: '山田太郎', outcome: 'complaint', directTransferRequests: 1 });
    const leftAtMs = clock.nowMs();
    await data.intakes.markLeft({ intakeId, offerId: 'offer_1' }, leftAtMs);
    await intakes.reportIncomplete(intakeId, leftAtMs);
    expect(await intakes.currentOf('user_hanako', undefined)).toBeUndefined();
    await clock.advance(1_000);
    const typed = await intakes.type(intakeId, 3, { business: '待たされた' });
    expect(typed).toMatchObject({ outcome: 'kept', intake: { state: 'open', version: 4, leftAtMs } });
    // A repeat after a lost answer.
    expect(await intakes.type(intakeId, 3, { business: '待たされた' })).toMatchObject({ intake: { version: 4 } });
    expect(await intakes.currentOf('user_hanako', undefined)).toMatchObject({ intakeId });
    expect(await data.intakes.open({ limit: 5, left: true })).toMatchObject([{ intakeId }]);
    const counts = async () => {
      const now = await intakes.find(intakeId);
      return now && (await viewIntake(data, now)).hints;
    };
    const one = { directTransferRequests: 1, complaints: 1, accountComplaints: 1 };
    expect(await counts()).toMatchObject(one);
    // Not before it has been quiet again for so long.
    expect(await intakes.reportIncomplete(intakeId, clock.nowMs() - 1)).toBe(false);
    expect(await intakes.reportIncomplete(intakeId, clock.nowMs())).toBe(true);
    await intakes.type(intakeId, 5, { callerName: '山田花子' });
    expect(await intakes.save(intakeId, 6, hanako)).toMatchObject({ outcome: 'saved' });
    const [first, second, third, ...more] = await data.reports.ofIntake(intakeId);
    expect([first?.fields, second?.fields, third?.fields, more]).toMatchObject([
      { business: '' },
      { business: '待たされた', replacesReportId: first?.reportId },
      { caller: { name: '山田花子' }, replacesReportId: second?.reportId },
      [],
    ]);
    expect(await counts()).toMatchObject(one);
    const caller = { accountId: 'sakura', callerNumber: '+819011112222' };
    expect(await data.intakes.callerCounts(caller)).toEqual({ directTransferRequests: 1, complaints: 1 });
  });

  it('an unfinished one is found however many calls its agent has had since', async () => {
    const { intakeId } = await intakes.open(opening());
    for (let index = 0; index < 25; index++) {
      const name = `later${index}`;
      const later = await intakes.open(opening({ callId: name, offerId: name, atMs: intakeT0 + 1_000 + index }));
      await intakes.type(later.intakeId, 1, { outcome: 'other' });
      await intakes.save(later.intakeId, 2, hanako);
    }
    expect(await intakes.currentOf('user_hanako', undefined)).toMatchObject({ intakeId });
    expect(await intakes.currentOf('user_hanako', 'call_1')).toMatchObject({ intakeId });
    expect(await intakes.currentOf('user_taro', 'call_1')).toBeUndefined();
  });
}
