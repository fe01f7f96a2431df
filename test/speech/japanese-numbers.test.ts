import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digitsInKana, numberInKana, numbersInKana } from '../../src/speech/japanese-numbers.ts';
import { espeakNg } from '../../src/speech/synthesizer.ts';
import { plainForEspeak, remedyFor } from '../../src/speech/voice-check.ts';

const said = (text: string) => plainForEspeak(text, 'ja').replaceAll(' の ', 'の');

/** The number that a reading means, read by its parts, so that it shares nothing with how readings are made. */
function meant(reading: string): bigint {
  const units: readonly (readonly [RegExp, bigint])[] = [
    [/^(?:ちょう)/u, 10n ** 12n],
    [/^(?:おく)/u, 10n ** 8n],
    [/^(?:まん)/u, 10n ** 4n],
    [/^(?:せん|ぜん)/u, 1_000n],
    [/^(?:ひゃく|びゃく|ぴゃく)/u, 100n],
    [/^(?:じゅう|じゅっ)/u, 10n],
  ];
  const ones = ['ぜろ', 'い[ちっ]', 'に', 'さん', 'よん', 'ご', 'ろ[くっ]', 'なな', 'は[ちっ]', 'きゅう'];
  let [rest, total, group, one] = [reading, 0n, 0n, 0n];
  while (rest !== '') {
    const unit = units.find(([start]) => start.test(rest));
    const digit = ones.findIndex((start) => new RegExp(`^${start}`, 'u').test(rest));
    const found = unit ? unit[0].exec(rest) : new RegExp(`^${ones[digit] ?? '$^'}`, 'u').exec(rest);
    if (!found) throw new Error(`${reading}: ${rest}`);
    rest = rest.slice(found[0].length);
    if (!unit) one = BigInt(digit);
    else if (unit[1] < 10_000n) [group, one] = [group + (one === 0n ? 1n : one) * unit[1], 0n];
    else [total, group, one] = [total + (group + one) * unit[1], 0n, 0n];
  }
  return total + group + one;
}

