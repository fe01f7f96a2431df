import { beforeEach, describe, expect, it } from 'vitest';
import { emptyForm, type IntakeForm } from '../../src/desk/intake.ts';
import type { IntakeData, Report } from '../../src/desk/intake-store.ts';
import { intake, intakeT0 } from '../support/intakes.ts';
import { momo, sakura } from '../support/people.ts';

const number = '+819011112222';
const closed = (intakeId: string, form: Partial<IntakeForm>, more: Parameters<typeof intake>[1] = {}) =>
  intake(intakeId, { form: { ...emptyForm, ...form }, state: 'saved', closedAtMs: intakeT0 + 10, ...more });

const report: Report = {
  ...{ reportId: 'r1', intakeId: 'a', accountId: 'sakura', callId: 'call_a', createdAtMs: intakeT0, complete: true },
  ...{ outcome: 'message', urgency: 'urgent', language: 'ja', subject: '件名', text: '本文' },
  fields: { caller: { name: '山田' }, learned: {} },
};

/** What the stores of intakes and reports owe. */
export function intakeStoresContract(make: () => Promise<IntakeData>): void {
  let data: IntakeData;
  beforeEach(async () => {
    data = await make();
    await data.accounts.saveAccount(sakura);
    await data.accounts.saveAccount(momo);
  });

  it('keeps an intake as it is, and replaces only the version that was read', async () => {
    const { intakes } = data;
    const first = intake('a', { callerNumber: undefined, learned: { list: [1, 'い'], deep: { x: null } } });
    await intakes.add(first);
    expect(await intakes.find('a')).toEqual(first);
    expect(await intakes.find('b')).toBeUndefined();
    const typed = { ...first, form: { ...first.form, callerName: '山田' }, version: 2, changedAtMs: intakeT0 + 5 };
    expect(await intakes.replace(typed, 1)).toBe(true);
    expect(await intakes.replace({ ...typed, form: { ...typed.form, callerName: '鈴木' } }, 1)).toBe(false);
    expect(await intakes.find('a')).toEqual(typed);
  });

  it('of ten who change the same version at once one succeeds', async () => {
    await data.intakes.add(intake('a'));
    const tries = Array.from({ length: 10 }, (_, index) =>
      data.intakes.replace(intake('a', { version: 2, form: { ...emptyForm, callerName: `${index}` } }), 1),
    );
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
  });

  it('has one open intake a call, and one an offer', async () => {
    const { intakes } = data;
    await intakes.add(intake('a', { callId: 'c', offerId: 'o1' }));
    const second = intake('b', { callId: 'c', offerId: 'o2', answeredAtMs: intakeT0 + 1 });
    await expect(intakes.add(second)).rejects.toMatchObject({ code: 'INTAKE_EXISTS' });
    await intakes.replace(closed('a', {}, { callId: 'c', offerId: 'o1', version: 2 }), 1);
    await intakes.add(second);
    expect((await intakes.ofCall('c')).map(({ intakeId }) => intakeId)).toEqual(['b', 'a']);
    await expect(intakes.add(intake('d', { offerId: 'o2' }))).rejects.toMatchObject({ code: 'INTAKE_EXISTS' });
    const reopened = intake('a', { callId: 'c', offerId: 'o1', version: 3 });
    await expect(intakes.replace(reopened, 2)).rejects.toMatchObject({ code: 'INTAKE_EXISTS' });
    expect(await intakes.find('a')).toMatchObject({ state: 'saved', version: 2 });
  });

  it('lists those of an agent, and the open ones that nobody is at', async () => {
    const { intakes } = data;
    await intakes.add(intake('old', { openedAtMs: intakeT0 - 10, answeredAtMs: intakeT0 - 10 }));
    await intakes.add(intake('new'));
    await intakes.add(intake('other', { agentId: 'user_taro' }));
    await intakes.add(closed('done', {}, { answeredAtMs: intakeT0 + 5 }));
    const ids = (found: { intakeId: string }[]) => found.map(({ intakeId }) => intakeId);
    expect(ids(await intakes.ofAgent('user_hanako', { limit: 2 }))).toEqual(['done', 'new']);
    expect(ids(await intakes.ofAgent('user_hanako', { limit: 1, state: 'open' }))).toEqual(['new']);
    expect(ids(await intakes.open({ limit: 10 })).slice(0, 1)).toEqual(['old']);
    expect(await intakes.open({ limit: 10 })).toHaveLength(3);
    expect(await intakes.open({ limit: 10, left: true })).toEqual([]);
    await intakes.markLeft({ intakeId: 'new', offerId: 'another' }, 7);
    await intakes.markLeft({ intakeId: 'done', offerId: 'offer_done' }, 7);
    expect(await intakes.open({ limit: 10, left: true })).toEqual([]);
    await intakes.markLeft({ intakeId: 'new', offerId: 'offer_new' }, 7);
    await intakes.markLeft({ intakeId: 'new', offerId: 'offer_new' }, 8);
    expect(await intakes.open({ limit: 10, left: true })).toEqual([intake('new', { leftAtMs: 7 })]);
    await intakes.markLeft({ intakeId: 'new', offerId: 'offer_new' }, undefined);
    expect(await intakes.open({ limit: 10, left: true })).toEqual([]);
  });

  describe('counts', () => {
    beforeEach(async () => {
      const { intakes } = data;
      await intakes.add(closed('a', { outcome: 'direct-transfer-request' }));
      await intakes.add(closed('b', { outcome: 'message', directTransferRequests: 2 }));
      await intakes.add(closed('c', { outcome: 'complaint' }, { closedAtMs: intakeT0 + 20 }));
      await intakes.add(closed('d', { outcome: 'complaint' }, { callerNumber: '+81355556666' }));
      await intakes.add(closed('e', { outcome: 'complaint' }, { accountId: 'momo' }));
      await intakes.add(closed('f', { outcome: null }, { state: 'incomplete' }));
      await intakes.add(intake('g', { form: { ...emptyForm, outcome: 'complaint' } }));
    });

    it('by caller and account', async () => {
      const counts = (accountId: string, callerNumber: string) =>
        data.intakes.callerCounts({ accountId, callerNumber });
      expect(await counts('sakura', number)).toEqual({ directTransferRequests: 3, complaints: 1 });
      expect(await counts('momo', number)).toEqual({ directTransferRequests: 0, complaints: 1 });
      expect(await counts('momo', '+81355556666')).toEqual({ directTransferRequests: 0, complaints: 0 });
    });

    it('by account and time', async () => {
      const { intakes } = data;
      expect(await intakes.complaints({ sinceMs: 0 })).toEqual(
        new Map([
          ['momo', 1],
          ['sakura', 2],
        ]),
      );
      expect(await intakes.complaints({ sinceMs: intakeT0 + 20, accountId: 'sakura' })).toEqual(
        new Map([['sakura', 1]]),
      );
      const all = { accountId: 'sakura', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
      const outcomes = { 'direct-transfer-request': 1, message: 1, complaint: 2 };
      expect(await intakes.outcomes(all)).toEqual(outcomes);
      expect(await intakes.outcomes({ ...all, fromMs: intakeT0 + 10, toMs: intakeT0 + 20 })).toEqual({
        ...outcomes,
        complaint: 1,
      });
    });

    it('and earlier calls are of the same caller and the same account alone', async () => {
      await data.intakes.add(closed('old', {}, { openedAtMs: intakeT0 - 100 }));
      await data.intakes.add(closed('older', {}, { openedAtMs: intakeT0 - 200 }));
      await data.intakes.add(closed('far', {}, { openedAtMs: intakeT0 - 200, accountId: 'momo' }));
      const earlier = { accountId: 'sakura', callerNumber: number, beforeMs: intakeT0, limit: 5 };
      expect((await data.intakes.earlier(earlier)).map(({ intakeId }) => intakeId)).toEqual(['old', 'older']);
      expect(await data.intakes.earlier({ ...earlier, limit: 1 })).toHaveLength(1);
    });
  });

  it('keeps reports, each once, and lists those of one account', async () => {
    const { intakes, reports } = data;
    await intakes.add(closed('a', {}));
    await intakes.add(closed('b', {}, { accountId: 'momo' }));
    await reports.add({ ...report, reportId: 'r0', complete: false, outcome: null });
    await reports.add(report);
    await reports.add({ ...report, reportId: 'r2', intakeId: 'b', accountId: 'momo' });
    await expect(reports.add(report)).rejects.toThrow();
    const kept = await reports.ofIntake('a');
    expect(kept).toMatchObject([{ reportId: 'r0', complete: false, outcome: null }, report]);
    const ids = async (options: Parameters<typeof reports.list>[0]) =>
      (await reports.list(options)).map(({ reportId }) => reportId);
    expect(await ids({ limit: 10 })).toEqual(['r2', 'r1', 'r0']);
    expect(await ids({ limit: 10, accountId: 'sakura' })).toEqual(['r1', 'r0']);
    expect(await ids({ limit: 1, accountId: 'sakura' })).toEqual(['r1']);
    expect(await ids({ limit: 10, accountId: 'sakura', beforeSeq: kept[1]?.seq ?? 0 })).toEqual(['r0']);
  });

  it('counts reports that went nowhere, by account and outcome', async () => {
    const { intakes, reports } = data;
    await intakes.add(closed('a', {}));
    const add = (reportId: string, createdAtMs: number, more: object) =>
      reports.add({ ...report, reportId, createdAtMs, ...more });
    await add('r1', 9, { outcome: 'message', destinations: [] });
    await add('r2', 10, { outcome: 'message', destinations: [] });
    await add('r3', 12, { outcome: 'message', destinations: [] });
    await add('r4', 11, { outcome: null, destinations: [] });
    await add('r5', 13, { outcome: 'message', destinations: ['office'] });
    await add('r6', 14, { outcome: 'message' });
    await add('r7', 15, { outcome: 'other', destinations: [], accountId: 'momo' });
    const nowhere = await reports.nowhere({ sinceMs: 10 });
    expect(nowhere).toHaveLength(3);
    expect(nowhere).toEqual(
      expect.arrayContaining([
        { accountId: 'sakura', outcome: 'message', count: 2, newestAtMs: 12 },
        { accountId: 'sakura', outcome: null, count: 1, newestAtMs: 11 },
        { accountId: 'momo', outcome: 'other', count: 1, newestAtMs: 15 },
      ]),
    );
    expect((await reports.ofIntake('a')).map(({ destinations }) => destinations)).toContainEqual(['office']);
  });
}
