import type { IntakeForm } from './intake.ts';
import { outcomeWords, type ReportLanguage, writtenNumber } from './intake-words.ts';

/** What the words of a report are made of. */
export interface ReportWords {
  reportId: string;
  form: IntakeForm;
  complete: boolean;
  /** When the account had a finished report of the same case that this one takes the place of. */
  correctsAtMs: number | undefined;
  accountName: string;
  lineNumber: string | undefined;
  /** Whom the caller wanted. */
  person: string | undefined;
  learned: Readonly<Record<string, unknown>>;
  /** When the call was answered. */
  atMs: number;
  timezone: string;
}

const maxLearnedCharacters = 500;
const maxSubjectCharacters = 400;

/** One line that says who called and how much it matters. */
export function reportSubject(words: ReportWords, language: ReportLanguage): string {
  const { form, complete } = words;
  const corrected = words.correctsAtMs !== undefined;
  const urgent = form.urgency === 'urgent';
  const name = oneLine([form.company, form.callerName].map((part) => part.trim()).join(' '));
  const number = writtenNumber(form.phoneNumber || words.lineNumber || '').trim();
  const outcome = form.outcome === null ? '' : outcomeWords[language][form.outcome];
  const subject =
    language === 'ja'
      ? `${urgent ? '【至急】' : ''}${complete ? '' : '【入力未完了】'}${corrected ? '【訂正】' : ''}${name ? `${name}様` : number || 'お名前不明の方'}よりお電話${outcome && `（${outcome}）`}`
      : `${urgent ? '[Urgent] ' : ''}${complete ? '' : '[Incomplete] '}${corrected ? '[Corrected] ' : ''}Call from ${name || number || 'someone unknown'}${outcome && ` (${outcome})`}`;
  return cut(oneLine(subject), maxSubjectCharacters);
}

/** The whole report as text: a line for each thing that is known. */
export function reportText(words: ReportWords, language: ReportLanguage): string {
  return `${(language === 'ja' ? japanese(words) : english(words)).join('\n')}\n`;
}

function japanese(words: ReportWords): string[] {
  const { form, complete, accountName, person, reportId } = words;
  const name = form.callerName.trim();
  const kana = form.callerNameKana.trim();
  const outcome = form.outcome === null ? '未選択' : outcomeWords.ja[form.outcome];
  return [
    `${accountName} 御中`,
    '',
    complete
      ? 'お電話を承りましたので、ご報告いたします。'
      : 'お電話を承りましたが、担当者の入力が完了していません。分かっていることをご報告いたします。',
    ...corrects(words, 'ja-JP', (at) => `${at} にお送りした報告に代わるものです。`),
    '',
    `受付日時: ${time(words, 'ja-JP', words.atMs)}`,
    ...line('会社名', form.company),
    `お名前: ${name ? `${name} 様${kana && `（${kana}）`}` : kana ? `${kana} 様` : '不明'}`,
    ...numberLines(words, { given: '電話番号', line: '発信者番号', withheld: '非通知' }),
    ...line('宛先', person ?? ''),
    ...line('ご用件', form.business),
    `折り返し: ${form.callBack === 'wanted' ? `希望${form.callBackWhen.trim() && `（${form.callBackWhen.trim()}）`}` : 'なし'}`,
    `緊急度: ${form.urgency === 'urgent' ? '至急' : '通常'}`,
    `対応結果: ${outcome}`,
    ...(form.directTransferRequests > 0 ? [`直接転送のご要望: ${form.directTransferRequests}回`] : []),
    ...learnedLines(words, '自動応答での入力'),
    '',
    `報告番号: ${reportId}`,
  ];
}

function english(words: ReportWords): string[] {
  const { form, complete, accountName, person, reportId } = words;
  const kana = form.callerNameKana.trim();
  const name = form.callerName.trim() || kana;
  const when = form.callBackWhen.trim();
  return [
    `To ${accountName}`,
    '',
    complete
      ? 'We have taken a call for you.'
      : 'We have taken a call for you, and the agent did not finish the form. This is what is known.',
    ...corrects(words, 'en-GB', (at) => `This takes the place of the report of ${at}.`),
    '',
    `Received: ${time(words, 'en-GB', words.atMs)}`,
    ...line('Company', form.company),
    `Name: ${name || 'unknown'}${kana && kana !== name ? ` (${kana})` : ''}`,
    ...numberLines(words, { given: 'Phone', line: 'Calling number', withheld: 'withheld' }),
    ...line('For', person ?? ''),
    ...line('Message', form.business),
    `Call back: ${form.callBack === 'wanted' ? `wanted${when && ` (${when})`}` : 'no'}`,
    `Urgency: ${form.urgency}`,
    `Outcome: ${form.outcome === null ? 'not chosen' : outcomeWords.en[form.outcome]}`,
    ...(form.directTransferRequests > 0 ? [`Asked to be put straight through: ${form.directTransferRequests}×`] : []),
    ...learnedLines(words, 'Keyed in before'),
    '',
    `Report: ${reportId}`,
  ];
}

function line(label: string, value: string): string[] {
  const written = value.trim();
  if (written === '') return [];
  return written.includes('\n')
    ? [`${label}:`, ...written.split(/\r?\n/).map((part) => `  ${part}`)]
    : [`${label}: ${written}`];
}

/** The number that the caller gave, and the line's where it is another. */
function numberLines(
  { form, lineNumber }: ReportWords,
  labels: { given: string; line: string; withheld: string },
): string[] {
  const given = writtenNumber(form.phoneNumber.trim());
  const line = lineNumber === undefined ? labels.withheld : writtenNumber(lineNumber);
  if (given === '') return [`${labels.line}: ${line}`];
  return [`${labels.given}: ${given}`, ...(given === line ? [] : [`${labels.line}: ${line}`])];
}

function learnedLines({ learned }: ReportWords, label: string): string[] {
  const entries = Object.entries(learned);
  if (entries.length === 0) return [];
  const shown = entries.map(([key, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    return `  ${key}: ${cut(oneLine(text), maxLearnedCharacters)}`;
  });
  return [`${label}:`, ...shown];
}

/** Somebody else has had the caller since the account was told, and knows better. */
function corrects(words: ReportWords, locale: string, say: (at: string) => string): string[] {
  return words.correctsAtMs === undefined ? [] : [say(time(words, locale, words.correctsAtMs))];
}

function time({ timezone }: ReportWords, locale: string, atMs: number): string {
  return new Intl.DateTimeFormat(locale, {
    ...{ timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'long', day: 'numeric' },
    ...{ weekday: 'short', hour: '2-digit', minute: '2-digit' },
  }).format(atMs);
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

const cut = (text: string, max: number): string => (text.length > max ? `${text.slice(0, max).toWellFormed()}…` : text);