describe('a number in a Japanese text that eSpeak NG says', () => {
  it('means what is written, whatever it is', () => {
    const digits = fc
      .integer({ min: 0, max: 15 })
      .chain((power) => fc.bigInt({ min: 0n, max: 10n ** BigInt(power + 1) - 1n }));
    fc.assert(
      fc.property(digits, (value) => meant(numberInKana(String(value))) === value),
      { numRuns: 2_000 },
    );
  });

  it('is said digit by digit where it is too long to count or begins with zero', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^(?:\d{17,40}|0\d{1,15})$/),
        (digits) => numbersInKana(digits) === digitsInKana(digits),
      ),
    );
  });

  it('leaves nothing in digits, and nothing but kana', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^\d{1,20}(?:[.-]\d{1,6}){0,3}$/), (text) =>
        /^[ぁ-んー ]+$/u.test(numbersInKana(text)),
      ),
    );
  });

  it.each(
    Object.entries({
      ...{ 0: 'ぜろ', 4: 'よん', 7: 'なな', 10: 'じゅう', 300: 'さんびゃく', 600: 'ろっぴゃく', 800: 'はっぴゃく' },
      ...{ 1000: 'せん', 3000: 'さんぜん', 8000: 'はっせん', 10000: 'いちまん', 10000000: 'いっせんまん' },
      12345678: 'せんにひゃくさんじゅうよんまんごせんろっぴゃくななじゅうはち',
      ...{
        100000000: 'いちおく',
        1000000000000: 'いっちょう',
        '10兆': 'じゅっちょう',
        '2億3千万円': 'におくさんぜんまんえん',
      },
      ...{
        '１２，３４５円': 'いちまんにせんさんびゃくよんじゅうごえん',
        '￥300': 'さんびゃくえん',
        三百円: 'さんびゃくえん',
      },
      ...{ '1.5': 'いってんご', '0.05': 'れいてんぜろご', '-5': 'マイナスご', 'いまは-5度': 'いまわマイナスごど' },
      ...{
        '3%': 'さんパーセント',
        '３％': 'さんパーセント',
        '3分の1': 'さんぶんのいち',
        '1.5億円': 'いちおくごせんまんえん',
      },
    }),
  )('%s as %s', (text, kana) => expect(said(text)).toBe(kana));

  it.each(
    Object.entries({
      ...{
        '03-1234-5678': 'ぜろさんのいちにさんよんのごろくななはち',
        '０３−１２３４−５６７８': 'ぜろさんのいちにさんよんのごろくななはち',
      },
      ...{
        '03(1234)5678': 'ぜろさんのいちにさんよんのごろくななはち',
        '03 1234 5678': 'ぜろさんのいちにさんよんのごろくななはち',
      },
      '+81-3-1234-5678': 'プラスはちいちのさんのいちにさんよんのごろくななはち',
      ...{
        '0120123456': 'ぜろいちにぜろいちにさんよんごろく',
        '007': 'ぜろぜろなな',
        '100-0001': 'いちぜろぜろのぜろぜろぜろいち',
      },
      ...{ '1-2-3': 'いちのにのさん', '1.2.3': 'いちてんにてんさん', 一一〇番: 'ひゃくとおばん' },
    }),
  )('%s digit by digit as %s', (text, kana) => expect(said(text)).toBe(kana));

  it.each([
    ['日', 'ふつか みっか よっか いつか むいか なのか ようか ここのか とおか じゅういちにち', 2],
    ['にち', 'じゅうよっか じゅうごにち じゅうろくにち じゅうしちにち じゅうはちにち じゅうくにち はつか', 14],
    ['月', 'いちがつ にがつ さんがつ しがつ ごがつ ろくがつ しちがつ はちがつ くがつ じゅうがつ', 1],
    ['時', 'れいじ いちじ にじ さんじ よじ ごじ ろくじ しちじ はちじ くじ じゅうじ', 0],
    ['じ', 'じゅうよじ じゅうごじ じゅうろくじ じゅうしちじ じゅうはちじ じゅうくじ にじゅうじ', 14],
    ['分', 'いっぷん にふん さんぷん よんぷん ごふん ろっぷん ななふん はっぷん きゅうふん じゅっぷん', 1],
    ['人', 'ひとり ふたり さんにん よにん ごにん ろくにん ななにん はちにん きゅうにん じゅうにん', 1],
    ['つ', 'ひとつ ふたつ みっつ よっつ いつつ むっつ ななつ やっつ ここのつ', 1],
    ['回', 'いっかい にかい さんかい よんかい ごかい ろっかい ななかい はっかい きゅうかい じゅっかい', 1],
    ['本', 'いっぽん にほん さんぼん よんほん ごほん ろっぽん ななほん はっぽん きゅうほん じゅっぽん', 1],
    ['歳', 'いっさい にさい さんさい よんさい ごさい ろくさい ななさい はっさい きゅうさい じゅっさい', 1],
    ['円', 'いちえん にえん さんえん よえん', 1],
    ['年', 'にせんにじゅうよねん にせんにじゅうごねん にせんにじゅうろくねん', 2024],
    ['番', 'いちばん にばん さんばん よんばん ごばん ろくばん ななばん はちばん きゅうばん', 1],
  ])('with its counter %s: %s', (counter, readings, first) => {
    const counted = readings.split(' ').map((_reading, index) => said(`${first + index}${counter}`));
    expect(counted.join(' ')).toBe(readings);
  });

  it.each(
    Object.entries({
      ...{
        '9時30分': 'くじさんじゅっぷん',
        '09時05分': 'くじごふん',
        '9じはん': 'くじはん',
        '1時間半': 'いちじかんはん',
      },
      ...{
        '9時〜18時': 'くじからじゅうはちじ',
        '9じ〜ごご6じ': 'くじからごごろくじ',
        '3-5日': 'さんからいつか',
        '1,000-2,000円': 'せんからにせんえん',
        '1.5-2.5': 'いってんごからにてんご',
        '10〜12じ': 'じゅうからじゅうにじ',
      },
      ...{
        '12月1日': 'じゅうにがつついたち',
        '1日3回': 'いちにちさんかい',
        '2026-12-01': 'にせんにじゅうろくねんじゅうにがつついたち',
      },
      ...{
        二〇二六年: 'にせんにじゅうろくねん',
        二五日: 'にじゅうごにち',
        '20歳': 'はたち',
        二十日: 'はつか',
        一番を: 'いちばんを',
      },
      ...{
        '2人前': 'ににんまえ',
        '6ヶ月': 'ろっかげつ',
        '3階': 'さんがい',
        '100分': 'ひゃっぷん',
        '4日間': 'よっかかん',
      },
    }),
  )('%s as %s', (text, kana) => expect(said(text)).toBe(kana));
});

