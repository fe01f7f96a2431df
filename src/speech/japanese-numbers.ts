import { counterSource, countInKana, isClockCounter } from './japanese-counters.ts';

/**
 * Numbers in Japanese texts, written out in kana as they are said: eSpeak NG counts in thousands (10000 is じゅうせん) and
 * knows neither さんびゃく nor くじ. What cannot be told (1日 may be ついたち or いちにち) stays in digits.
 */

const ones = ['ぜろ', 'いち', 'に', 'さん', 'よん', 'ご', 'ろく', 'なな', 'はち', 'きゅう'];
const hundreds = ['', 'ひゃく', 'にひゃく', 'さんびゃく', 'よんひゃく', 'ごひゃく', 'ろっぴゃく', 'ななひゃく'];
hundreds.push('はっぴゃく', 'きゅうひゃく');
const thousands = [
  '',
  'せん',
  'にせん',
  'さんぜん',
  'よんせん',
  'ごせん',
  'ろくせん',
  'ななせん',
  'はっせん',
  'きゅうせん',
];
const large = ['', 'まん', 'おく', 'ちょう'];
const digitsMax = 16;

/** A whole number as it is counted; digit by digit where it begins with zero, or is too long for anybody to count. */
export function numberInKana(digits: string): string {
  if (digits.length > digitsMax || /^0\d/.test(digits)) return digitsInKana(digits);
  if (digits === '0') return 'ぜろ';
  const padded = digits.padStart(digitsMax, '0');
  return large
    .map((_unit, power) => groupInKana(padded.slice(digitsMax - 4 * power - 4, digitsMax - 4 * power), power))
    .reverse()
    .join('');
}

/** Each digit for itself, as telephone numbers are said. */
export function digitsInKana(digits: string): string {
  return [...digits].map((digit) => ones[Number(digit)] ?? '').join('');
}

/** Four digits with 万, 億 or 兆: いっせんまん but せん, いっちょう but いちおく. */
function groupInKana(group: string, power: number): string {
  if (group === '0000') return '';
  const [thousand = 0, hundred = 0, ten = 0, one = 0] = [...group].map(Number);
  const tens = ten === 0 ? '' : `${ten === 1 ? '' : ones[ten]}じゅう`;
  const said = `${thousands[thousand]}${hundreds[hundred]}${tens}${one === 0 ? '' : ones[one]}`;
  if (power === 0) return said;
  if (group === '1000') return `いっせん${large[power]}`;
  if (power < 3) return said + large[power];
  return (
    said
      .replace(/いち$/u, 'いっ')
      .replace(/はち$/u, 'はっ')
      .replace(/じゅう$/u, 'じゅっ') + large[power]
  );
}

/** 1.5 is いってんご, 10.05 じゅってんぜろご. */
function decimalInKana(digits: string, fraction: string): string {
  const whole = digits === '0' ? 'れい' : numberInKana(digits);
  const start = whole
    .replace(/いち$/u, 'いっ')
    .replace(/はち$/u, 'はっ')
    .replace(/じゅう$/u, 'じゅっ');
  return `${start}てん${digitsInKana(fraction)}`;
}

/** A text of half-width digits and signs, with all numbers in kana whose reading is sure. */
export function numbersInKana(text: string): string {
  const dated = withKanjiNumbers(text)
    .replace(/(?<=\d)[‐-―−ー](?=\d)/gu, '-')
    .replace(isoDate, (_date, year: string, _sign, month: string, day: string) => `${year}年${+month}月${+day}日`);
  // Times and dates that are written for the eye (9:00, 12/1) are refused, so their digits stay.
  return dated
    .split(/(\d+(?:[:/]\d+)+)/u)
    .map((part, index) => (index % 2 === 1 ? part : sayNumbers(part)))
    .join('');
}

const isoDate = /(?<![\d-])((?:19|20)\d\d)([-/])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?![\d/-])/gu;

