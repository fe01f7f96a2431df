import type { LocalizedPrompt } from '../marks.ts';
import type { Action, NodeView } from '../node-type.ts';
import type { CallBackOutcome } from '../protocol.ts';
import { lastWords, ready, tryNext } from './overflow.ts';

/** The part of the node `escalate` that is about it. */
interface WithCallBack {
  callBack?:
    | {
        goto: string;
        variable?: string | undefined;
        refused?: string | undefined;
        refusedPrompt?: LocalizedPrompt | undefined;
      }
    | undefined;
}

/** The number that the flow has collected for a call back: plain digits, '' for anything else; none where it is not set. */
export function collectedNumber({ callBack }: WithCallBack, view: NodeView): { callBackTo?: string } {
  const name = callBack?.variable;
  if (name === undefined || !Object.hasOwn(view.variables, name)) return {};
  const value = view.variables[name] ?? '';
  return { callBackTo: /^[0-9]{1,20}$/.test(value) ? value : '' };
}

/** What the desk says to a caller who wants to be called back, by key or by the queue's overflow. */
export function onCallBack(
  { callBack }: WithCallBack,
  view: NodeView,
  outcome: CallBackOutcome,
  line: { music: Action[]; play: (prompt: LocalizedPrompt) => Action },
): Action[] {
  const { phase, ...memory } = view.memory;
  if (outcome === 'kept') {
    if (callBack) return [{ type: 'go-to', nodeId: callBack.goto }];
    return lastWords([ready(view, 'call-back')], 'call-back');
  }
  if (phase === 'call-back') return tryNext(view);
  // An agent has answered meanwhile, or the wait goes on by itself.
  if (phase !== 'asking') return [];
  if (outcome === 'refused' && callBack?.refused !== undefined) return [{ type: 'go-to', nodeId: callBack.refused }];
  const why = outcome === 'refused' && callBack?.refusedPrompt ? [line.play(callBack.refusedPrompt)] : line.music;
  return [{ type: 'cancel-timer', name: 'again' }, { type: 'remember', memory }, ...why];
}
