import { describe, expect, it } from 'vitest';
import { ApiFailure } from '../../../src/web/console/api.ts';
import type { Draft } from '../../../src/web/console/drafts.ts';
import { IntakeKeeper } from '../../../src/web/console/intake-keeper.ts';
import type { IntakeForm } from '../../../src/web/console/intake-types.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeIntakeServer, hints, offline } from './fake-intake-server.ts';

function open(server = new FakeIntakeServer()) {
  const clock = new FakeClock();
  const kept: { draft: Draft | undefined } = { draft: undefined };
  const keepDraft = (draft: Draft | undefined) => {
    kept.draft = structuredClone(draft);
  };
  const start = { intakeId: 'a', accountName: 'さくら歯科', answeredAtMs: 1, version: 1, hints, state: server.state };
  const parts = { server, clock, keepDraft };
  return { server, clock, kept, parts, keeper: new IntakeKeeper({ ...start, form: server.form }, parts) };
}

/** A form that can be reported, all of it kept. */
async function filledIn(form: Partial<IntakeForm> = {}) {
  const opened = open();
  opened.keeper.type({ outcome: 'message', business: '至急', ...form });
  await opened.keeper.flush();
  expect(opened.keeper.state.state).toBe('kept');
  return opened;
}

/** The page is loaded again. */
function reloaded({ kept, parts }: Pick<ReturnType<typeof open>, 'kept' | 'parts'>): IntakeKeeper {
  if (!kept.draft) throw new Error('there is no draft');
  return IntakeKeeper.ofDraft(JSON.parse(JSON.stringify(kept.draft)), parts);
}

describe('a form', () => {
  it('is sent a moment after it was typed, together, and says so', async () => {
    const { server, keeper, clock } = open();
    const states = new Set<string>();
    keeper.subscribe(() => states.add(keeper.state.state));
    for (const callerName of ['伊', '伊藤']) keeper.type({ callerName });
    keeper.type({ company: '青葉商事' });
    expect(keeper.state.form).toMatchObject({ callerName: '伊藤', company: '青葉商事' });
    await clock.advance(299);
    expect(server.changes).toEqual([]);
    await clock.advance(1);
    expect(server.changes).toEqual([{ callerName: '伊藤', company: '青葉商事' }]);
    expect([...states]).toEqual(['typing', 'saving', 'kept']);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is sent while it is typed without a pause: never more than a second of it is missing', async () => {
    const { server, keeper, clock } = open();
    let business = '';
    for (let typed = 1; typed <= 100; typed++) {
      business += 'あ';
      keeper.type({ business });
      await clock.advance(100);
      expect(business.length - server.form.business.length).toBeLessThan(10);
    }
    // Together all the same, not each letter by itself.
    expect(server.changes.length).toBeLessThan(20);
  });

  it('is sent again until the server can be reached, with what was typed meanwhile', async () => {
    const { server, keeper, clock, kept } = open();
    server.away = offline();
    keeper.type({ business: '打ち' });
    await clock.advance(300);
    expect(keeper.state.state).toBe('failed');
    keeper.type({ business: '打ち合わせ' });
    expect(keeper.state.state).toBe('failed');
    expect(keeper.isUnsafe).toBe(true);
    await clock.advance(60_000);
    expect(kept.draft).toMatchObject({ change: { business: '打ち合わせ' } });
    server.away = undefined;
    await clock.advance(2_000);
    expect(server.form.business).toBe('打ち合わせ');
    expect([keeper.state.state, keeper.isUnsafe, kept.draft, clock.pendingTimers]).toEqual([
      'kept',
      false,
      undefined,
      0,
    ]);
  });

  it('keeps what was typed here where another window has typed other fields', async () => {
    const { server, keeper, clock } = open();
    server.typedElsewhere({ company: '別の窓', callerName: '別' });
    keeper.type({ callerName: '伊藤' });
    await clock.advance(300);
    expect(server.form).toMatchObject({ company: '別の窓', callerName: '伊藤' });
    expect(keeper.state).toMatchObject({ state: 'kept', form: { company: '別の窓', callerName: '伊藤' } });
  });

  it('taken away from the agent: it stops, and shows what could not be kept', async () => {
    const { server, keeper, clock, kept } = open();
    keeper.type({ callerName: '伊藤' });
    await keeper.flush();
    server.failures.push(new ApiFailure(404, { code: 'NOT_FOUND' }));
    keeper.type({ business: 'x' });
    await clock.advance(300);
    expect(keeper.state).toMatchObject({ state: 'closed', lost: { business: 'x' } });
    expect(reloaded({ kept, parts: { server, clock, keepDraft: () => undefined } }).state).toMatchObject({
      ...{ state: 'closed', lost: { business: 'x' } },
    });
    keeper.dismiss();
    expect([keeper.state.lost, kept.draft]).toEqual([undefined, undefined]);
  });

  it('reported elsewhere meanwhile: shows which words are not in the report', async () => {
    const { server, keeper, clock } = open();
    server.form = { ...server.form, callerName: '伊藤', outcome: 'other' };
    server.state = 'saved';
    keeper.type({ callerName: '伊藤', business: '追伸' });
    await clock.advance(300);
    expect(keeper.state).toMatchObject({ state: 'reported', form: { business: '' }, lost: { business: '追伸' } });
    expect(keeper.state.lost).not.toHaveProperty('callerName');
  });

  it('what the server will never take is shown, and the rest goes on', async () => {
    const { server, keeper, clock } = open();
    server.failures.push(new ApiFailure(400, { code: 'REQUEST_INVALID', path: 'form.business' }));
    keeper.type({ business: 'x' });
    await clock.advance(300);
    expect(keeper.state).toMatchObject({ state: 'kept', form: { business: '' }, lost: { business: 'x' } });
    keeper.type({ company: '青葉商事' });
    await clock.advance(300);
    expect(server.form.company).toBe('青葉商事');
  });

  it('left while a request is under way: the rest is sent beside it, whichever arrives first', async () => {
    for (const isFirst of [true, false]) {
      const { server, keeper } = open();
      const { promise, resolve: arrive } = Promise.withResolvers<void>();
      server.gate = promise;
      keeper.type({ business: '見積' });
      void keeper.flush();
      keeper.type({ business: '見積もり', company: '青葉' });
      if (isFirst) server.gate = undefined;
      keeper.leave();
      keeper.stop();
      await settle();
      arrive();
      await settle();
      expect(server.form).toMatchObject({ business: '見積もり', company: '青葉' });
    }
  });
});