describe('other parts of a Japanese text that eSpeak NG says', () => {
  it.each(
    Object.entries({
      ...{
        こんにちは: 'こんにちわ',
        こんばんは: 'こんばんわ',
        こんにちはみせです: 'こんにちわみせです',
        うけつけは1を: 'うけつけわいちを',
      },
      ...{
        '1はよやく': 'いちわよやく',
        メニューは1: 'メニューわいち',
        'わたし は みせ': 'わたし わ みせ',
        みせへのでんわ: 'みせえのでんわ',
      },
      ...{
        はい: 'はい',
        おはよう: 'おはよう',
        'はは、': 'はは、',
        'いろは。': 'いろは。',
        またはじめから: 'またはじめから',
        へ: 'へ',
      },
      ...{ Aコース: 'エーコース', NTT: 'エヌティーティー', 'A-4': 'エー-よん', りょこう: 'りよこう' },
    }),
  )('%s are given as %s', (text, kana) => expect(said(text)).toBe(kana));

  it('are refused where nobody can tell how they are said', async () => {
    const { unspoken } = espeakNg({ language: 'ja', voice: 'ja' });
    const texts = [
      '1日',
      '13月',
      '14月',
      '9:00',
      '12/1',
      'Wi-Fi',
      'Webサイト',
      '5m',
      '十分',
      '四万十',
      '七五三',
      '〇〇さん',
      '300円',
    ];
    const parts = await Promise.all(texts.map(async (text) => (await unspoken?.(text))?.join(' ')));
    expect(parts).toEqual([
      '1日',
      '13月',
      '14月',
      '9:00',
      '12/1',
      'Wi Fi',
      'Web',
      'm',
      '十分',
      '四万十',
      '七五三',
      '〇〇',
      '',
    ]);
    expect(remedyFor('1日', 'ja').ja).toContain('ついたち');
  });

  it('sound as their kana do, by the voice itself', async () => {
    const { speak } = espeakNg({ language: 'ja', voice: 'ja' });
    const [digits, kana] = [
      '10000えん、03-12。9じ、こんにちは。Aです',
      'いちまんえん、ぜろさん の いちに。くじ、こんにちわ。エーです',
    ];
    expect(
      Buffer.from((await speak(digits)).samples.buffer).equals(Buffer.from((await speak(kana)).samples.buffer)),
    ).toBe(true);
    const phonemes = (text: string) =>
      execFileSync('espeak-ng', ['-q', '-x', '-v', 'ja', '--stdin'], { input: text, encoding: 'utf8' }).trim();
    expect(phonemes(plainForEspeak('10000', 'ja'))).toBe(phonemes('いちまん'));
    expect(phonemes('いちまん')).toMatch(/m'?a.?N/u);
  });

  it('are not touched in English', () => {
    expect(plainForEspeak('Press 1 or call 03-1234-5678 at 10000', 'en')).toBe('Press 1 or call 03-1234-5678 at 10000');
  });
});
