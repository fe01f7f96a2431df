import { beforeEach, expect, it } from 'vitest';
import type { Voicemail } from '../../src/desk/voicemail.ts';
import { VoicemailReporter } from '../../src/desk/voicemail-reporter.ts';
import type { CallFact } from '../../src/kernel/call-fact.ts';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import type { SqlDatabase } from '../../src/store/sql/open-sql.ts';
import { createAccountsData, type SqlAccountsData } from '../../src/store/sql/sql-accounts-data.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { baseMs, fact, offered } from '../support/facts.ts';
import { card, momo, sakura } from '../support/people.ts';

const sound = { bytes: 40_000, durationMs: 2_500, isSilent: false };
type Recorded = Extract<CallFact, { type: 'recorded' }>;

/** What callers leave is reported to the account: each message once, whoever dies when. */
export function voicemailsContract(open: () => Promise<SqlDatabase>): void {
  let facts: SqlFactStore;
  let data: SqlAccountsData;
  let sounds: (voicemail: Voicemail) => typeof sound | undefined;
  const later: Clock = { ...systemClock, nowMs: () => baseMs + 60_000 };
  beforeEach(async () => {
    const database = await open();
    facts = new SqlFactStore(database);
    data = createAccountsData(database);
    sounds = () => sound;
    await data.accounts.saveAccount(sakura);
    await data.accounts.saveAccount(momo);
    await data.cards.save(card('sakura', { reports: [{ outcomes: ['message'], send: ['office', 'chat', 'crm'] }] }));
  });

  const reporter = (change: Partial<Pick<SqlAccountsData, 'inTransaction'>> = {}) =>
    new VoicemailReporter({
      ...{ facts, clock: later, logger: silentLogger, onReported: () => undefined },
      data: { ...data, ...change },
      soundOf: async (voicemail) => sounds(voicemail),
      links: { make: async ({ recordingId }) => ({ url: `https://desk/${recordingId}`, expiresAtMs: baseMs }) },
    });

  const recorded = (callId: string, more: Partial<Recorded> & { accountId?: string } = {}) => {
    const { accountId = 'sakura', ...body } = more;
    const file = '/data/x.wav';
    const legId = `${callId}-caller`;
    const base = { type: 'recorded', legId, recordingId: `${callId}_r3`, file, durationMs: 2_400 } as const;
    return [offered(callId, { accountId }), fact(callId, 2, { ...base, message: 'taken', ...body }, { accountId })];
  };

  it('goes where the rules send messages, the sound with mail and the link with all, and is listed', async () => {
    await facts.append(recorded('a'));
    await reporter().look();
    const entries = (await data.outbox.list({ limit: 10 })).sort((x, y) => (x.outboxId < y.outboxId ? -1 : 1));
    expect(entries.map(({ outboxId, kind, channel }) => [outboxId, kind, channel])).toEqual([
      ['a_r3.1', 'voicemail', 'mail'],
      ['a_r3.2', 'voicemail', 'slack'],
      ['a_r3.3', 'voicemail', 'webhook'],
    ]);
    const [mail, , webhook] = entries;
    expect(mail?.payload.attachment).toMatchObject({ accountId: 'sakura', callId: 'a', recordingId: 'a_r3' });
    expect(mail?.payload.attachment?.fileName).toBe('message-20260105-100002.wav');
    expect(webhook?.payload.attachment).toBeUndefined();
    for (const { payload } of entries) expect(payload.text).toContain('https://desk/a_r3');
    expect(mail?.payload.subject).toBe('090-1234-5678より留守番電話のメッセージ');
    expect(webhook?.payload.fields).toMatchObject({
      ...{ recordingId: 'a_r3', callId: 'a', accountId: 'sakura', durationMs: 2_500, dialled: '+81312345678' },
      ...{ recordingUrl: 'https://desk/a_r3', caller: { lineNumber: '+819012345678' } },
    });
    const listed = await data.voicemails.list({ limit: 5, accountId: 'sakura' });
    expect(listed).toMatchObject([{ recordingId: 'a_r3', report: { destinations: ['office', 'chat', 'crm'] } }]);
    expect(await data.voicemails.list({ limit: 5, accountId: 'momo' })).toEqual([]);
  });

  it('once, however often its fact comes and however many look at once', async () => {
    const told = recorded('a');
    await facts.append(told);
    await Promise.all([1, 2, 3].map(() => reporter().look()));
    await facts.append(told);
    await reporter().look();
    expect(await data.outbox.list({ limit: 10 })).toHaveLength(3);
  });

  it('also where whoever reported it died before the end', async () => {
    await facts.append(recorded('a'));
    const inTransaction: SqlAccountsData['inTransaction'] = (work, options) =>
      data.inTransaction(async (stores) => {
        await work(stores);
        throw new Error('killed');
      }, options);
    await reporter({ inTransaction }).look();
    expect(await data.outbox.list({ limit: 10 })).toEqual([]);
    await reporter().look();
    expect(await data.outbox.list({ limit: 10 })).toHaveLength(3);
  });

  it('not what the flow counts as too short, not talks with agents, and not silence that nobody took', async () => {
    sounds = ({ recordingId }) => ({ ...sound, isSilent: true, durationMs: recordingId === 'c_r3' ? 400 : 9_000 });
    await facts.append([
      ...recorded('a', { message: 'too-short' }),
      ...recorded('b', { agentId: 'hanako' }),
      ...recorded('c', { message: undefined }),
      ...recorded('d', { message: undefined }),
      // The flow has thanked for it.
      ...recorded('e'),
    ]);
    await reporter().look();
    const listed = await data.voicemails.list({ limit: 10 });
    expect(listed.map(({ recordingId }) => recordingId)).toEqual(['e_r3']);
    expect(await data.voicemails.unreported({ beforeMs: baseMs + 90_000, limit: 10 })).toEqual([]);
  });

  it('also what a full disk cut short, or kept from being recorded at all, and says so', async () => {
    sounds = ({ recordingId }) => (recordingId === 'a_r3' ? { ...sound, durationMs: 400 } : undefined);
    await facts.append([
      ...recorded('a', { message: undefined, incomplete: 'cut-short', durationMs: 400 }),
      ...recorded('b', { message: undefined, incomplete: 'missing', durationMs: 0 }),
    ]);
    await reporter().look();
    const [cut, missing] = ['a_r3', 'b_r3'].map(async (id) => (await data.voicemails.find(id))?.report);
    expect((await cut)?.text).toContain('録音は途中で切れています');
    expect(await cut).toMatchObject({ fields: { incomplete: 'cut-short', recordingUrl: 'https://desk/a_r3' } });
    expect((await missing)?.text).toContain('録音できませんでした');
    expect((await missing)?.text).not.toContain('録音の長さ');
    expect(await missing).toMatchObject({ fields: { incomplete: 'missing', recordingUrl: null } });
  });

  it('also of whom the controller or the caller left in the middle, where something is said', async () => {
    await facts.append(recorded('a', { message: undefined }));
    await reporter().look();
    expect(await data.outbox.list({ limit: 10 })).toHaveLength(3);
  });

  it('without the sound where the file is gone, and so that somebody sees to it where it goes nowhere', async () => {
    sounds = ({ accountId }) => (accountId === 'momo' ? sound : undefined);
    await facts.append([...recorded('a'), ...recorded('m', { accountId: 'momo' })]);
    await reporter().look();
    const [first] = await data.outbox.list({ limit: 10 });
    expect(first?.payload.text).toContain('録音ファイルが見つかりませんでした。');
    expect(first?.payload.attachment).toBeUndefined();
    const nowhere = await data.voicemails.nowhere({ sinceMs: baseMs });
    expect(nowhere).toEqual([{ accountId: 'momo', count: 1, newestAtMs: baseMs + 60_000 }]);
  });

  it('not before the switch has had time to write the file to its end', async () => {
    await facts.append(recorded('a', { atMs: later.nowMs() }));
    const [, written] = recorded('b');
    await facts.append([{ ...(written as CallFact), atMs: later.nowMs() - 500 }]);
    await reporter().look();
    expect((await data.voicemails.find('b_r3'))?.state).toBe('new');
  });
}
