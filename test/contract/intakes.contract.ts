import { beforeEach, expect, it } from 'vitest';
import type { Actor } from '../../src/accounts/audit.ts';
import type { IntakeFormChange } from '../../src/desk/intake.ts';
import type { IntakeData } from '../../src/desk/intake-store.ts';
import { viewIntake } from '../../src/desk/intake-view.ts';
import { IntakeWatch } from '../../src/desk/intake-watch.ts';
import { Intakes } from '../../src/desk/intakes.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { OutboxStore } from '../../src/outbox/outbox-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { intakeT0, opening } from '../support/intakes.ts';
import { card, momo, sakura } from '../support/people.ts';

type Data = IntakeData & { outbox: OutboxStore };
const hanako: Actor = { kind: 'user', userId: 'user_hanako', role: 'agent', name: 'hanako' };
const taro: Actor = { kind: 'user', userId: 'user_taro', role: 'agent', name: 'taro' };
const message: IntakeFormChange = {
  ...{ callerName: '山田太郎', callerNameKana: 'ヤマダタロウ', company: 'みどり商事', forWhom: '佐藤' },
  ...{
    business: '見積もりの件',
    callBack: 'wanted',
    callBackWhen: '明日の午前',
    urgency: 'normal',
    outcome: 'message',
  },
};

