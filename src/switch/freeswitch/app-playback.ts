import type { Core } from './core.ts';
import type { Headers } from './events.ts';
import type { PlayResult } from './player.ts';
import type { AppCall } from './session.ts';
import type { Digit } from './session-frame.ts';
import { soundsOf, terminatorsOf } from './sounds.ts';

/** How a file was played: to its end, stopped by a key or a break, not found, or cut off by hang-up or transfer. */
export type PlayOutcome = 'done' | 'break' | 'not-found' | 'failed';

interface PlayFileOptions {
  terminators: string;
  /** Called for each key; `stop` ends the play. Without it keys stay queued. */
  onDigit?: (digit: Digit, stop: () => void) => void;
}

const RESPONSES: Record<PlayOutcome, string> = {
  done: 'FILE PLAYED',
  break: 'FILE PLAYED',
  'not-found': 'FILE NOT FOUND',
  failed: 'PLAYBACK ERROR',
};

/** Plays one file argument on behalf of an application (FreeSWITCH's `switch_ivr_play_file`). */
export async function playFile(
  core: Core,
  call: AppCall,
  file: string,
  options: PlayFileOptions,
): Promise<PlayOutcome> {
  const { channel, frame, session } = call;
  if (!session.ready || file === '') return 'failed';
  const { sources, type } = soundsOf(file, core.settings.soundsFolder);
  if (sources.length === 0) return 'not-found';
  const about: Headers = [['Playback-File-Path', file]];
  if (type) about.unshift(['Playback-File-Type', type]);
  channel.fire('PLAYBACK_START', about);
  if (frame.breakPending) {
    frame.breakPending = false;
    tellPlayed(call, 0);
    channel.fire('PLAYBACK_STOP', [...about, ['Playback-Status', 'break']]);
    return 'break';
  }
  let cutOff = false;
  const result = await session.wait<PlayResult>(frame, (settle) => {
    const stop = session.player.play(sources, options.terminators, settle);
    const { onDigit } = options;
    if (onDigit) frame.onDigit = (digit) => onDigit(digit, stop);
    return (why) => {
      cutOff ||= why !== 'break';
      if (why === 'hangup') settle({ outcome: 'stopped', playedMs: 0 });
      stop();
      return true;
    };
  });
  frame.onDigit = undefined;
  if (result.outcome === 'not-found') return 'not-found';
  tellPlayed(call, result.playedMs);
  // FreeSWITCH calls a play that a hang-up cut off `done`.
  const status = result.outcome === 'finished' || cutOff ? 'done' : 'break';
  channel.fire('PLAYBACK_STOP', [...about, ['Playback-Status', status]]);
  if (result.terminator !== undefined && !cutOff) channel.set('playback_terminator_used', result.terminator);
  return cutOff ? 'failed' : status;
}

/** What was really sent; FreeSWITCH's `playback_ms` counts what it has read ahead, too. */
function tellPlayed({ channel }: AppCall, playedMs: number): void {
  channel.setAll({
    playback_last_offset_pos: playedMs * 8,
    playback_seconds: Math.floor(playedMs / 1000),
    playback_ms: playedMs,
    playback_samples: playedMs * 8,
  });
}

/** `playback <file>`: keys in `playback_terminators` stop it, the others are told and forgotten. */
export async function playback(core: Core, call: AppCall): Promise<void> {
  const { channel } = call;
  channel.set('playback_terminator_used', undefined);
  const terminators = terminatorsOf(channel.get('playback_terminators'));
  const outcome = await playFile(core, call, call.arg.replace(/@@\d*$/, ''), {
    terminators,
    onDigit: ({ digit }, stop) => {
      if (!terminators.includes(digit)) return;
      channel.set('playback_terminator_used', digit);
      stop();
    },
  });
  channel.set('current_application_response', RESPONSES[outcome]);
}

/** `endless_playback <file>`: plays again and again; a break only begins the next round. Keys stay queued. */
export async function endlessPlayback(core: Core, call: AppCall): Promise<void> {
  let outcome: PlayOutcome = 'failed';
  while (call.session.ready) {
    outcome = await playFile(core, call, call.arg, { terminators: '' });
    if (outcome !== 'done' && outcome !== 'break') break;
  }
  call.channel.set('current_application_response', RESPONSES[outcome]);
}