function sayNumbers(text: string): string {
  return sayRanges(sayTelephones(text))
    .replace(/\d+(?:[.-]\d+)+/gu, (groups) => (/^\d+\.\d+$/.test(groups) ? groups : groupsInKana(groups)))
    .replace(/(\d+)(?:分|ぶん)の(?=\d)/gu, (_all, digits: string) => `${numberInKana(digits)}ぶんの`)
    .replace(/(?<=月|がつ|(?:まい|こん|らい|せん|よく)げつの?|まいつき)1日/gu, 'ついたち')
    .replace(/(?<!\d)1日(?=\d|間|目|かん|め|あた|おき|じゅう|ごと)/gu, 'いちにち')
    .replace(number, sayNumber);
}

/** 03-1234-5678 and 1.2.3: each digit for itself, and the signs between them. */
function groupsInKana(groups: string): string {
  return groups.replace(/\d+/gu, digitsInKana).replaceAll('-', ' の ').replaceAll('.', 'てん');
}

/** 03(1234)5678, 03 1234 5678 and +81 3 1234 5678 are telephone numbers as much as those with hyphens. */
function sayTelephones(text: string): string {
  return text
    .replace(/(?<![\d-])(0\d{1,4})\((\d{1,4})\)(\d{3,4})(?!\d)/gu, '$1-$2-$3')
    .replace(/(?<!\d)(0\d{1,4}) (\d{1,4}) (\d{3,4})(?!\d)/gu, '$1-$2-$3')
    .replace(/\+(\d{1,3}(?:[ -]?\d+)+)/gu, (all, groups: string) =>
      groups.replace(/\D/g, '').length < 8 ? all : `プラス${groups.split(/\D/).map(digitsInKana).join(' の ')}`,
    );
}

/** 3-5日 and 9時〜18時 are from one to the other; the signs alone would be a pause. */
function sayRanges(text: string): string {
  const counted = new RegExp(`(?<![\\d-])([1-9]\\d?)-(?=[1-9]\\d?(?!\\d|-|番|号|丁)${counterSource})`, 'gu');
  return text
    .replace(counted, '$1から')
    .replace(
      /(?<![\d.-])(\d+\.\d+|\d{1,3}(?:,\d{3})+|[1-9]\d*(?=-[1-9]\d*(?:円|えん|%)))-(?=\d[\d.,]*(?![\d.,-]))/gu,
      '$1から',
    )
    .replace(/(?<=\d)\s*〜\s*(?=\d)/gu, 'から')
    .replace(/(?<=\d[円番時分秒年月日週人名個回階件本枚台度歳階間]+)\s*[〜-]\s*(?=\d|ごご|ごぜん|よく)/gu, 'から')
    .replace(/(?<=\d(?:じ|ふん|ぷん|えん|にち|がつ|ばん|にん|かい|%))\s*[〜-]\s*(?=\d|ごご|ごぜん|よく)/gu, 'から');
}

const number = new RegExp(
  `(¥)?((?<=^|[\\s(「、。〜]|\\p{Script=Hiragana})[-−](?=\\d))?(\\d{1,3}(?:,\\d{3})+(?![,\\d])|\\d+)(?:\\.(\\d+))?(%|${counterSource})?`,
  'gu',
);

function sayNumber(all: string, ...found: (string | undefined)[]): string {
  const [yen, minus, grouped = '', fraction, unit = '', counter, follower] = found;
  const written = grouped.replaceAll(',', '');
  const digits = counter !== undefined && isClockCounter(counter) ? written.replace(/^0+(?=\d)/, '') : written;
  const said = fraction === undefined ? numberInKana(digits) : decimalInKana(digits, fraction);
  const start = minus ? 'マイナス' : '';
  if (yen) return `${start}${countInKana(digits, said, '円') ?? said}${unit === '円' ? '' : unit}`;
  if (unit === '%') return `${start}${said}パーセント`;
  if (counter === undefined) return start + said;
  // Of 1.5時間 the counter follows a fraction: its digit changes as that of a whole number does.
  const counted = countInKana(fraction === undefined ? digits : `${digits}.${fraction}`, said, counter, follower);
  return counted === undefined ? all : start + counted;
}

