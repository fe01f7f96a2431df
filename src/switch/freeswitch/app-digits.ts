import { playFile } from './app-playback.ts';
import type { Core } from './core.ts';
import { separate } from './separate.ts';
import type { AppCall } from './session.ts';

const MAX_DIGITS = 128;
const SHORTEST_TIMEOUT_MS = 1000;

interface DigitRequest {
  min: number;
  max: number;
  tries: number;
  /** Time for the first key. */
  timeoutMs: number;
  /** Time for each further key. */
  digitTimeoutMs: number;
  terminators: string;
  prompt: string;
  invalidPrompt: string;
  variable: string;
  pattern: string;
}

type ReadStatus = 'success' | 'timeout' | 'too-small' | 'broken' | 'failed';

/** `<min> <max> <tries> <timeout> <terminators> <file> <invalid file> <variable> <regexp> [<digit timeout>]`. */
function parseRequest(arg: string): DigitRequest {
  const words = separate(arg, ' ');
  const number = (index: number) => Math.max(0, Number.parseInt(words[index] ?? '0', 10) || 0);
  const min = Math.min(MAX_DIGITS, number(0));
  const timeoutMs = Math.max(SHORTEST_TIMEOUT_MS, number(3));
  return {
    min,
    max: Math.min(MAX_DIGITS, Math.max(min, number(1))),
    tries: number(2),
    timeoutMs,
    digitTimeoutMs: number(9) || timeoutMs,
    terminators: words[4] ?? '#',
    prompt: words[5] ?? '',
    invalidPrompt: words[6] ?? '',
    variable: words[7] ?? '',
    pattern: words[8] ?? '',
  };
}

/** `play_and_get_digits`: plays a prompt and leaves the keys in a variable (FreeSWITCH's function of that name). */
export async function playAndGetDigits(core: Core, call: AppCall): Promise<void> {
  if (call.arg.trim() === '') return;
  const request = parseRequest(call.arg);
  const { channel, session } = call;
  const { min, pattern, variable } = request;
  if (pattern !== '' && variable !== '') channel.set(`${variable}_invalid`, undefined);
  for (let triesLeft = request.tries; triesLeft > 0 && session.ready; triesLeft -= 1) {
    const { digits, status } = await readDigits(core, call, request);
    if (min === 0 && digits === '' && channel.get('read_terminator_used') !== undefined) return;
    if (isComplete(status, digits, min) && digits !== '') {
      if (matches(digits, pattern)) return;
      channel.set(variable, undefined);
      channel.set(`${variable}_invalid`, digits);
    }
    if (!session.ready) return;
    await playFile(core, call, request.invalidPrompt, { terminators: '' });
  }
}

/** A timeout with enough keys is a success. */
function isComplete(status: ReadStatus, digits: string, min: number): boolean {
  return status === 'success' || (status === 'timeout' && digits.length >= min);
}

/** An expression that is not valid matches nothing. */
function matches(digits: string, pattern: string): boolean {
  if (pattern === '') return true;
  try {
    return new RegExp(pattern).test(digits);
  } catch {
    return false;
  }
}

/** One try: prompt, then keys (FreeSWITCH's `switch_ivr_read`). The first key ends the prompt. */
async function readDigits(
  core: Core,
  call: AppCall,
  request: DigitRequest,
): Promise<{ digits: string; status: ReadStatus }> {
  const { channel } = call;
  const { min, max, terminators, variable } = request;
  channel.set('read_result', undefined);
  channel.set(variable, undefined);
  let digits = '';
  if (request.prompt !== '' && request.prompt.toLowerCase() !== 'silence') {
    const outcome = await playFile(core, call, request.prompt, {
      terminators: '0123456789*#ABCD',
      onDigit: ({ digit }, stop) => {
        if (digits === '') digits = digit;
        stop();
      },
    });
    if (outcome === 'not-found' || outcome === 'failed') return { digits: '', status: 'failed' };
  }
  let status: ReadStatus = 'success';
  let terminator: string | undefined;
  if (digits.length < max) ({ digits, status, terminator } = await collect(call, request, digits));
  if (terminator !== undefined) channel.set('read_terminator_used', terminator);
  if (min > 0 && digits.length < min) status = 'too-small';
  const result = status === 'success' || status === 'timeout' ? status : 'failure';
  channel.set('read_result', result);
  if (max === 1 && digits.length === 1 && terminators.includes(digits)) digits = '';
  if (digits !== '') channel.set(variable, digits);
  return { digits, status };
}

interface Collected {
  digits: string;
  status: ReadStatus;
  terminator: string | undefined;
}

/** Waits for the rest of the keys. */
async function collect(call: AppCall, request: DigitRequest, first: string): Promise<Collected> {
  const { frame, session } = call;
  const { max, terminators, timeoutMs, digitTimeoutMs } = request;
  if (first !== '' && terminators.includes(first)) return { digits: '', status: 'success', terminator: first };
  let digits = first;
  let timer: NodeJS.Timeout | undefined;
  const collected = await session.wait<Collected>(frame, (settle) => {
    const finish = (status: ReadStatus, terminator?: string) => {
      clearTimeout(timer);
      frame.onDigit = undefined;
      settle({ digits, status, terminator });
    };
    const arm = (delayMs: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => finish('timeout'), delayMs);
    };
    arm(first === '' ? timeoutMs : digitTimeoutMs);
    frame.onDigit = ({ digit }) => {
      if (terminators.includes(digit)) return finish('success', digit);
      digits += digit;
      if (digits.length >= max) return finish('success');
      arm(digitTimeoutMs);
    };
    return (why) => {
      // FreeSWITCH's wait for keys takes no notice of a break.
      if (why === 'break') return false;
      finish('broken');
      return true;
    };
  });
  return collected;
}
