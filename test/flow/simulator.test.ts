import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkFlowText } from '../../src/flow/checker.ts';
import type { Flow } from '../../src/flow/flow.ts';
import { wavDurationMs } from '../../src/flow/prompt-durations.ts';
import { callScriptSchema, differences, promptDurations, simulate } from '../../src/flow/simulator.ts';
import { bye, flowOf, text } from './harness.ts';

const durationOf = promptDurations('flows');

function sample(flowId: string): Flow {
  const checked = checkFlowText(readFileSync(`flows/sample/${flowId}.json`, 'utf8'), { fileExists: () => true });
  if (!checked.ok) throw new Error(JSON.stringify(checked.faults));
  return checked.flow;
}

describe('the sample calls go as their scripts expect', () => {
  const account: { numbers: { number: string; flowId: string }[] } = JSON.parse(
    readFileSync('flows/sample/account.json', 'utf8'),
  );
  it.each(readdirSync('flows/sample/calls'))('%s', (name) => {
    const script = callScriptSchema.parse(JSON.parse(readFileSync(join('flows/sample/calls', name), 'utf8')));
    const flowId = account.numbers.find(({ number }) => number === script.dial)?.flowId ?? '';
    const call = simulate(sample(flowId), script, durationOf);
    expect(differences(script.expect, call)).toEqual([]);
    expect(call.unusedSteps).toEqual([]);
    expect(simulate(sample(flowId), script, durationOf)).toEqual(call);
  });
});

describe('a simulated call', () => {
  const flow = flowOf({
    hello: { type: 'say', prompt: { ja: [{ silenceMs: 1_000 }, { tone: '%(400,100,450)', loops: 2 }] }, next: 'menu' },
    menu: {
      type: 'menu',
      prompt: { ja: { file: 'prompts/ja/digits/1.wav' } },
      choices: { '1': { goto: 'bye' } },
      noInput: { goto: 'bye' },
      invalid: { goto: 'bye' },
    },
    bye,
  });
  const run = (steps: object[]) => simulate(flow, callScriptSchema.parse({ dial: '0312345678', steps }), durationOf);

  it('has every sound for as long as it lasts', () => {
    const call = run([{ duringPrompt: 2, delayMs: 100, keys: '1' }]);
    expect(call.transcript.filter(({ type }) => type === 'heard')).toEqual(
      [
        {
          type: 'heard',
          atMs: 0,
          untilMs: 2_000,
          outcome: 'finished',
          prompts: ['silence 1000 ms', 'tone %(400,100,450)'],
        },
        { type: 'heard', atMs: 2_000, untilMs: 2_100, outcome: 'stopped', prompts: ['prompts/ja/digits/1.wav'] },
        { type: 'heard', atMs: 2_100, untilMs: 2_310, outcome: 'finished', prompts: ['"bye"'] },
      ].map((entry) => (entry.prompts[0] === '"bye"' ? { ...entry, untilMs: 2_100 + 3 * 150 } : entry)),
    );
  });

  it('tells which steps it never came to, and what differs from what was expected', () => {
    const call = run([
      { atMs: 100, hangUp: true },
      { afterPrompt: 2, keys: '1' },
    ]);
    expect(call).toMatchObject({ outcome: 'caller-hangup', durationMs: 100, nodes: ['hello'] });
    expect(call.unusedSteps).toHaveLength(1);
    expect(differences({ outcome: 'bye', nodes: ['hello'] }, call)).toEqual([
      'outcome: expected "bye", was "caller-hangup"',
    ]);
  });

  it('shows a missing prompt as the fault it is', () => {
    const broken = flowOf({ hello: { type: 'hangup', prompt: { ja: { file: 'prompts/ja/none.wav' } } } });
    const call = simulate(broken, callScriptSchema.parse({ dial: '1' }), durationOf);
    expect(call.outcome).toBe('flow-fault');
    expect(call.transcript.map(({ type }) => type)).toEqual(['entered', 'heard', 'fault', 'heard', 'ended']);
    expect(call.heard).toEqual(['prompts/ja/none.wav', 'prompts/ja/apology.wav']);
  });

  it('comes to an end with a flow that would go on for an hour', () => {
    const waiting = flowOf({
      menu: {
        type: 'menu',
        prompt: text('x'),
        choices: { '1': { goto: 'bye' } },
        noInput: { goto: 'menu', tries: 1 },
        invalid: { goto: 'bye' },
      },
      bye,
    });
    const call = simulate(waiting, callScriptSchema.parse({ dial: '1' }), durationOf);
    expect(['flow-fault', 'limit-reached']).toContain(call.outcome);
  });
});

describe('call scripts', () => {
  it.each([
    [{}],
    [{ atMs: 1 }],
    [{ keys: '1' }],
    [{ atMs: 1, afterPrompt: 1, keys: '1' }],
    [{ atMs: 1, keys: '1', hangUp: true }],
    [{ atMs: 1, keys: 'x' }],
  ])('refuse the step %j', (step) => {
    expect(callScriptSchema.safeParse({ dial: '1', steps: [step] }).success).toBe(false);
  });
});

describe('the length of a WAV file', () => {
  it('is read from its header, and unknown where there is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'denwaban-wav-'));
    try {
      expect(wavDurationMs('flows/prompts/hold.wav')).toBe(9_600);
      expect(wavDurationMs(join(folder, 'none.wav'))).toBeUndefined();
      writeFileSync(join(folder, 'text.wav'), 'this is no sound');
      expect(wavDurationMs(join(folder, 'text.wav'))).toBeUndefined();
      writeFileSync(join(folder, 'empty.wav'), '');
      expect(wavDurationMs(join(folder, 'empty.wav'))).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