const kanjiDigits = '〇一二三四五六七八九';
const kanjiOnes: Readonly<Record<string, string>> = { 零: '〇', 壱: '一', 弐: '二', 参: '三' };
const small: Readonly<Record<string, bigint>> = { 十: 10n, 百: 100n, 千: 1_000n };
const big: Readonly<Record<string, bigint>> = { 万: 10_000n, 億: 100_000_000n, 兆: 1_000_000_000_000n };
/** Words and names that are written like numbers and said otherwise, or may be. */
const notNumbers = /^(?:四万十|八百万|七五三|百|千|〇+|[百千]千)$/u;
const afterKanji = new RegExp(`^(?:${counterSource}|(?:を|が|から|まで|です|と|も|の|は|で|に|、|。|\\s|$))`, 'u');

/** Numbers in kanji, wholly (三百円) or in part (2億3千万), in digits; those that may be words or names stay. */
function withKanjiNumbers(text: string): string {
  const places =
    /(?:\d[\d,]*(?:\.\d+)?)?[〇零一二三四五六七八九十百千万億兆][\d,〇零一二三四五六七八九十百千万億兆]*/gu;
  return text.replace(places, (part, at: number) => {
    const after = text.slice(at + part.length);
    const isMixed = /\d/.test(part);
    if (!isMixed && (/\p{Script=Han}$/u.test(text.slice(0, at)) || !afterKanji.test(after))) return part;
    if (isMixed ? /[〇零一二三四五六七八九]/u.test(part) : isDoubtful(part, after)) return part;
    const plain = [...part].map((sign) => kanjiOnes[sign] ?? sign).join('');
    if (/^[〇一二三四五六七八九]+$/u.test(plain)) {
      return [...plain].map((sign) => String(kanjiDigits.indexOf(sign))).join('');
    }
    return kanjiValueOf(plain)?.toString() ?? part;
  });
}

function isDoubtful(part: string, after: string): boolean {
  if (/^百|^千/u.test(part) && part.length === 1 && new RegExp(`^${counterSource}`, 'u').test(after)) return false;
  // じゅうぶん or じゅっぷん, ごぶごぶ.
  if ((part === '十' && after.startsWith('分')) || /^分[一二三四五六七八九]分/u.test(after)) return true;
  if (notNumbers.test(part)) return true;
  // 二三 and 一二三 are "two or three" and names; with a counter (二五日) or a zero they are numbers.
  return /^[一二三四五六七八九]{2,}$/u.test(part) && !new RegExp(`^${counterSource}`, 'u').test(after);
}

/** The value of a number with 十百千 and 万億兆. Undefined: it is not written as one. */
function kanjiValueOf(written: string): bigint | undefined {
  let total = 0n;
  let bigBefore = 10n ** 16n;
  for (const [all, part = '', unit = ''] of written.matchAll(/([^万億兆]*)([万億兆]?)/gu)) {
    if (all === '') continue;
    const factor = unit === '' ? 1n : (big[unit] ?? 1n);
    const value = smallValueOf(part, factor);
    if (value === undefined || value === 0n || factor >= bigBefore) return undefined;
    total += value;
    bigBefore = factor;
  }
  return total;
}

/** The value of what stands before 万, 億 or 兆, times that: 1.5 and 億 are 150000000. */
function smallValueOf(written: string, factor: bigint): bigint | undefined {
  const whole = /^(\d[\d,]*)(?:\.(\d+))?$/u.exec(written);
  if (whole) {
    const [, digits = '', fraction = ''] = whole;
    const scaled = BigInt(digits.replaceAll(',', '') + fraction) * factor;
    const scale = 10n ** BigInt(fraction.length);
    return scaled % scale === 0n ? scaled / scale : undefined;
  }
  let total = 0n;
  let before = 10_000n;
  for (const [all, digit = '', unit = ''] of written.matchAll(/(\d+|[一二三四五六七八九]?)([十百千]?)/gu)) {
    if (all === '') continue;
    const size = unit === '' ? 1n : (small[unit] ?? 1n);
    if (size >= before || (size === 1n && before === 1n)) return undefined;
    total += size * (digit === '' ? 1n : /\d/.test(digit) ? BigInt(digit) : BigInt(kanjiDigits.indexOf(digit)));
    before = size;
  }
  return [...written].every((sign) => /[\d一二三四五六七八九十百千]/u.test(sign)) ? total * factor : undefined;
}