describe('a report that was asked for', () => {
  it('has the last words typed; what is missing is named', async () => {
    const { server, keeper } = open();
    keeper.type({ business: '至急' });
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'kept', fault: 'outcome' });
    keeper.type({ outcome: 'message' });
    expect(keeper.state.fault).toBeUndefined();
    await keeper.report();
    expect(keeper.state.state).toBe('reported');
    expect(server).toMatchObject({ state: 'saved', form: { business: '至急', outcome: 'message' } });
    keeper.type({ business: 'later' });
    expect(keeper.state.form.business).toBe('至急');
  });

  it('is made by itself, once, when the server is back: also where its answer was lost', async () => {
    const { server, keeper, clock } = await filledIn();
    server.away = offline();
    await keeper.report();
    expect(keeper.state.state).toBe('report-failed');
    await clock.advance(60_000);
    expect([keeper.state.state, keeper.isUnsafe]).toEqual(['report-failed', true]);
    server.away = undefined;
    server.lostAnswers = 1;
    await clock.advance(2_000);
    expect(keeper.state.state).toBe('report-failed');
    await clock.advance(2_000);
    expect([keeper.state.state, server.reports, clock.pendingTimers]).toEqual(['reported', 1, 0]);
  });

  it('goes on where it is to be sent at the very moment an attempt has failed', async () => {
    const { server, keeper, clock } = await filledIn();
    server.away = offline();
    const stop = keeper.subscribe(() => {
      if (keeper.state.state !== 'report-failed') return;
      stop();
      queueMicrotask(() => void keeper.flush());
    });
    await keeper.report();
    server.away = undefined;
    await clock.advance(2_000);
    expect([keeper.state.state, server.reports]).toEqual(['reported', 1]);
  });

  it('is not forgotten where the words before it could not be sent', async () => {
    const { server, keeper, clock } = await filledIn();
    keeper.type({ callerName: '伊藤' });
    server.away = offline();
    await keeper.report();
    expect(keeper.state.state).toBe('report-failed');
    server.away = undefined;
    server.failures.push(new ApiFailure(503, { code: 'TOO_BUSY' }, 4));
    await clock.advance(2_000);
    expect(keeper.state.state).toBe('report-failed');
    await clock.advance(4_000);
    expect(server).toMatchObject({ reports: 1, form: { callerName: '伊藤' } });
    expect(keeper.state.state).toBe('reported');
  });

  it('is not made over what another window typed: the agent is told, looks, and asks again', async () => {
    const { server, keeper, clock } = await filledIn();
    server.typedElsewhere({ business: '別の窓' });
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'kept', refusal: 'changed', form: { business: '別の窓' } });
    expect(server.reports).toBe(0);
    keeper.type({ callerName: '伊藤' });
    await clock.advance(300);
    expect(keeper.state).toMatchObject({ state: 'kept', refusal: 'changed' });
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'reported', refusal: undefined });
    expect([server.reports, server.form.callerName]).toEqual([1, '伊藤']);
  });

  it('nor where that is found with the last words typed here', async () => {
    const { server, keeper } = await filledIn();
    server.typedElsewhere({ company: '別の窓' });
    keeper.type({ callerName: '伊藤' });
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'kept', refusal: 'changed', form: { company: '別の窓' } });
    expect(server).toMatchObject({ reports: 0, form: { callerName: '伊藤', company: '別の窓' } });
  });

  it('is made where only the version is another: the form is as the agent saw it', async () => {
    const { server, keeper } = await filledIn();
    server.typedElsewhere({});
    await keeper.report();
    expect([keeper.state.state, server.reports]).toEqual(['reported', 1]);
  });

  it('of a form that is another agent’s now: refused, and told', async () => {
    const { server, keeper } = await filledIn();
    server.away = new ApiFailure(404, { code: 'NOT_FOUND' });
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'closed', refusal: 'gone' });
    expect(keeper.isUnsafe).toBe(false);
  });

  it('refused for another reason: told', async () => {
    const { server, keeper, clock } = await filledIn();
    server.failures.push(new ApiFailure(400, { code: 'REQUEST_INVALID' }));
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'kept', refusal: 'other' });
    expect(clock.pendingTimers).toBe(0);
  });

  it('locks the form until it is taken back; then nothing is reported before it is asked for again', async () => {
    const { server, keeper, clock } = await filledIn();
    server.away = offline();
    await keeper.report();
    keeper.type({ business: 'x' });
    expect(keeper.state.form.business).toBe('至急');
    keeper.takeBack();
    keeper.type({ business: '至急の件' });
    server.away = undefined;
    await clock.advance(10_000);
    expect([keeper.state.state, server.reports, server.form.business]).toEqual(['kept', 0, '至急の件']);
  });
});

