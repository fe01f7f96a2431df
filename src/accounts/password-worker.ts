import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as english } from '@zxcvbn-ts/language-en';
import { dictionary as japanese } from '@zxcvbn-ts/language-ja';
import type { JudgedPassword, Weakness } from './password-strength.ts';

/** Judges passwords, one after the other, beside the main thread. */

/** Each character that could stand for another doubles the work, up to this many ways to read a password. */
const readingsMax = 20;
/** What nobody but users of this service would think of; the library's own Japanese words are in Latin letters. */
const service = [
  ...['denwaban', '電話番', 'でんわばん', 'デンワバン', 'denwa', '電話', 'でんわ', 'デンワ', 'console', 'operator'],
  ...['パスワード', 'ぱすわーど', 'あいことば', '合言葉', '暗証番号', 'ログイン', 'サインイン', '管理者', 'かんりしゃ'],
  ...[
    'いろはにほへと',
    'いろはにほへとちりぬるを',
    'あいうえお',
    'アイウエオ',
    'かきくけこ',
    'カキクケコ',
    'さしすせそ',
  ],
  ...['たちつてと', 'なにぬねの', 'はひふへほ', 'まみむめも', 'やゆよ', 'らりるれろ', 'わをん', 'ありがとうございます'],
  ...['ありがとう', 'よろしくおねがいします', 'よろしくお願いします', 'おはようございます', 'お世話になっております'],
  ...['こんにちは', 'さくら', 'サクラ', '桜', '愛してる', 'だいすき', '大好き', '日本', 'にっぽん', '東京', '大阪'],
];
const named = (language: string, dictionary: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(dictionary).map(([name, words]) => [`${name}-${language}`, words]));

const zxcvbn = new ZxcvbnFactory({
  dictionary: { ...common, ...english, ...named('ja', japanese), service },
  graphs: adjacencyGraphs,
  l33tMaxSubstitutions: readingsMax,
});

function weaknessesOf({ password, words, guessesMin }: JudgedPassword): Weakness[] {
  const { guesses, sequence } = zxcvbn.check(password, words);
  if (guesses >= guessesMin) return [];
  const found = new Set<Weakness>();
  if (words.some((word) => password.toLowerCase().includes(word))) found.add('own');
  for (const { pattern, dictionaryName } of sequence) {
    const weakness = pattern === 'dictionary' ? byDictionary(String(dictionaryName)) : byPattern[pattern];
    if (weakness) found.add(weakness);
  }
  return found.size > 0 ? [...found] : ['guessable'];
}

function byDictionary(name: string): Weakness {
  if (name === 'userInputs') return 'own';
  return name.startsWith('passwords') || name === 'service' ? 'common' : 'words';
}

const byPattern: Record<string, Weakness> = {
  repeat: 'repeated',
  spatial: 'row',
  sequence: 'row',
  wordSequence: 'row',
  date: 'date',
  regex: 'date',
};

parentPort?.on('message', (asked: JudgedPassword) => parentPort?.postMessage(weaknessesOf(asked)));
