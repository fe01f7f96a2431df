import type { Words } from './fault.ts';

/** What a value must be, by the English words of its schema. */
interface Expected {
  ja: string;
  example: string;
  /** What is wrong, where "is not …" would say little. */
  wrong?: Words;
}

const expected: Record<string, Expected> = {
  'HH:MM': { ja: 'HH:MM の形の時刻', example: '09:00' },
  'YYYY-MM-DD': { ja: 'YYYY-MM-DD の形の日付', example: '2026-12-31' },
  'a key: 0 to 9, * or #': { ja: 'キー（0〜9、*、#）', example: '1' },
  'of * and #': { ja: '* と # だけ', example: '#' },
  'of 0 to 9, * and #': { ja: '0〜9、*、# だけ', example: '#' },
  'lower-case letters, digits and hyphens': { ja: '英小文字・数字・ハイフン', example: 'dental-desk' },
  'a queue id: lower-case letters, digits and hyphens': {
    ja: '待ち行列の名前（英小文字・数字・ハイフン）',
    example: 'desk',
  },
  'a node id: a letter, then letters, digits, _ or -': {
    ja: 'ノードの名前（英字で始まる英数字・_・-）',
    example: 'main-menu',
  },
  'a variable: a lower-case letter, then letters, digits or _': {
    ja: '変数の名前（英小文字で始まる英数字・_）',
    example: 'orderNumber',
  },
  'a language code of two letters': { ja: '2 文字の言語コード', example: 'ja' },
  'a language code or *': { ja: '2 文字の言語コードか *', example: 'ja' },
  'a time zone like Asia/Tokyo': { ja: 'Asia/Tokyo のようなタイムゾーン', example: 'Asia/Tokyo' },
  'relative to the flow folder': { ja: 'フローのフォルダからの相対パス', example: 'prompts/ja/hello.wav' },
  'like %(400,200,400,450)': { ja: '%(400,200,400,450) のような音', example: '%(400,200,400,450)' },
  'an outcome of your own': {
    ja: '別の結果の名前',
    example: 'completed',
    wrong: { en: 'is given by denwaban itself', ja: 'は電話番が自分で付ける結果です' },
  },
  'at least one key': {
    ja: '少なくとも 1 つのキー',
    example: '{"1": {"goto": "…"}}',
    wrong: { en: 'names no key', ja: 'にはキーがありません' },
  },
  'at least one condition': {
    ja: '少なくとも 1 つの条件',
    example: '{"time": {"from": "09:00", "to": "18:00"}}',
    wrong: { en: 'names no condition', ja: 'には条件がありません' },
  },
};

/** What should stand there, with an example. */
export function expectedWords(what: string): { what: Words; wrong: Words; remedy: Words } {
  const known = expected[what];
  const isNot = { en: `is not ${what}`, ja: `は${known?.ja ?? what}ではありません` };
  if (!known) {
    const remedy = { en: `Write ${what}`, ja: `${what} を書いてください` };
    return { what: { en: what, ja: what }, wrong: isNot, remedy };
  }
  return {
    wrong: known.wrong ?? isNot,
    what: { en: what, ja: known.ja },
    remedy: {
      en: `Write ${what}, such as ${known.example}`,
      ja: `${known.ja}を書いてください（例: ${known.example}）`,
    },
  };
}

/** What was probably meant by a value that is not in its form: 9:00 → 09:00, 2027/5/3 → 2027-05-03, Mon → mon, １ → 1. */
export function rightValue(value: unknown, what: string): string | undefined {
  if (typeof value !== 'string') return undefined;
  const plain = value.normalize('NFKC').trim();
  if (what === 'HH:MM') return rightTime(plain);
  if (what === 'YYYY-MM-DD') return rightDate(plain);
  if (what === 'a key: 0 to 9, * or #') return /^[0-9*#]$/.test(plain) ? plain : undefined;
  const guess = /lower-case letters/.test(what) ? plain.toLowerCase() : plain;
  if (/hyphens|node id/.test(what)) {
    const joined = guess.replace(/[\s_]+/g, '-');
    return /^[A-Za-z][A-Za-z0-9-]{0,62}$/.test(joined) ? joined : undefined;
  }
  return undefined;
}

function rightTime(plain: string): string | undefined {
  const read = /^(午前|午後|am|pm)?\s*(\d{1,2})(?:[:.時]\s*(\d{1,2})?分?)?(半)?\s*(am|pm)?$/i.exec(plain);
  if (!read) return undefined;
  const [, before, hour = '', minute, half, behind] = read;
  const isAfternoon = /午後|pm/i.test(`${before ?? ''}${behind ?? ''}`);
  const hours = Number(hour) + (isAfternoon && Number(hour) < 12 ? 12 : 0);
  const minutes = half ? 30 : Number(minute ?? 0);
  if (hours > 24 || minutes > 59 || (hours === 24 && minutes > 0)) return undefined;
  return `${pad(hours)}:${pad(minutes)}`;
}

function rightDate(plain: string): string | undefined {
  const read =
    /^(\d{4})\s*[/.\-年]\s*(\d{1,2})\s*[/.\-月]\s*(\d{1,2})日?$/.exec(plain) ?? /^(\d{4})(\d{2})(\d{2})$/.exec(plain);
  if (!read) return undefined;
  const [, year, month, day] = read;
  const date = `${year}-${pad(Number(month))}-${pad(Number(day))}`;
  return isCalendarDay(date) ? date : undefined;
}

const pad = (count: number): string => String(count).padStart(2, '0');

/** Whether there is such a day: no 30 February. */
export function isCalendarDay(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === date;
}

const weekdays: Record<string, string> = {
  日: 'sun',
  月: 'mon',
  火: 'tue',
  水: 'wed',
  木: 'thu',
  金: 'fri',
  土: 'sat',
};

/** A weekday as people write it: Mon, Monday, 月, 月曜日. */
export function rightDay(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const plain = value.normalize('NFKC').trim();
  const japanese = /^([日月火水木金土])(曜日?)?$/.exec(plain)?.[1];
  if (japanese) return weekdays[japanese];
  const start = plain.toLowerCase().slice(0, 3);
  return /^[a-z]+\.?$/i.test(plain) && Object.values(weekdays).includes(start) ? start : undefined;
}
