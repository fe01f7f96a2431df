import type { CallScriptStep } from './call-script.ts';

/** One thing that happened in a simulated call; times are ms after the answer. */
export type TranscriptEntry =
  | { atMs: number; type: 'entered'; nodeId: string }
  /** What was played, until when, and whether to its end. */
  | { atMs: number; type: 'heard'; prompts: string[]; untilMs: number; outcome: 'finished' | 'stopped' | 'not-found' }
  | { atMs: number; type: 'pressed'; key: string }
  | { atMs: number; type: 'collected'; nodeId: string; digits: string }
  | { atMs: number; type: 'recorded'; durationMs: number; outcome: string }
  | { atMs: number; type: 'dialled'; number: string; outcome: string }
  | { atMs: number; type: 'peer-ended'; number: string }
  | { atMs: number; type: 'queued'; queue: string }
  | { atMs: number; type: 'desk'; queue: string; outcome: string }
  | { atMs: number; type: 'call-back'; number: string; outcome: string }
  | { atMs: number; type: 'fault'; nodeId: string; message: string }
  | { atMs: number; type: 'ended'; by: 'flow' | 'caller' | 'simulator'; outcome: string };

export interface SimulatedCall {
  transcript: TranscriptEntry[];
  /** The nodes visited, in order. */
  nodes: string[];
  digits: string[];
  /** The files and other sounds heard, also in part, in order. */
  heard: string[];
  /** The hangup's outcome; `caller-hangup` where the caller hung up first. */
  outcome: string;
  durationMs: number;
  /** Steps of the script that the call never came to. */
  unusedSteps: CallScriptStep[];
}
