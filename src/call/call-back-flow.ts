import type { Effect, FlowEvent, Prompt } from '../flow/protocol.ts';
import type { FlowRunner } from './flow-runner.ts';

/** What a call-back does as long as it has no agent, and after the talk. Plain JSON, as every flow's state. */
interface State {
  phase: 'talking' | 'waiting' | 'last-words' | 'ended';
  plays: number;
}

const file = (name: string): Prompt => ({ file: `prompts/${name}.wav` });

/**
 * The flow of one who is called back: there is no menu, only people. An agent who is lost: the caller hears so and waits
 * with music until the next one comes. Nobody comes: an apology. After the talk the call ends.
 */
export function callBackFlow(language: string): FlowRunner {
  const spoken = language === 'ja' ? 'ja' : 'en';
  return {
    start: (): State => ({ phase: 'talking', plays: 0 }),
    step: (given, event) => {
      const state = given as State;
      const [phase, effects] = next(state, event, spoken);
      const plays = state.plays + effects.filter(({ type }) => type === 'play').length;
      return { state: { phase, plays } satisfies State, effects };
    },
  };
}

function next(state: State, event: FlowEvent, language: string): [State['phase'], Effect[]] {
  const { phase } = state;
  if (phase === 'ended') return ['ended', []];
  const play = (prompts: Prompt[], loop: boolean): Effect => {
    const playId = `call-back-${state.plays + 1}`;
    return { type: 'play', playId, prompts, stopOnDigit: false, ...(loop ? { loop } : {}) };
  };
  const wait = (lead: Prompt[]): [State['phase'], Effect[]] => {
    return ['waiting', lead.length > 0 ? [play(lead, false)] : [play([file('hold')], true)]];
  };
  switch (event.type) {
    case 'hung-up':
      return ['ended', [{ type: 'hangup', outcome: phase === 'talking' ? 'served' : 'abandoned' }]];
    case 'desk-answered':
      return ['talking', phase === 'waiting' ? [{ type: 'stop-play' }] : []];
    case 'desk-parted':
      return wait([file(`${language}/wait-back`)]);
    case 'resumed':
      return phase === 'talking' ? [phase, []] : phase === 'waiting' ? wait([]) : over('nobody');
    case 'play-done':
      if (event.playId !== `call-back-${state.plays}` || phase === 'talking') return [phase, []];
      return phase === 'waiting' ? wait([]) : over('nobody');
    case 'desk-overflow':
      return [phase, [{ type: 'overflow-failed', escalationId: event.escalationId }]];
    case 'desk-done':
      return event.outcome === 'done' ? over('served') : ['last-words', [play([file(`${language}/apology`)], false)]];
    default:
      return [phase, []];
  }
}

function over(outcome: string): [State['phase'], Effect[]] {
  return ['ended', [{ type: 'hangup', outcome }]];
}
