import type { ListenMode } from '../media/api.ts';
import type { Channel } from './channel.ts';
import type { Core, Leg } from './core.ts';
import type { AppCall } from './session.ts';

/** What the digits of `eavesdrop-command`, and the listener's keys where they are let, change the mode to. */
const MODES: Readonly<Record<string, Heard>> = {
  '0': { byTarget: false, byOther: false },
  '1': { byTarget: false, byOther: true },
  '2': { byTarget: true, byOther: false },
  '3': { byTarget: true, byOther: true },
};

/** Who hears the listener. */
interface Heard {
  byTarget: boolean;
  byOther: boolean;
}

/** `eavesdrop <uuid>`: hears both sides of that leg, heard by whom the variables and later commands say. */
export function eavesdrop(core: Core, call: AppCall): Promise<void> | undefined {
  const { channel } = call;
  const byOther = channel.isTrue('eavesdrop_whisper_aleg');
  const byTarget = channel.isTrue('eavesdrop_whisper_bleg');
  const keys = channel.get('eavesdrop_enable_dtmf') === undefined || channel.isTrue('eavesdrop_enable_dtmf');
  return listen(core, call, { byTarget, byOther }, keys);
}

/** `three_way <uuid>`: an eavesdropper heard by both, for good. */
export function threeWay(core: Core, call: AppCall): Promise<void> | undefined {
  return listen(core, call, { byTarget: true, byOther: true }, false);
}

function listen(core: Core, call: AppCall, heard: Heard, keys: boolean): Promise<void> | undefined {
  const { channel, frame, session } = call;
  const target = core.legs.get(call.arg.trim());
  if (!target || target.channel === channel || target.channel.hangupCause !== undefined) return undefined;
  // Nothing that is ordered meanwhile is looked at before the end.
  frame.locked = true;
  return session
    .wait<void>(frame, (settle) => {
      const command = (digits: string) => {
        for (const digit of digits) {
          const mode = MODES[digit];
          if (mode) core.media.setListenMode(channel.uuid, target.channel.uuid, modeOf(mode));
          else if (digit === '*') settle(undefined);
        }
      };
      core.media.listen(channel.uuid, target.channel.uuid, modeOf(heard));
      fireBug(target, 'MEDIA_BUG_START');
      target.session.onEnd(() => settle(undefined));
      frame.onEvent = (headers) => command(headers.get('eavesdrop-command') ?? '');
      if (keys) frame.onDigit = ({ digit }) => command(digit);
      return (why) => {
        if (why === 'break') return false;
        settle(undefined);
        return true;
      };
    })
    .finally(() => {
      frame.onEvent = undefined;
      frame.onDigit = undefined;
      session.flushDigits();
      core.media.unbridge(channel.uuid);
      if (core.legs.has(target.channel.uuid)) fireBug(target, 'MEDIA_BUG_STOP');
    });
}

function modeOf({ byTarget, byOther }: Heard): ListenMode {
  if (byTarget) return byOther ? 'join' : 'whisper';
  return byOther ? 'other' : 'listen';
}

function fireBug({ channel }: { channel: Channel } & Pick<Leg, 'session'>, name: string): void {
  channel.fire(name, [
    ['Media-Bug-Function', 'eavesdrop'],
    ['Media-Bug-Target', channel.uuid],
  ]);
}