/** What becomes of intakes, on a real database. */
export function intakesContract(make: () => Promise<Data>): void {
  let data: Data;
  let intakes: Intakes;
  let rung: number;
  const clock = new FakeClock(intakeT0 + 1_000);
  beforeEach(async () => {
    data = await make();
    rung = 0;
    await data.accounts.saveAccount(sakura);
    const destinations = [
      { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
      { type: 'webhook', destinationId: 'crm', url: 'https://crm.sakura.example/calls' },
    ];
    const reports = [{ send: ['office'] }, { forPersons: ['sato'], send: ['crm'] }];
    await data.cards.save(card('sakura', { destinations, reports }));
    const onReported = () => {
      rung += 1;
    };
    intakes = new Intakes({ data, clock, logger: silentLogger, onReported });
  });

  /** A whole case: answered, typed, saved. */
  async function wholeCase(name: string, form: IntakeFormChange, more: Parameters<typeof opening>[0] = {}) {
    const opened = await intakes.open(opening({ callId: `call_${name}`, offerId: `offer_${name}`, ...more }));
    const typed = await intakes.type(opened.intakeId, 1, form);
    if (typed.outcome !== 'kept') throw new Error(typed.outcome);
    const saved = await intakes.save(opened.intakeId, typed.intake.version, hanako);
    return { intakeId: opened.intakeId, saved };
  }

  const actions = async () => (await data.audit.list({ limit: 20 })).map(({ action }) => action);

  it('opens once for an offer, and goes on with the form where another agent gets the caller', async () => {
    const [first, again] = [await intakes.open(opening()), await intakes.open(opening({ atMs: intakeT0 + 5 }))];
    expect(again).toEqual(first);
    expect(first.form.phoneNumber).toBe('+819011112222');
    await intakes.type(first.intakeId, 1, { callerName: '山田' });
    const second = { offerId: 'offer_2', agentId: 'user_taro', atMs: intakeT0 + 1_000 };
    const moved = await intakes.open(opening(second));
    expect(moved).toMatchObject({ intakeId: first.intakeId, agentId: 'user_taro', form: { callerName: '山田' } });
    // Heard of late, from the controller of before.
    expect(await intakes.open(opening({ offerId: 'offer_0', atMs: intakeT0 - 5 }))).toMatchObject({
      agentId: 'user_taro',
    });
    expect(await intakes.find(first.intakeId)).toMatchObject({ agentId: 'user_taro', version: 3 });
  });

  it('many who open the same call at once open one', async () => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => intakes.open(opening())));
    expect(new Set(opened.map(({ intakeId }) => intakeId)).size).toBe(1);
    expect(await data.intakes.ofCall('call_1')).toHaveLength(1);
  });

  it('keeps each word; a repeat is harmless, and two windows do not undo each other', async () => {
    const { intakeId } = await intakes.open(opening());
    expect(await intakes.type(intakeId, 1, { callerName: '山' })).toMatchObject({ intake: { version: 2 } });
    expect(await intakes.type(intakeId, 2, { callerName: '山田' })).toMatchObject({ intake: { version: 3 } });
    // The answer was lost: sent again.
    expect(await intakes.type(intakeId, 2, { callerName: '山田' })).toMatchObject({
      outcome: 'kept',
      intake: { version: 3 },
    });
    expect(await intakes.type(intakeId, 2, { callerName: '山本' })).toMatchObject({
      ...{ outcome: 'changed', intake: { version: 3, form: { callerName: '山田' } } },
    });
    expect((await intakes.find(intakeId))?.form.callerName).toBe('山田');
  });

  it('what the agent has to fill in is the form of the call on the line, never another', async () => {
    const { intakeId } = await intakes.open(opening());
    expect(await intakes.currentOf('user_hanako', undefined)).toMatchObject({ intakeId });
    expect(await intakes.currentOf('user_hanako', 'call_1')).toMatchObject({ intakeId });
    expect(await intakes.currentOf('user_hanako', 'call_2')).toBeUndefined();
    expect(await intakes.currentOf('user_taro', undefined)).toBeUndefined();
  });

  it('is saved with its report, deliveries by the rules, and its line on the record; once', async () => {
    const { intakeId, saved } = await wholeCase('a', message);
    const [report] = await data.reports.ofIntake(intakeId);
    expect(saved).toEqual({ outcome: 'saved', reportIds: [report?.reportId], deliveries: 2 });
    expect(report?.destinations).toEqual(['office', 'crm']);
    expect(rung).toBe(1);
    const sent = await data.outbox.list({ limit: 10 });
    expect(sent.map(({ channel, target, outboxId }) => [channel, target, outboxId]).toSorted()).toEqual([
      ['mail', 'office@sakura.example', `${report?.reportId}.1`],
      ['webhook', 'https://crm.sakura.example/calls', `${report?.reportId}.2`],
    ]);
    expect(sent[0]?.payload).toMatchObject({ subject: report?.subject, fields: { caller: { name: '山田太郎' } } });
    // Again, after a lost answer.
    expect(await intakes.save(intakeId, 2, hanako)).toEqual(saved);
    expect(await data.reports.ofIntake(intakeId)).toHaveLength(1);
    expect(await intakes.type(intakeId, 3, { callerName: 'x' })).toEqual({ outcome: 'closed' });
    const [entry] = await data.audit.list({ limit: 1 });
    expect(entry).toMatchObject({ action: 'intake.report', actor: hanako, subject: { id: intakeId } });
    expect(JSON.stringify(entry)).not.toMatch(/山田|9011112222|見積/);
  });

  it('says so where the account’s card sends a report nowhere, and where there is no card', async () => {
    await data.cards.save(card('sakura', { reports: [{ outcomes: ['complaint'], send: ['office'] }] }));
    expect((await wholeCase('a', message)).saved).toMatchObject({ outcome: 'saved', deliveries: 0 });
    const [entry] = await data.audit.list({ limit: 1 });
    expect(entry).toMatchObject({ action: 'intake.report', after: { deliveries: 0 } });
    await data.accounts.saveAccount(momo);
    const { intakeId, saved } = await wholeCase('b', message, { accountId: 'momo' });
    expect(saved).toMatchObject({ outcome: 'saved', deliveries: 0 });
    const now = await intakes.find(intakeId);
    expect(now && (await viewIntake(data, now)).deliveries).toBe(0);
    expect(await data.outbox.list({ limit: 1 })).toEqual([]);
  });

  it('forty agents at once: each call has its form, each form its report', async () => {
    const cases = Array.from({ length: 40 }, (_, index) => wholeCase(`many${index}`, message));
    expect((await Promise.all(cases)).map(({ saved }) => saved.outcome)).toEqual(Array(40).fill('saved'));
    expect(await data.reports.list({ limit: 100 })).toHaveLength(40);
    expect(await data.outbox.list({ limit: 100 })).toHaveLength(80);
  });

  it('is not saved without an outcome, with a number that cannot be called, or over what another typed', async () => {
    const { intakeId } = await intakes.open(opening());
    const faults = async (change: IntakeFormChange) => {
      const { version = 0 } = (await intakes.find(intakeId)) ?? {};
      const typed = await intakes.type(intakeId, version, change);
      const result = await intakes.save(intakeId, typed.outcome === 'kept' ? typed.intake.version : 0, hanako);
      return result.outcome === 'unfit' ? result.faults.map(({ field }) => field) : result.outcome;
    };
    expect(await faults({})).toEqual(['outcome']);
    expect(await faults({ outcome: 'message' })).toEqual(['business']);
    expect(await faults({ phoneNumber: '12', business: 'x' })).toEqual(['phoneNumber']);
    expect(await faults({ phoneNumber: '110' })).toEqual(['phoneNumber']);
    expect(await faults({ phoneNumber: '', callBack: 'wanted' })).toEqual(['phoneNumber']);
    expect(await intakes.save(intakeId, 1, hanako)).toMatchObject({ outcome: 'changed' });
    expect(await data.outbox.list({ limit: 1 })).toEqual([]);
    expect(await faults({ phoneNumber: '０３－１２３４－５６７８' })).toBe('saved');
  });

  it('a report that cannot be written leaves nothing behind', async () => {
    const broken: Data = {
      ...data,
      inTransaction: (work) =>
        data.inTransaction((stores) =>
          work({ ...stores, outbox: { add: () => Promise.reject(new Error('the disk is full')) } }),
        ),
    };
    const failing = new Intakes({ data: broken, clock, logger: silentLogger, onReported: () => undefined });
    const { intakeId } = await failing.open(opening());
    await failing.type(intakeId, 1, message);
    await expect(failing.save(intakeId, 2, hanako)).rejects.toThrow('the disk is full');
    expect(await data.intakes.find(intakeId)).toMatchObject({ state: 'open', version: 2 });
    expect(await data.reports.ofIntake(intakeId)).toEqual([]);
    expect(await actions()).toEqual([]);
    expect(await intakes.save(intakeId, 2, hanako)).toMatchObject({ outcome: 'saved' });
  });

  it('nobody saved it: reported with what there is, and once more when somebody does', async () => {
    const { intakeId } = await intakes.open(opening());
    await intakes.type(intakeId, 1, { callerName: '山田太郎' });
    const nowMs = clock.nowMs();
    expect(await intakes.reportIncomplete(intakeId, nowMs)).toBe(false);
    await data.intakes.markLeft({ intakeId, offerId: 'offer_1' }, nowMs);
    expect(await intakes.reportIncomplete(intakeId, nowMs - 1)).toBe(false);
    expect(await intakes.reportIncomplete(intakeId, nowMs)).toBe(true);
    expect(await intakes.reportIncomplete(intakeId, nowMs)).toBe(false);
    const [first] = await data.reports.ofIntake(intakeId);
    expect(first).toMatchObject({ complete: false, outcome: null, subject: expect.stringContaining('入力未完了') });
    // For whom it is nobody has written: whoever is to have what is for 佐藤 has this.
    expect(await data.outbox.list({ limit: 9 })).toHaveLength(2);
    await intakes.type(intakeId, 3, message);
    expect(await intakes.save(intakeId, 4, hanako)).toMatchObject({ outcome: 'saved' });
    const [, second] = await data.reports.ofIntake(intakeId);
    expect(second).toMatchObject({ complete: true, fields: { replacesReportId: first?.reportId } });
  });

  it('reported, and then handed to the next agent: the same case, its report replaced where there is more to say', async () => {
    const { intakeId } = await wholeCase('a', message);
    const [first] = await data.reports.ofIntake(intakeId);
    const next = opening({ callId: 'call_a', agentId: 'user_taro', offerId: 'offer_a2', atMs: intakeT0 + 60_000 });
    expect(await intakes.open(next)).toMatchObject({
      ...{ intakeId, state: 'open', agentId: 'user_taro', form: message, version: 4 },
    });
    // The first agent's answer is heard once more, by whoever took the call over.
    expect(await intakes.open(opening({ callId: 'call_a', offerId: 'offer_a' }))).toMatchObject({
      ...{ intakeId, agentId: 'user_taro', version: 4 },
    });
    await intakes.type(intakeId, 4, { business: '見積もりと納期の件' });
    const saved = await intakes.save(intakeId, 5, taro);
    const [, second, ...more] = await data.reports.ofIntake(intakeId);
    expect([second?.fields, more]).toMatchObject([{ replacesReportId: first?.reportId }, []]);
    expect(second?.subject).toContain('【訂正】');
    expect(second?.text).toContain('2026年11月24日(火) 10:05 にお送りした報告に代わるものです。');
    expect(saved).toEqual({ outcome: 'saved', reportIds: [first?.reportId, second?.reportId], deliveries: 2 });
    expect(await data.outbox.list({ limit: 9 })).toHaveLength(4);
    expect(await data.intakes.ofCall('call_a')).toHaveLength(1);
  });

  it('a message that the next agent makes a complaint: who had the message is told, and who gets complaints', async () => {
    const reports = [
      { outcomes: ['message'], send: ['office'] },
      { outcomes: ['complaint'], send: ['boss'] },
    ];
    const destinations = [
      { type: 'mail', destinationId: 'boss', address: 'boss@sakura.example' },
      { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
    ];
    await data.cards.save(card('sakura', { destinations, reports }));
    const { intakeId } = await wholeCase('a', message);
    const next = { callId: 'call_a', agentId: 'user_taro', offerId: 'offer_a2', atMs: intakeT0 + 60_000 };
    const { version } = await intakes.open(opening(next));
    await intakes.type(intakeId, version, { outcome: 'complaint' });
    await clock.advance(1);
    expect(await intakes.save(intakeId, version + 1, taro)).toMatchObject({ deliveries: 2 });
    const sent = (await data.outbox.list({ limit: 9 })).toSorted((one, other) => one.createdAtMs - other.createdAtMs);
    const mails = sent.map(({ target, payload: { subject } }) => `${target} ${subject.includes('【訂正】')}`);
    expect([mails[0], ...mails.slice(1).toSorted()]).toEqual([
      'office@sakura.example false',
      'boss@sakura.example false',
      'office@sakura.example true',
    ]);
  });

  it('reported, handed on, and nothing more to say: the account hears nothing twice', async () => {
    const { intakeId } = await wholeCase('a', { ...message, outcome: 'complaint' });
    const handOn = (offerId: string, atMs: number) =>
      intakes.open(opening({ callId: 'call_a', agentId: 'user_taro', offerId, atMs }));
    const { version } = await handOn('offer_a2', intakeT0 + 60_000);
    const saved = await intakes.save(intakeId, version, taro);
    expect(saved).toMatchObject({ outcome: 'saved', reportIds: [expect.any(String)] });
    // The one after does not even press the key.
    await handOn('offer_a3', intakeT0 + 120_000);
    await data.intakes.markLeft({ intakeId, offerId: 'offer_a3' }, clock.nowMs());
    expect(await intakes.reportIncomplete(intakeId, clock.nowMs())).toBe(true);
    expect(await data.intakes.find(intakeId)).toMatchObject({ state: 'saved' });
    expect(await data.reports.ofIntake(intakeId)).toHaveLength(1);
    expect(await data.outbox.list({ limit: 9 })).toHaveLength(2);
    const caller = { accountId: 'sakura', callerNumber: '+819011112222' };
    expect(await data.intakes.callerCounts(caller)).toMatchObject({ complaints: 1 });
  });

  it('left by its agent and forgotten: the watch of any process reports it, once', async () => {
    const { intakeId } = await intakes.open(opening({ atMs: clock.nowMs() }));
    await intakes.type(intakeId, 1, { callerName: '山田' });
    const desk = { listAgents: async () => [] };
    const parts = { intakes, store: data.intakes, desk, clock, logger: silentLogger, reportAfterMs: 1_800_000 };
    const watches = [new IntakeWatch(parts), new IntakeWatch(parts)];
    const look = async () => {
      await Promise.all(watches.map((watch) => watch.look()));
    };
    await look();
    expect(await data.intakes.open({ limit: 5, left: true })).toEqual([]);
    await clock.advance(6_000);
    await look();
    expect(await data.intakes.open({ limit: 5, left: true })).toMatchObject([{ intakeId, leftAtMs: clock.nowMs() }]);
    await clock.advance(1_799_999);
    await look();
    expect(await data.reports.ofIntake(intakeId)).toEqual([]);
    await clock.advance(1);
    await look();
    await look();
    expect(await data.reports.ofIntake(intakeId)).toMatchObject([
      { complete: false, fields: { caller: { name: '山田' } } },
    ]);
    expect(await data.outbox.list({ limit: 5 })).toHaveLength(2);
  });

  it('the emergency number appears at the third request of a caller, and to nobody else', async () => {
    const asks = { outcome: 'direct-transfer-request' } as const;
    await wholeCase('a', asks);
    const opened = await intakes.open(opening({ callId: 'call_b', offerId: 'offer_b' }));
    const hints = async () => {
      const now = await intakes.find(opened.intakeId);
      return now && (await viewIntake(data, now)).hints;
    };
    expect(await hints()).toMatchObject({ directTransferRequests: 1, emergencyNumber: undefined });
    await intakes.type(opened.intakeId, 1, asks);
    expect(await hints()).toMatchObject({ directTransferRequests: 2, emergencyNumber: undefined });
    await intakes.type(opened.intakeId, 2, { directTransferRequests: 2 });
    expect(await hints()).toMatchObject({ directTransferRequests: 3, emergencyNumber: '09012345678' });
    const stranger = await intakes.open(opening({ callId: 'c', offerId: 'c', callerNumber: '0355556666' }));
    expect((await viewIntake(data, stranger)).hints).toMatchObject({
      directTransferRequests: 0,
      emergencyNumber: undefined,
    });
    const withheld = await intakes.open(opening({ callId: 'd', offerId: 'd', callerNumber: 'anonymous' }));
    expect((await viewIntake(data, withheld)).hints).toMatchObject({
      ...{ directTransferRequests: 0, emergencyNumber: undefined, warnings: ['number-withheld'] },
    });
  });

  it('shows the caller’s earlier calls to this account, and the name', async () => {
    await wholeCase('a', message);
    const next = await intakes.open(opening({ callId: 'b', offerId: 'b', atMs: intakeT0 + 60_000 }));
    expect(await viewIntake(data, next)).toMatchObject({
      callerName: '山田太郎',
      earlierCalls: [{ outcome: 'message', business: '見積もりの件', atMs: intakeT0 }],
      card: { announceName: 'さくら歯科 本院' },
    });
  });
}
