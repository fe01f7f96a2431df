import { kanaForEspeak } from './japanese-kana.ts';

/** What a voice would leave out of a text, or read so that nobody understands it. */

/** Written for pauses and for the eye: nobody misses a word for it. */
const pauses = /^[\s\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}、。，．,.!?！？:;：；…‥・･'"`´＂＇｀_＿|｜／/〜～~−]+$/u;
const noPause = /[^\s\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}、。，．,.!?！？:;：；…‥・･'"`´＂＇｀_＿|｜／/〜～~−]/gu;

/**
 * Words and signs that Open JTalk leaves out, by its trace (`-ot`): of what it has no words for it makes a pause, and of a
 * word it spells it says the letters that it knows. 9:00 comes as nine, zero, zero; 月〜金 as moon, gold.
 */
export function unspokenByTrace(text: string, trace: string): string[] {
  const from = trace.indexOf('[Text analysis result]');
  const lines = trace.slice(from < 0 ? 0 : trace.indexOf('\n', from), trace.indexOf('[Output label]')).split('\n');
  const parts = lines.flatMap((line) => {
    const fields = line.split(',');
    const [surface = '', kind] = fields;
    if (fields.length < 10) return [];
    const said = fields.at(9);
    if (kind === 'フィラー')
      return surface.match(/[^\p{ASCII}Ａ-Ｚａ-ｚ０-９\p{Script=Hiragana}\p{Script=Katakana}ー]+/gu) ?? [];
    if (said !== '、' && said !== '*' && said !== '') return [];
    return pauses.test(surface) ? [] : [(surface.match(noPause) ?? []).join('')];
  });
  return [...new Set([...parts, ...misread(text)])];
}

/** Times and days in a way that is written but not said. */
function misread(text: string): string[] {
  const times = text.match(/(?<![\d０-９])[\d０-９]{1,2}[:：][\d０-９]{2}(?![\d０-９])/gu) ?? [];
  const days =
    text.match(/(?<![\d０-９一二三四五六七八九十])[月火水木金土日][〜～~ー\-－][月火水木金土日](?!\p{Script=Han})/gu) ??
    [];
  return [...times, ...days];
}

/**
 * Signs that eSpeak NG says nothing for, or in English, and letters that it names instead of reading. `text` is what
 * `plainForEspeak` made: of Japanese, digits and letters are there only where nobody can tell how they are said.
 */
export function unspokenByEspeak(language: string, text: string): string[] {
  const readable =
    language === 'ja'
      ? /[\p{Script=Hiragana}\p{Script=Katakana}ー]/u
      : /[\p{Script=Latin}\p{M}\p{Nd}#*%&+=@$€£¥°½¼¾™©®<>\\^•]/u;
  const odd = language === 'ja' ? [...new Set([...misread(text), ...(text.match(/\d+(?:[:/]\d+)+/gu) ?? [])])] : [];
  const rest = odd.reduce((left, part) => left.replaceAll(part, ' '), text);
  const parts: string[] = [];
  let part = '';
  for (const character of rest) {
    const isSaid = pauses.test(character) || (readable.test(character) && !/[ゝゞヽヾ゛゜゠]/.test(character));
    if (!isSaid) part += character;
    if (isSaid && part !== '') parts.push(part);
    if (isSaid) part = '';
  }
  if (part !== '') parts.push(part);
  return [...new Set([...parts, ...odd])];
}

/** Words of a text, for a voice that is asked word by word. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.match(/[\p{L}\p{M}ー]+/gu) ?? [])];
}

/**
 * What sounds the same and is read: full-width digits and letters, half-width kana, the dot between foreign words; of
 * Japanese, numbers, particles and letters in kana.
 */
export function plainForEspeak(text: string, language: string): string {
  const plain = text
    .replace(/[！-～｡-ﾟ㌀-㍗㋐-㋾]+/gu, (part) => part.normalize('NFKC'))
    .replace(/[・]/gu, ' ')
    .replace(/~/g, '〜');
  return language === 'ja' ? kanaForEspeak(plain.replace(/￥/gu, '¥')) : plain;
}

/**
 * As eSpeak NG is to be given a Japanese text: a wave that draws out no sound and a stroke between words are pauses,
 * which it would name ("Japanese letter", "slash").
 */
export function plainForEspeakInJapanese(text: string): string {
  return plainForEspeak(text, 'ja')
    .replace(/(?<![\p{Script=Hiragana}\p{Script=Katakana}ー])〜/gu, ' ')
    .replaceAll('/', ' ');
}

/** There is nothing in it that any voice says: callers would hear silence. */
export function isSilence(text: string): boolean {
  const visible = text.replace(/[\p{Cc}\p{Cf}]/gu, '');
  return visible === '' || pauses.test(visible);
}

/** What would be right in place of a part that is not said, in English and Japanese. */
export function remedyFor(part: string, language: string): { en: string; ja: string } {
  if (language !== 'ja') {
    return {
      en: `Write in words what is to be said instead of ${part}`,
      ja: `「${part}」の代わりに読み上げる言葉を書いてください`,
    };
  }
  const words = [...part].map((sign) => better.get(sign)).filter((word) => word !== undefined);
  if (/[:：]/.test(part) && /\d|[０-９]/u.test(part)) {
    return { en: 'Write the time as it is said: 9時, 9時30分', ja: '時刻は「9時」「9時30分」のように書いてください' };
  }
  if (part === '1日')
    return { en: 'Write ついたち (the first) or いちにち (one day)', ja: '「ついたち」か「いちにち」と書いてください' };
  if (/^\d+(?:\/\d+)+$/.test(part)) {
    return { en: 'Write it as it is said: 12月1日, 3分の1', ja: '「12月1日」「3分の1」のように書いてください' };
  }
  if (/^[月火水木金土日].[月火水木金土日]$/u.test(part)) {
    const said = `${part[0]}曜から${part.at(-1)}曜`;
    return { en: `Write it as it is said: ${said}`, ja: `「${said}」のように書いてください` };
  }
  if (words.length > 0) {
    const said = [...part].map((sign) => better.get(sign) ?? sign).join('');
    return { en: `Write ${said}, or the reading in kana`, ja: `「${said}」と書くか、読みをかなで書いてください` };
  }
  return { en: 'Write its reading in kana', ja: '読みをかなで書いてください' };
}

/** What people mean by signs and by old forms of kanji, as voices read it. */
const better = new Map(
  Object.entries({
    '＃': 'シャープ',
    '#': 'シャープ',
    '♯': 'シャープ',
    '＊': '米印',
    '*': '米印',
    '※': '米印',
    '㈱': '株式会社',
    '㍿': '株式会社',
    '㈲': '有限会社',
    '℡': '電話',
    '☎': '電話',
    '%': 'パーセント',
    '％': 'パーセント',
    '&': 'アンド',
    '＆': 'アンド',
    '〒': '郵便番号',
    '№': 'ナンバー',
    '￥': '円',
    '㎡': '平方メートル',
    '㎏': 'キログラム',
    '㎞': 'キロメートル',
    '→': 'から',
    髙: '高',
    﨑: '崎',
    濵: '浜',
    濱: '浜',
    𠮷: '吉',
    德: '徳',
    邊: '辺',
    邉: '辺',
    塚: '塚',
    栁: '柳',
    槗: '橋',
    淸: '清',
    瀨: '瀬',
    曻: '昇',
    桒: '桑',
    彅: 'なぎ',
  }),
);
