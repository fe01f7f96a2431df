import { numbersInKana } from './japanese-numbers.ts';

/**
 * Japanese as eSpeak NG has to be given it: it reads each kana by itself and takes what is beside them for English, so
 * numbers, particles and letters are written here as they are said.
 */
export function kanaForEspeak(text: string): string {
  return numbersInKana(lettersInKana(particlesAsSaid(text))).replace(
    /([りリ])([ゃゅょャュョ])/gu,
    // Its りょ is "ryao", its りゅ "ryau": りよこう is nearer to りょこう than りゃおこう.
    (_all, start: string, end: string) => start + (large[end] ?? end),
  );
}

const large: Readonly<Record<string, string>> = { ゃ: 'や', ゅ: 'ゆ', ょ: 'よ', ャ: 'ヤ', ュ: 'ユ', ョ: 'ヨ' };

/** What behind は makes another word of it: はい, はじめ, はん. */
const noParticle = '(?!い(?![かまつち])|じ[めま]|っ|ず|ん|ば|こ[ぶん]|く(?![るれ])|つ|ち|らい)';
/** What behind へ does: へや, へん. */
const noTowards = '(?!や|ん|い|ら|り|る|こ|そ|た)';
const otherScript = '(?<=[\\d\\p{Script=Han}\\p{Script=Katakana}A-Za-z%ー])';
const afterOtherScript = new RegExp(`${otherScript}は${noParticle}`, 'gu');
const towardsAfterOtherScript = new RegExp(`${otherScript}へ${noTowards}`, 'gu');

/**
 * Words and phrases whose は or へ is the particle, wherever they stand. In the middle of other hiragana nothing tells
 * よやくは (the booking) from よやく、はい (booking, yes): there a space or a comma does.
 */
const topics = [
  'こんにち|こんばん|また|ある[いひ]|もしく|ないし|それで|[のた]かた|から|まで|につい?て|によって',
  'こちら|そちら|あちら|わたし|わたくし|これ|それ|あれ|きょう|ほんじつ|ただいま|ばあい|とき|さま',
  'ようけん|じかん|でんわ|ばんごう|とうてん|とうしゃ|とういん',
].join('|');
const places = 'こちら|そちら|あちら|どちら|さま|さん|ほう|かた|まえ|うえ|した|ところ|がわ';
const topic = new RegExp(`(?<=${topics})は${noParticle}`, 'gu');
const towards = new RegExp(`(?<=${places})へ${noTowards}|(?<=[ぁ-ゖ])へ(?=[のも])`, 'gu');
const negated = /(?<=で|に)は(?=ありま|ございま|な[いくか]|なりま|ならな)/gu;
const atEnd = /([ぁ-ゖァ-ヺー]*)([はへ])(?![ぁ-ゖー]|(?![〇一二三四五六七八九十])\p{Script=Han})/gu;

/** A は or へ that ends a word, follows a digit, a kanji counter, a letter or katakana, or is in a known phrase. */
function particlesAsSaid(text: string): string {
  return text
    .replace(afterOtherScript, 'わ')
    .replace(towardsAfterOtherScript, 'え')
    .replace(atEnd, (all, word: string, particle: string, at: number) => {
      const isAlone = word === '' && !/[ぁ-ゖァ-ヺー\p{Script=Han}]\s$/u.test(text.slice(0, at));
      // はは (mother), いろは and a lone は or へ are words.
      if (isAlone || word.endsWith('は') || word === 'いろ') return all;
      return word + (particle === 'は' ? 'わ' : 'え');
    })
    .replace(topic, 'わ')
    .replace(negated, 'わ')
    .replace(towards, 'え');
}

const names = {
  ...{ A: 'エー', B: 'ビー', C: 'シー', D: 'ディー', E: 'イー', F: 'エフ', G: 'ジー', H: 'エイチ', I: 'アイ' },
  ...{ J: 'ジェー', K: 'ケー', L: 'エル', M: 'エム', N: 'エヌ', O: 'オー', P: 'ピー', Q: 'キュー', R: 'アール' },
  ...{ S: 'エス', T: 'ティー', U: 'ユー', V: 'ブイ', W: 'ダブリュー', X: 'エックス', Y: 'ワイ', Z: 'ゼット' },
} as Readonly<Record<string, string>>;
const words: Readonly<Record<string, string>> = { FAX: 'ファックス', WEB: 'ウェブ', TEL: 'でんわ' };

/**
 * Letters by their names in Japanese, where people say them letter by letter (A, NTT, HTML). A word (OPEN, Wi-Fi), and a
 * unit behind a number (5m), stay, and are refused: eSpeak spells those in English, or leaves out what is beside them.
 */
function lettersInKana(text: string): string {
  return text.replace(/[A-Za-z]+(?:['’-][A-Za-z]+)*/gu, (word, at: number) => {
    const parts = word.split('-');
    const isUnit = /^[a-z]/.test(word) && /\d$/.test(text.slice(0, at));
    if (isUnit || !parts.every(isSaidByLetters)) return word;
    return parts
      .map((part) => words[part] ?? [...part].map((letter) => names[letter.toUpperCase()]).join(''))
      .join(' ');
  });
}

function isSaidByLetters(part: string): boolean {
  return /^(?:[A-Z]{1,3}|[B-DF-HJ-NP-TV-Z]{4,6}|[a-z])$/.test(part) || words[part] !== undefined;
}
