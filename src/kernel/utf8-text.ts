/** Text of a file as people save it, or in which other encoding it is written. */
export type ReadText = { ok: true; text: string } | { ok: false; encoding: string };

/**
 * Reads bytes as UTF-8, with or without a byte order mark. Anything else is not guessed at: letters would be lost in
 * silence. The encoding it is probably written in is named.
 */
export function readUtf8(bytes: Uint8Array): ReadText {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return { ok: false, encoding: 'UTF-16' };
  if (first === 0xfe && second === 0xff) return { ok: false, encoding: 'UTF-16' };
  // JSON begins with two characters of ASCII: every other byte of UTF-16 is 0.
  if (bytes.length > 3 && (first === 0 || second === 0)) return { ok: false, encoding: 'UTF-16' };
  const text = decode(bytes, 'utf-8');
  if (text !== undefined) return { ok: true, text };
  const isEscaped = decode(bytes, 'iso-2022-jp') !== undefined;
  if (isEscaped) return { ok: false, encoding: 'ISO-2022-JP' };
  // Bytes of EUC-JP can be read as Shift_JIS too, but come out as half-width kana.
  const [euc, sjis] = [decode(bytes, 'euc-jp'), decode(bytes, 'shift_jis')];
  if (euc !== undefined && (sjis === undefined || kana(euc) > kana(sjis))) return { ok: false, encoding: 'EUC-JP' };
  return { ok: false, encoding: sjis === undefined ? 'unknown' : 'Shift_JIS' };
}

function decode(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined; // Its only error says that the bytes are not of this encoding.
  }
}

const kana = (text: string): number => text.match(/\p{Script=Hiragana}/gu)?.length ?? 0;

/** What to say of a file that is not UTF-8, in English and Japanese. */
export function notUtf8(encoding: string): { message: { en: string; ja: string }; remedy: { en: string; ja: string } } {
  const named = encoding === 'unknown' ? undefined : encoding;
  return {
    message: {
      en: `the file is not UTF-8${named ? ` but ${named}` : ''}`,
      ja: `ファイルが UTF-8 ではありません${named ? `（${named} です）` : ''}`,
    },
    remedy: {
      en: named && named !== 'UTF-16' ? `Save it as UTF-8 (iconv -f ${iconvName(named)} -t UTF-8)` : 'Save it as UTF-8',
      ja: 'UTF-8 で保存し直してください',
    },
  };
}

const iconvName = (encoding: string): string => (encoding === 'Shift_JIS' ? 'CP932' : encoding);
