/** Japanese counters (円, 時, 人 …) with the sounds that a number and its counter change in each other. */

interface Counter {
  /** How it is said after most numbers. */
  said: string;
  /**
   * What the end of the number becomes: `k` いっかい ろっかい ひゃっかい, `s` いっさい はっさい, `b` いっぽん さんぼん,
   * `p` いっぷん さんぷん. Without it nothing changes.
   */
  sound?: 'k' | 's' | 'b' | 'p';
  /** Last digits that are said otherwise before it: よじ, くじ. */
  digits?: Readonly<Record<string, string>>;
  /** Numbers that are said as one word with it: ついたち, ひとり. */
  words?: Readonly<Record<string, string>>;
  /** Beyond it the number is none of this kind (a 13th month), and nobody knows how it is meant to be said. */
  max?: number;
  /** A leading zero is not said: 09時. */
  isClock?: boolean;
  /** Kana that would make another word of it: 1じ but not 1じゅん. */
  unless?: string;
}

const days = {
  ...{ 2: 'ふつか', 3: 'みっか', 4: 'よっか', 5: 'いつか', 6: 'むいか', 7: 'なのか', 8: 'ようか', 9: 'ここのか' },
  ...{ 10: 'とおか', 14: 'じゅうよっか', 17: 'じゅうしちにち', 19: 'じゅうくにち', 20: 'はつか' },
  ...{ 24: 'にじゅうよっか', 27: 'にじゅうしちにち', 29: 'にじゅうくにち' },
};
const things = {
  ...{ 1: 'ひとつ', 2: 'ふたつ', 3: 'みっつ', 4: 'よっつ', 5: 'いつつ', 6: 'むっつ', 7: 'ななつ', 8: 'やっつ' },
  9: 'ここのつ',
};
const clockDigits = { 4: 'よ', 7: 'しち', 9: 'く' };
const people = { 1: 'ひとり', 2: 'ふたり' };
const month: Counter = { said: 'がつ', digits: { ...clockDigits, 4: 'し' }, max: 12, isClock: true };
const months: Counter = { said: 'かげつ', sound: 'k' };
const places: Counter = { said: 'かしょ', sound: 'k' };
const minute: Counter = { said: 'ふん', sound: 'p', isClock: true };
const long: Counter = { said: 'ほん', sound: 'b' };
const person: Counter = { said: 'にん', digits: { 4: 'よ' }, words: people };
const age: Counter = { said: 'さい', sound: 's', words: { 20: 'はたち' } };

/** By how they are written, in kanji and, for a voice that is given kana alone, in kana. */
const counters: Readonly<Record<string, Counter>> = {
  円: { said: 'えん', digits: { 4: 'よ' } },
  えん: { said: 'えん', digits: { 4: 'よ' }, unless: 'り|じ|ぴ' },
  番: { said: 'ばん', words: { 110: 'ひゃくとおばん' } },
  番線: { said: 'ばんせん' },
  番地: { said: 'ばんち' },
  時: { said: 'じ', digits: clockDigits, max: 30, isClock: true },
  じ: { said: 'じ', digits: clockDigits, max: 30, isClock: true, unless: '[ゃゅょっ]|かん|ぶん|ど|ん|き' },
  時間: { said: 'じかん', digits: clockDigits },
  じかん: { said: 'じかん', digits: clockDigits },
  分: minute,
  ふん: { ...minute, unless: 'い|と|す' },
  ぷん: minute,
  秒: { said: 'びょう', isClock: true },
  年: { said: 'ねん', digits: { 4: 'よ' } },
  ねん: { said: 'ねん', digits: { 4: 'よ' } },
  年度: { said: 'ねんど', digits: { 4: 'よ' } },
  月: month,
  がつ: month,
  ...{ か月: months, ヶ月: months, ケ月: months, カ月: months, ヵ月: months, 箇月: months, かげつ: months },
  日: { said: 'にち', words: days, isClock: true },
  にち: { said: 'にち', words: { ...days, 1: 'いちにち' }, isClock: true, unless: 'じ|よ' },
  週: { said: 'しゅう', sound: 's' },
  しゅうかん: { said: 'しゅうかん', sound: 's' },
  人: person,
  にん: { ...person, unless: 'げん|しょう|き|む' },
  人前: { said: 'にんまえ', digits: { 4: 'よ' } },
  にんまえ: { said: 'にんまえ', digits: { 4: 'よ' } },
  名: { said: 'めい' },
  名様: { said: 'めいさま' },
  つ: { said: '', words: things, max: 9, unless: 'ぎ|づ' },
  個: { said: 'こ', sound: 'k' },
  こ: { said: 'こ', sound: 'k', unless: '[れちのうこ]' },
  回: { said: 'かい', sound: 'k' },
  かい: { said: 'かい', sound: 'k', unless: '[ぎさしわ]' },
  階: { said: 'かい', sound: 'k', words: { 3: 'さんがい' } },
  ...{ か所: places, ヶ所: places, ケ所: places, カ所: places, 箇所: places, かしょ: places },
  件: { said: 'けん', sound: 'k' },
  ...{ 本: long, ほん: { ...long, unless: 'と|じ' }, ぼん: long, ぽん: long },
  杯: { said: 'はい', sound: 'b' },
  匹: { said: 'ひき', sound: 'b' },
  泊: { said: 'はく', sound: 'p' },
  ...{ 歳: age, 才: age, さい: { ...age, unless: 'し|ご' } },
  冊: { said: 'さつ', sound: 's' },
  点: { said: 'てん', sound: 's' },
  通: { said: 'つう', sound: 's' },
  丁目: { said: 'ちょうめ', sound: 's' },
  ちょうめ: { said: 'ちょうめ', sound: 's' },
  枚: { said: 'まい' },
  台: { said: 'だい' },
  度: { said: 'ど' },
  倍: { said: 'ばい' },
  割: { said: 'わり' },
  号: { said: 'ごう' },
  号室: { said: 'ごうしつ' },
  号線: { said: 'ごうせん' },
  号車: { said: 'ごうしゃ' },
};

