import type { CallFact } from '../kernel/call-fact.ts';
import { toRfc3339 } from '../kernel/clock.ts';
import { callerNumberOf, type ReportLanguage, writtenNumber } from './intake-words.ts';
import type { Voicemail } from './voicemail.ts';

export const defaultTimezone = 'Asia/Tokyo';

/** What the report of a message is made of. */
export interface VoicemailWords {
  voicemail: Voicemail;
  accountName: string;
  language: ReportLanguage;
  timezone: string;
  caller: VoicemailCaller;
  /** Undefined: the recording is not to be found. */
  link: { url: string; expiresAtMs: number } | undefined;
  /** The sound comes with it where it goes by mail. */
  isAttached: boolean;
  /** There was no room for all that was said; undefined: all of it is there. */
  incomplete: 'cut-short' | 'missing' | undefined;
}

/** What the call's facts say of who left the message. */
export interface VoicemailCaller {
  /** Normalised; undefined where withheld. */
  number: string | undefined;
  /** The number that was dialled. */
  dialled: string;
  /** What was keyed in before, in order. Personal data. */
  digits: { nodeId: string; digits: string }[];
}

/** Reads who left a message from the facts of the call. */
export function voicemailCaller(facts: readonly CallFact[]): VoicemailCaller {
  const opening = facts.find((fact) => fact.type === 'offered' && fact.kind === 'caller');
  const digits = facts.flatMap((fact) =>
    fact.type === 'digits' ? [{ nodeId: fact.nodeId, digits: fact.digits }] : [],
  );
  if (opening?.type !== 'offered') return { number: undefined, dialled: '', digits };
  const { from, to, direction } = opening;
  // Who is called back is whom we dialled.
  const [caller, dialled] = direction === 'outbound' ? [to, from] : [from, to];
  return { number: callerNumberOf(caller), dialled, digits };
}

/** One line that says who left a message. */
export function voicemailSubject({ caller, language }: VoicemailWords): string {
  const number = caller.number === undefined ? undefined : writtenNumber(caller.number);
  if (language === 'ja') return `${number ?? '非通知の方'}より留守番電話のメッセージ`;
  return `Message left by ${number ?? 'a caller who withholds the number'}`;
}

/** The whole report as text. */
export function voicemailText(words: VoicemailWords): string {
  return `${(words.language === 'ja' ? japanese(words) : english(words)).join('\n')}\n`;
}

function japanese(words: VoicemailWords): string[] {
  const { voicemail, accountName, caller, link, isAttached, incomplete } = words;
  return [
    `${accountName} 御中`,
    '',
    incomplete === 'missing'
      ? 'メッセージを残そうとされた方がいらっしゃいますが、システムの空き容量が足りず、録音できませんでした。'
      : '留守番電話にメッセージが録音されましたので、ご報告いたします。',
    ...(incomplete === 'cut-short' ? ['システムの空き容量が足りず、録音は途中で切れています。'] : []),
    '',
    `録音日時: ${time(words, 'ja-JP', voicemail.atMs)}`,
    `発信者番号: ${caller.number === undefined ? '非通知' : writtenNumber(caller.number)}`,
    ...(caller.dialled === '' ? [] : [`着信番号: ${writtenNumber(caller.dialled)}`]),
    ...(link ? [`録音の長さ: ${Math.max(1, Math.round(voicemail.durationMs / 1_000))}秒`] : []),
    ...digitLines(caller, '自動応答での入力'),
    '',
    ...(isAttached ? ['メールでお受け取りの場合は、録音を添付しています。'] : []),
    ...(link
      ? [
          `録音を聞く: ${link.url}`,
          `（このリンクを知っている人は、${time(words, 'ja-JP', link.expiresAtMs)} まで聞くことができます）`,
        ]
      : [incomplete ? '録音はありません。' : '録音ファイルが見つかりませんでした。']),
    '',
    `録音番号: ${voicemail.recordingId}`,
  ];
}

function english(words: VoicemailWords): string[] {
  const { voicemail, accountName, caller, link, isAttached, incomplete } = words;
  return [
    `To ${accountName}`,
    '',
    incomplete === 'missing'
      ? 'A caller wanted to leave you a message. It could not be recorded: the system had no room left.'
      : 'A caller has left you a message.',
    ...(incomplete === 'cut-short' ? ['The recording is cut short: the system had no room left for more.'] : []),
    '',
    `Recorded: ${time(words, 'en-GB', voicemail.atMs)}`,
    `Calling number: ${caller.number === undefined ? 'withheld' : writtenNumber(caller.number)}`,
    ...(caller.dialled === '' ? [] : [`Number called: ${writtenNumber(caller.dialled)}`]),
    ...(link ? [`Length: ${Math.max(1, Math.round(voicemail.durationMs / 1_000))} s`] : []),
    ...digitLines(caller, 'Keyed in before'),
    '',
    ...(isAttached ? ['In mail the recording is attached.'] : []),
    ...(link
      ? [`Listen: ${link.url}`, `(Whoever has this link can listen until ${time(words, 'en-GB', link.expiresAtMs)}.)`]
      : [incomplete ? 'There is no recording.' : 'The recording could not be found.']),
    '',
    `Recording: ${voicemail.recordingId}`,
  ];
}

function digitLines({ digits }: VoicemailCaller, label: string): string[] {
  if (digits.length === 0) return [];
  return [`${label}:`, ...digits.map(({ nodeId, digits: keyed }) => `  ${nodeId}: ${keyed}`)];
}

function time({ timezone }: VoicemailWords, locale: string, atMs: number): string {
  return new Intl.DateTimeFormat(locale, {
    ...{ timeZone: timezone, hourCycle: 'h23', year: 'numeric', month: 'long', day: 'numeric' },
    ...{ weekday: 'short', hour: '2-digit', minute: '2-digit' },
  }).format(atMs);
}

/** What a webhook finds in `data.fields`. Names and shapes here are a promise: add, never change. */
export function voicemailFields({ voicemail, caller, link, incomplete }: VoicemailWords): Record<string, unknown> {
  const { recordingId, callId, accountId, atMs, durationMs } = voicemail;
  return {
    ...{ recordingId, callId, accountId },
    recordedAt: toRfc3339(atMs),
    durationMs,
    incomplete: incomplete ?? null,
    caller: { lineNumber: caller.number ?? null },
    dialled: caller.dialled,
    digits: caller.digits,
    recordingUrl: link?.url ?? null,
    recordingUrlExpiresAt: link ? toRfc3339(link.expiresAtMs) : null,
  };
}

/** By the time, so that files lie in order: `message-20260105-101530.wav`. */
export function recordingFileName(atMs: number, timeZone = defaultTimezone): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  }).formatToParts(atMs);
  const of = (...types: Intl.DateTimeFormatPartTypes[]) =>
    types.map((type) => parts.find((part) => part.type === type)?.value ?? '').join('');
  return `message-${of('year', 'month', 'day')}-${of('hour', 'minute', 'second')}.wav`;
}
