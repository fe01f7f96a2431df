import { describe, expect, it } from 'vitest';
import type { AccountCard } from '../../src/accounts/cards.ts';
import { emptyForm, type IntakeForm } from '../../src/desk/intake.ts';
import { writtenNumber } from '../../src/desk/intake-words.ts';
import { deliveriesOf, makeReport, type ReportSource } from '../../src/desk/report.ts';
import { parseNewEntry } from '../../src/outbox/entry.ts';
import { intake, intakeT0 } from '../support/intakes.ts';
import { card, sakura } from '../support/people.ts';

const form: IntakeForm = {
  ...{ callerName: '山田太郎', callerNameKana: 'ヤマダタロウ', company: 'みどり商事', phoneNumber: '03-1234-5678' },
  ...{ forWhom: 'sato', business: '見積もりの件\n急ぎではない', callBack: 'wanted', callBackWhen: '明日の午前' },
  ...{ urgency: 'urgent', outcome: 'message', directTransferRequests: 2 },
};

interface More {
  language?: string;
  complete?: boolean;
  line?: string | undefined;
  card?: AccountCard | undefined;
}

function sourceOf(change: Partial<IntakeForm> = {}, more: More = {}): ReportSource {
  const { language = 'ja', complete = true } = more;
  const callerNumber = 'line' in more ? more.line : '+819011112222';
  return {
    reportId: 'report_1',
    intake: intake('a', { form: { ...form, ...change }, callerNumber, learned: { order: '1234', wants: { menu: 2 } } }),
    account: { ...sakura, language },
    card: 'card' in more ? more.card : card('sakura'),
    ...{ complete, earlier: [], atMs: intakeT0 + 60_000 },
  };
}

const reportOf = (change: Partial<IntakeForm> = {}, more: More = {}) => makeReport(sourceOf(change, more));

it('in Japanese', () => {
  const { subject, text } = reportOf();
  expect(subject).toBe('【至急】みどり商事 山田太郎様よりお電話（伝言）');
  expect(text).toBe(`さくら歯科 御中

お電話を承りましたので、ご報告いたします。

受付日時: 2026年11月24日(火) 10:05
会社名: みどり商事
お名前: 山田太郎 様（ヤマダタロウ）
電話番号: 03-1234-5678
発信者番号: 090-1111-2222
宛先: 佐藤
ご用件:
  見積もりの件
  急ぎではない
折り返し: 希望（明日の午前）
緊急度: 至急
対応結果: 伝言
直接転送のご要望: 2回
自動応答での入力:
  order: 1234
  wants: {"menu":2}

報告番号: report_1
`);
});

it('in English, for accounts that read no Japanese', () => {
  const { subject, text, language } = reportOf({}, { language: 'fr' });
  expect([language, subject]).toEqual(['en', '[Urgent] Call from みどり商事 山田太郎 (message)']);
  expect(text).toBe(`To さくら歯科

We have taken a call for you.

Received: Tue, 24 November 2026 at 10:05
Company: みどり商事
Name: 山田太郎 (ヤマダタロウ)
Phone: 03-1234-5678
Calling number: 090-1111-2222
For: 佐藤
Message:
  見積もりの件
  急ぎではない
Call back: wanted (明日の午前)
Urgency: urgent
Outcome: message
Asked to be put straight through: 2×
Keyed in before:
  order: 1234
  wants: {"menu":2}

Report: report_1
`);
});

it('of a form that nobody finished, from a caller who withholds the number, says what there is', () => {
  const { subject, text, fields } = reportOf(emptyForm, { complete: false, line: undefined });
  expect(subject).toBe('【入力未完了】お名前不明の方よりお電話');
  expect(text).toContain('担当者の入力が完了していません');
  expect(text).toContain('お名前: 不明\n発信者番号: 非通知\n折り返し: なし\n緊急度: 通常\n対応結果: 未選択\n');
  expect(fields).toMatchObject({ complete: false, outcome: null, caller: { lineNumber: null }, forWhom: null });
});

