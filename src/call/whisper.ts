import type { Prompt } from '../flow/protocol.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { type PromptLibrary, resolvePrompts } from './prompts.ts';
import type { Leg, LegEvent, Sound } from './telephony.ts';
import type { CallTimers } from './timers.ts';

const playId = 'engine:whisper';
const beep: Prompt & Sound = { tone: '%(200,100,880)' };
/** Longest name with its question; the agent is connected then, or not, whatever became of the sound. */
const whisperMs = 15_000;
const acceptMs = 10_000;
/** Who has answered waits no longer for words that are still being spoken: the tone must do. */
const soundsMs = 1_500;

export interface WhisperOrder {
  language: string;
  /** Whom the agent answers for. */
  account: { name: string; reading: string };
  pressOneToAccept: boolean;
  /** Nobody is on the line yet: the agent will hear the number ring. */
  isCallBack?: boolean;
}

/**
 * What an agent hears between answering and being connected: for whom they answer (service-rules.md, Calls 2). A key
 * skips it; where the queue asks for it, 1 takes the caller and no other key does.
 */
export class Whisper {
  readonly #order: WhisperOrder;
  readonly #timers: CallTimers;
  readonly #timerName: string;
  readonly #sounds: Promise<Sound[] | undefined>;
  #leg: Leg | undefined;
  #isPlaying = false;
  #settle: ((refusal: EndCause | undefined) => void) | undefined;

  /** Looks its sounds up at once, so that they are ready when the phone is answered. */
  constructor(library: PromptLibrary, timers: CallTimers, legId: string, order: WhisperOrder) {
    this.#order = order;
    this.#timers = timers;
    this.#timerName = `whisper:${legId}`;
    this.#sounds = findSounds(library, order).catch(() => undefined);
  }

  /** Resolves when the agent may be connected, or with why not. */
  run(leg: Leg): Promise<EndCause | undefined> {
    return new Promise((resolve) => {
      this.#leg = leg;
      this.#settle = resolve;
      this.#timers.start(this.#timerName, soundsMs, () => this.#play(undefined));
      this.#sounds.then((sounds) => this.#play(sounds));
    });
  }

  #play(sounds: Sound[] | undefined): void {
    if (!this.#settle || this.#isPlaying) return;
    this.#isPlaying = true;
    const { pressOneToAccept } = this.#order;
    this.#timers.start(this.#timerName, whisperMs, () => this.#end(pressOneToAccept ? 'no-answer' : undefined));
    this.#leg?.play({ playId, sounds: sounds ?? [beep], stopOnDigit: true });
  }

  onEvent(event: LegEvent): void {
    const { pressOneToAccept } = this.#order;
    if (event.type === 'digit') {
      if (!pressOneToAccept || event.digit === '1') this.#end(undefined);
    } else if (event.type === 'play-done' && event.playId === playId) {
      // Told just before the end of the leg itself: nobody has heard it out.
      if (event.outcome === 'leg-ended') this.#end('peer-hangup');
      else if (!pressOneToAccept) this.#end(undefined);
      else if (this.#settle) this.#timers.start(this.#timerName, acceptMs, () => this.#end('no-answer'));
    } else if (event.type === 'ended') this.#end('peer-hangup');
  }

  #end(refusal: EndCause | undefined): void {
    const settle = this.#settle;
    if (!settle) return;
    this.#settle = undefined;
    this.#timers.cancel(this.#timerName);
    if (refusal === undefined) this.#leg?.stopPlay();
    settle(refusal);
  }
}

/** A tone and the words, in kana where the voice reads no kanji; where they can't be spoken at all, the tone alone. */
async function findSounds(library: PromptLibrary, order: WhisperOrder): Promise<Sound[] | undefined> {
  const { language } = order;
  const texts = language === 'ja' ? [japanese(order, kanji), japanese(order, kana)] : [english(order)];
  for (const text of texts) {
    const spoken = await resolvePrompts(library, [beep, { text, language }]);
    if (spoken) return spoken;
  }
  return resolvePrompts(library, [beep]);
}

const kanji = { call: 'お電話', callBack: '折り返し', take: 'お受け', press: '押して' };
const kana = { call: 'おでんわ', callBack: 'おりかえし', take: 'おうけ', press: 'おして' };

function japanese({ account, pressOneToAccept, isCallBack }: WhisperOrder, word: typeof kanji): string {
  const what = isCallBack ? `からの、${word.callBack}の${word.call}です。` : `への${word.call}です。`;
  const question = pressOneToAccept ? `${word.take}になるには、いちを${word.press}ください。` : '';
  return `${account.reading || account.name}、${what}${question}`;
}

function english({ account, pressOneToAccept, isCallBack }: WhisperOrder): string {
  return `${isCallBack ? 'Call-back' : 'Call'} for ${account.name}.${pressOneToAccept ? ' Press 1 to accept.' : ''}`;
}
