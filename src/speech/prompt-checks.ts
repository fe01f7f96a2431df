import { errorMessage } from '../kernel/errors.ts';
import { createSlots } from './slots.ts';
import { soundFiles } from './sound-files.ts';
import { japanesePackages, type Synthesizer } from './synthesizer.ts';
import { isSilence, remedyFor } from './voice-check.ts';

interface Said {
  message: string;
  remedy: string;
}

/** Why a prompt would be silence, noise or half a sentence for callers, in English and Japanese. */
export interface PromptFault extends Said {
  code: 'unplayable-file' | 'unspeakable-text';
  ja: Said;
}

/** Says before anybody calls what of a prompt callers would not hear. */
export interface PromptChecks {
  /** Undefined: it can be heard, all of it. A file that has to be converted is then. */
  faultOf(prompt: { file: string } | { text: string; language: string }): Promise<PromptFault | undefined>;
}

export interface PromptChecksOptions {
  /** Folder that file prompts are relative to. */
  flowFolder: string;
  /** Where converted files are kept. */
  cacheFolder: string;
  synthesizers: readonly Synthesizer[];
}

const textsKept = 5_000;
const partsNamed = 5;

/** Checks prompts by the voices of this machine and by what its switch can play. */
export function createPromptChecks({ flowFolder, cacheFolder, synthesizers }: PromptChecksOptions): PromptChecks {
  const slots = createSlots(2, 100_000);
  const findFile = soundFiles({ folder: flowFolder, cacheFolder, slots });
  /** Texts that have been checked: a flow is checked again and again while it is written. */
  const checked = new Map<string, Promise<PromptFault | undefined>>();

  async function checkText(written: string, language: string): Promise<PromptFault | undefined> {
    const text = written.normalize('NFC');
    if (isSilence(text)) return nothingSaid;
    const synthesizer = synthesizers.find((candidate) => candidate.language === language);
    if (!synthesizer || synthesizer.isInstalled?.() === false) return noVoice(language);
    const unspoken = synthesizer.unspoken;
    const parts = unspoken ? ((await slots.run(() => unspoken(text))) ?? []) : [];
    if (parts.length > 0) return unspeakable(parts, language, synthesizer);
    return synthesizer.canSpeak?.(text) === false ? unspeakable([text], language, synthesizer) : undefined;
  }

  return {
    faultOf: async (prompt) => {
      if ('file' in prompt) {
        const found = await findFile(prompt.file);
        return found.ok ? undefined : unplayable(prompt.file, found.fault);
      }
      const key = JSON.stringify([prompt.language, prompt.text]);
      const known = checked.get(key);
      if (known) return known;
      const check = checkText(prompt.text, prompt.language).catch((error: unknown) => {
        checked.delete(key);
        return failed(error);
      });
      if (checked.size >= textsKept) checked.clear();
      checked.set(key, check);
      return check;
    },
  };
}

function unplayable(file: string, fault: { en: string; ja: string }): PromptFault {
  return {
    code: 'unplayable-file',
    message: `${file} ${fault.en}`,
    remedy: 'Put a WAV file of 16 bit there: ffmpeg -i <sound> -ar 8000 -ac 1 -c:a pcm_s16le <name>.wav',
    ja: {
      message: `${file} ${fault.ja}`,
      remedy: '16 ビット PCM の WAV を置いてください（例: ffmpeg -i 元の音声 -ar 8000 -ac 1 -c:a pcm_s16le 名前.wav）',
    },
  };
}

function noVoice(language: string): PromptFault {
  const packages = language === 'en' ? 'apt-get install espeak-ng' : language === 'ja' ? japanesePackages : undefined;
  return {
    code: 'unspeakable-text',
    message: `no installed voice speaks "${language}"`,
    remedy: packages ? `${packages}, or use a WAV file ("file")` : 'Use a WAV file ("file")',
    ja: {
      message: `言語「${language}」を読み上げる音声がインストールされていません`,
      remedy: packages
        ? `${packages} を実行するか、WAV ファイル（"file"）を使ってください`
        : 'WAV ファイル（"file"）を使ってください',
    },
  };
}

function unspeakable(parts: readonly string[], language: string, { voice }: Synthesizer): PromptFault {
  const named = parts.slice(0, partsNamed);
  const remedies = named.map((part) => remedyFor(part, language));
  const lacksKanji =
    language === 'ja' && voice.startsWith('espeak') && named.some((part) => /\p{Script=Han}/u.test(part));
  const unique = (texts: string[]) => [...new Set(texts)].join('; ');
  return {
    code: 'unspeakable-text',
    message: `the voice would leave out ${named.map((part) => JSON.stringify(part)).join(', ')}`,
    remedy: [
      unique(remedies.map(({ en }) => en)),
      ...(lacksKanji ? [`for kanji: ${japanesePackages}`] : []),
      'or use a WAV file ("file")',
    ].join('; '),
    ja: {
      message: `音声合成が${named.map((part) => `「${part}」`).join('')}を読み上げられません`,
      remedy: [
        unique(remedies.map(({ ja }) => ja)),
        ...(lacksKanji ? [`漢字を読み上げるには ${japanesePackages}`] : []),
        'または WAV ファイル（"file"）を使ってください',
      ].join('。'),
    },
  };
}

const nothingSaid: PromptFault = {
  code: 'unspeakable-text',
  message: 'there is nothing in the text that is said',
  remedy: 'Write words, or leave the prompt out; for a pause use a tone or a WAV file ("file")',
  ja: {
    message: '読み上げる言葉がありません',
    remedy: '言葉を書くか、案内を省いてください。間を置くにはトーンか WAV ファイル（"file"）を使ってください',
  },
};

function failed(error: unknown): PromptFault {
  const why = errorMessage(error);
  return {
    code: 'unspeakable-text',
    message: `the voice could not be asked: ${why}`,
    remedy: 'See to the voice, or use a WAV file ("file")',
    ja: {
      message: `音声合成が動きません: ${why}`,
      remedy: '音声合成を確かめるか、WAV ファイル（"file"）を使ってください',
    },
  };
}