it('keeps its subject on one line, however the caller is called', () => {
  const { subject } = reportOf({ callerName: 'a\r\nBcc: x@example.com', company: 'い'.repeat(200) });
  expect(subject).not.toMatch(/[\r\n]/);
  expect(subject.length).toBeLessThan(500);
});

it('goes to the rules’ destinations under ids that stay the same, as the outbox takes them', () => {
  const source = sourceOf({ outcome: 'complaint' });
  const report = makeReport(source);
  expect(report.destinations).toEqual(['office', 'chat', 'crm']);
  const deliveries = deliveriesOf(report, source);
  expect(deliveries.map(({ outboxId, channel }) => `${outboxId} ${channel}`)).toEqual([
    'report_1.1 mail',
    'report_1.2 slack',
    'report_1.3 webhook',
  ]);
  expect(deliveries.map(parseNewEntry)).toHaveLength(3);
  expect(deliveriesOf(report, source)).toEqual(deliveries);
  expect(deliveriesOf(report, { ...source, card: undefined })).toEqual([]);
  expect(reportOf({}, { card: undefined }).destinations).toEqual([]);
});

it('a correction reaches whoever had a report of the case, and tells of none who had not', () => {
  const reports = [
    { outcomes: ['message'], send: ['office'] },
    { outcomes: ['complaint'], send: ['chat', 'crm'] },
  ];
  const first = makeReport(sourceOf({}, { card: card('sakura', { reports }) }));
  expect(first.destinations).toEqual(['office']);
  const source = {
    ...sourceOf({ outcome: 'complaint' }, { card: card('sakura', { reports }) }),
    ...{ reportId: 'report_2', earlier: [first] },
  };
  const second = makeReport(source);
  expect(second.destinations).toEqual(['office', 'chat', 'crm']);
  const [toOffice, toChat, toCrm] = deliveriesOf(second, source).map(({ payload }) => payload);
  expect(toOffice?.subject).toContain('【訂正】');
  expect(toOffice?.text).toContain('にお送りした報告に代わるものです。');
  expect(toOffice?.fields).toMatchObject({ replacesReportId: 'report_1' });
  for (const other of [toChat, toCrm]) {
    expect([other?.subject, other?.text].join()).not.toMatch(/訂正|代わるもの/);
    expect(other?.fields).not.toHaveProperty('replacesReportId');
  }
  // The account has taken it off its card since.
  const without = card('sakura', { destinations: source.card?.destinations.slice(1), reports: reports.slice(1) });
  expect(makeReport({ ...source, card: without }).destinations).toEqual(['chat', 'crm']);
});

describe('a rule', () => {
  const rules = {
    messages: { outcomes: ['message'], send: ['office'] },
    urgent: { urgencies: ['urgent'], send: ['chat'] },
    sato: { forPersons: ['sato'], send: ['crm'] },
  };
  const goesTo = (change: Partial<IntakeForm>, complete: boolean) =>
    reportOf(change, { complete, card: card('sakura', { reports: Object.values(rules) }) }).destinations;

  it('does not hold back what nobody has filled in', () => {
    expect(goesTo(emptyForm, false)).toEqual(['office', 'chat', 'crm']);
    expect(goesTo({ ...emptyForm, forWhom: '鈴木' }, false)).toEqual(['office', 'chat']);
    expect(goesTo({ ...emptyForm, outcome: 'complaint' }, false)).toEqual(['chat', 'crm']);
  });

  it('holds back what is otherwise, and what stands in a finished form is so', () => {
    expect(goesTo({ ...emptyForm, outcome: 'message' }, true)).toEqual(['office']);
    expect(goesTo({ ...emptyForm, outcome: 'complaint' }, true)).toEqual([]);
  });
});

it.each([
  ['+819011112222', '090-1111-2222'],
  ['0312345678', '03-1234-5678'],
  ['0120123456', '0120-123-456'],
  ['08001234567', '0800-123-4567'],
  ['0451234567', '0451234567'],
  ['+14155550100', '+14155550100'],
  ['(not known)', '(not known)'],
])('writes %s as %s', (number, written) => {
  expect(writtenNumber(number)).toBe(written);
});
