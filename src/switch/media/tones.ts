import { samplesPerMs } from './g711.ts';

/**
 * Tones in FreeSWITCH's notation (`tone_stream://…`): items between semicolons, which hold for the tones after them.
 *
 * - `%(onMs,offMs,freq[,freq…])` a tone, then a pause
 * - `0`–`9`, `*`, `#`, `A`–`D` the key's two tones, of `d=` ms with `w=` ms pause
 * - `v=-7` level in dBm0, 0 to -63; `>=ms` / `<=ms` with `+=dB` fades
 * - `L=n` all of it n times, `l=n` the next tone n times; `;loops=n` at the end n times, -1 for ever
 */

const sampleRate = samplesPerMs * 1_000;
const maxTones = 18;
/** One round of a tone may last so long; more is a mistake. */
export const longestToneMs = 5 * 60_000;

export interface ToneStep {
  onSamples: number;
  offSamples: number;
  frequencies: number[];
  levelDb: number;
  fade?: { direction: 1 | -1; everySamples: number; stepDb: number };
}

export interface ToneScore {
  steps: ToneStep[];
  /** How often the steps are played; Infinity = for ever. */
  loops: number;
}

const rows = [697, 770, 852, 941];
const columns = [1209, 1336, 1477, 1633];
const keypad = '123A456B789C*0#D';

/** The two frequencies of a key; none where it is no key. */
export function keyFrequencies(key: string): number[] {
  const index = keypad.indexOf(key.toUpperCase());
  const row = rows[index >> 2];
  const column = columns[index & 3];
  return index < 0 || row === undefined || column === undefined ? [] : [row, column];
}

interface ToneState {
  levelDb: number;
  durationMs: number;
  waitMs: number;
  fadeDirection: 1 | -1 | 0;
  fadeEveryMs: number;
  fadeStepDb: number;
  repeat: number;
  rounds: number;
}

/** Reads the part after `tone_stream://`. @returns undefined when it holds no tone or is too long. */
export function parseTones(text: string): ToneScore | undefined {
  const suffix = /;loops=(-?\d+)\s*$/i.exec(text);
  const state: ToneState = {
    levelDb: -7,
    durationMs: 250,
    waitMs: 62,
    fadeDirection: 0,
    fadeEveryMs: 0,
    fadeStepDb: 1,
    repeat: 1,
    rounds: 1,
  };
  const steps: ToneStep[] = [];
  for (const item of text.slice(0, suffix?.index).split(';')) {
    const trimmed = item.trim();
    if (trimmed[1] === '=') applySetting(state, trimmed[0] ?? '', Number.parseFloat(trimmed.slice(2)));
    else steps.push(...readTones(trimmed, state));
    if (steps.length > 1_000) return undefined;
  }
  const samples = steps.reduce((sum, step) => sum + step.onSamples + step.offSamples, 0);
  if (samples === 0 || samples > longestToneMs * samplesPerMs) return undefined;
  const loops = Number.parseInt(suffix?.[1] ?? '1', 10);
  return { steps, loops: loops < 0 ? Number.POSITIVE_INFINITY : Math.max(1, loops) * state.rounds };
}

function applySetting(state: ToneState, name: string, value: number): void {
  if (!Number.isFinite(value)) return;
  const set: Record<string, () => void> = {
    v: () => {
      if (value <= 0 && value >= -63) state.levelDb = value;
    },
    d: () => {
      state.durationMs = Math.max(0, value);
    },
    w: () => {
      state.waitMs = Math.max(0, value);
    },
    l: () => {
      state.repeat = Math.max(1, Math.min(1_000, Math.floor(value)));
    },
    L: () => {
      state.rounds = Math.max(1, Math.floor(value));
    },
    '>': () => {
      state.fadeDirection = -1;
      state.fadeEveryMs = value;
    },
    '<': () => {
      state.fadeDirection = 1;
      state.fadeEveryMs = value;
    },
    '+': () => {
      state.fadeStepDb = value;
    },
  };
  set[name]?.();
}

/** The tones of one item: any run of `%(…)` and keys. */
function readTones(item: string, state: ToneState): ToneStep[] {
  const steps: ToneStep[] = [];
  for (const [text, key, numbers] of item.matchAll(/([%0-9*#A-D])(?:\(([^)]*)\))?/g)) {
    const [onMs, offMs, ...given] = (numbers ?? '').split(',').map((part) => Number.parseFloat(part));
    const frequencies = text.startsWith('%') ? given.slice(0, maxTones) : keyFrequencies(key ?? '');
    if (frequencies.length === 0 || frequencies.some((frequency) => !(frequency >= 0 && frequency < 4_000))) continue;
    const step: ToneStep = {
      onSamples: Math.round(positive(onMs, state.durationMs) * samplesPerMs),
      offSamples: Math.round(positive(offMs, state.waitMs) * samplesPerMs),
      frequencies: frequencies.filter((frequency) => frequency > 0),
      levelDb: state.levelDb,
    };
    if (state.fadeDirection !== 0) {
      const everySamples = Math.max(1, Math.round(state.fadeEveryMs * samplesPerMs));
      step.fade = { direction: state.fadeDirection, everySamples, stepDb: state.fadeStepDb };
    }
    for (let count = 0; count < state.repeat; count++) steps.push(step);
    state.repeat = 1;
  }
  return steps;
}

const positive = (value: number | undefined, otherwise: number): number =>
  value !== undefined && value >= 0 ? value : otherwise;

/** Peak of a sine at a level: 3.14 dBm0 is a full-scale sine in µ-law, as FreeSWITCH's generator has it. */
const amplitude = (levelDb: number): number => 32_767 * Math.SQRT2 * 10 ** ((levelDb - 6.16) / 20);

/** Writes the samples of one step from `start`; gives how many. Several frequencies share the level. */
export function renderStep(step: ToneStep, target: Int16Array, start: number): number {
  let levelDb = step.levelDb;
  let sinceFade = 0;
  const share = Math.max(1, step.frequencies.length);
  for (let index = 0; index < step.onSamples; index++) {
    if (step.fade && ++sinceFade >= step.fade.everySamples) {
      const next = levelDb + step.fade.direction * step.fade.stepDb;
      if (next <= 0 && next >= -63) {
        levelDb = next;
        sinceFade = 0;
      }
    }
    target[start + index] = sineSum(step.frequencies, index) * (amplitude(levelDb) / share);
  }
  target.fill(0, start + step.onSamples, start + step.onSamples + step.offSamples);
  return step.onSamples + step.offSamples;
}

/** Sum of sines of the frequencies at a sample. */
export function sineSum(frequencies: number[], sample: number): number {
  let sum = 0;
  for (const frequency of frequencies) sum += Math.sin((2 * Math.PI * frequency * sample) / sampleRate);
  return sum;
}

/** One sample of a key's tones, as sent in the audio where telephone events were not negotiated. */
export const keyTone = (frequencies: number[], sample: number): number =>
  (sineSum(frequencies, sample) * amplitude(-7)) / 2;