/** What may follow a counter and is always said alike. */
const followers = new Map(Object.entries({ 間: 'かん', 目: 'め', 半: 'はん', 前: 'まえ' }));

const written = Object.entries(counters)
  .sort(([a], [b]) => b.length - a.length)
  .map(([name, { unless }]) => (unless ? `${name}(?!${unless})` : name))
  .join('|');

/** Matches a counter, and what may follow it, as the source of an expression with two groups. */
export const counterSource = `(?:(${written})([間目半前]?)(?!\\p{Script=Han}))`;

const doubled: readonly (readonly [end: string, said: string, sounds: string])[] = [
  ['いち', 'いっ', 'ksbp'],
  ['ろく', 'ろっ', 'kbp'],
  ['はち', 'はっ', 'ksbp'],
  ['じゅう', 'じゅっ', 'ksbp'],
  ['ひゃく', 'ひゃっ', 'kbp'],
  ['びゃく', 'びゃっ', 'kbp'],
  ['ぴゃく', 'ぴゃっ', 'kbp'],
];
const hard: Readonly<Record<string, string>> = { は: 'ぱ', ひ: 'ぴ', ふ: 'ぷ', ほ: 'ぽ' };
const soft: Readonly<Record<string, string>> = { は: 'ば', ひ: 'び', ふ: 'ぶ', ほ: 'ぼ' };

/** Whether a leading zero before this counter is written and not said: 09時. */
export function isClockCounter(name: string): boolean {
  return counters[name]?.isClock === true;
}

/**
 * A number with its counter as it is said. Undefined: nobody can tell how (13月, 10つ).
 * `digits` holds no leading zero, `said` is its reading alone.
 */
export function countInKana(digits: string, said: string, name: string, follower = ''): string | undefined {
  const counter = counters[name];
  if (!counter || (counter.max !== undefined && Number(digits) > counter.max)) return undefined;
  const after = followers.get(follower) ?? '';
  const isServing = name === '人' && follower === '前';
  const word = isServing ? undefined : counter.words?.[digits];
  if (word !== undefined) return word + after;
  if (counter.said === '' || (counter.isClock && counter.max === 12 && digits === '0')) return undefined;
  if (name === '時' && digits === '0') return `れいじ${after}`;
  if (name === '日' && digits === '1') return undefined;
  if (name === '日' && /\d4$/.test(digits)) return `${said.slice(0, -'よん'.length)}よっか${after}`;
  const last = counter.digits?.[digits.at(-1) ?? ''];
  const plain = last === undefined ? said : said.replace(/(?:よん|なな|きゅう)$/u, last);
  return joined(plain, counter) + after;
}

function joined(number: string, { said, sound }: Counter): string {
  if (!sound) return number + said;
  const head = said[0] ?? '';
  const change = doubled.find(([end, , sounds]) => sounds.includes(sound) && number.endsWith(end));
  const isHard = change !== undefined || (sound === 'p' && /(?:さん|よん|せん|ぜん|まん)$/u.test(number));
  const isSoft = sound === 'b' && /(?:さん|せん|ぜん|まん)$/u.test(number);
  const first = isHard ? (hard[head] ?? head) : isSoft ? (soft[head] ?? head) : head;
  const start = change ? number.slice(0, -change[0].length) + change[1] : number;
  return start + first + said.slice(1);
}