describe('after the page was loaded again', () => {
  it('what had not been kept is kept, and what was to be reported is reported, once', async () => {
    const opened = await filledIn();
    const { server, keeper, clock, kept } = opened;
    server.away = offline();
    keeper.type({ callerName: '伊藤' });
    await keeper.report();
    keeper.stop();
    const next = reloaded(opened);
    expect(next.state).toMatchObject({ state: 'reporting', form: { callerName: '伊藤', business: '至急' } });
    await next.flush();
    expect(next.state.state).toBe('report-failed');
    server.away = undefined;
    await clock.advance(2_000);
    expect([next.state.state, server.reports, server.form.callerName]).toEqual(['reported', 1, '伊藤']);
    expect([kept.draft, clock.pendingTimers]).toEqual([undefined, 0]);
  });

  it('what had arrived without an answer is no conflict', async () => {
    const opened = open();
    const { server, keeper } = opened;
    server.lostAnswers = 1;
    keeper.type({ business: '見積' });
    await keeper.flush();
    keeper.type({ business: '見積もり' });
    keeper.stop();
    const next = reloaded(opened);
    await next.flush();
    expect(next.state).toMatchObject({ state: 'kept', lost: undefined });
    expect(server.form.business).toBe('見積もり');
  });

  it('older words do not undo what was typed elsewhere since: they are shown, and nothing is reported unseen', async () => {
    const opened = await filledIn();
    const { server, keeper, kept } = opened;
    server.away = offline();
    keeper.type({ business: '古い', company: '青葉' });
    await keeper.report();
    keeper.stop();
    server.away = undefined;
    server.typedElsewhere({ business: '新しい' });
    const next = reloaded(opened);
    await next.flush();
    expect(next.state).toMatchObject({ state: 'kept', refusal: 'changed', lost: { business: '古い' } });
    expect(server).toMatchObject({ reports: 0, form: { business: '新しい', company: '青葉' } });
    expect(kept.draft).toMatchObject({ lost: { business: '古い' } });
  });

  it('the session over and the same user signed in again: nothing is lost', async () => {
    const opened = open();
    const { server, keeper, clock } = opened;
    server.away = new ApiFailure(401, { code: 'NOT_SIGNED_IN' });
    keeper.type({ business: '見積もり' });
    await clock.advance(300);
    expect(keeper.state.state).toBe('failed');
    keeper.stop();
    const before = server.requests;
    await clock.advance(60_000);
    expect(server.requests).toBe(before);
    server.away = undefined;
    await reloaded(opened).flush();
    expect(server.form.business).toBe('見積もり');
  });
});
