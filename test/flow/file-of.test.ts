import { expect, it } from 'vitest';
import { checkFlow } from '../../src/flow/checker.ts';
import { bye, FlowCall, flowOf } from './harness.ts';

const place = { fileOf: 'place', folder: 'places', values: ['1', '2'], otherwise: 'places/more.wav' };
const nodes = (set?: Record<string, string>) => ({
  first: {
    type: 'menu',
    prompt: { ja: { tone: '%(200,0,440)' } },
    choices: { '1': { goto: 'told', ...(set ? { set } : {}) }, '2': { goto: 'told', set: { place: '9' } } },
    noInput: { goto: 'bye' },
    invalid: { goto: 'bye' },
  },
  told: { type: 'say', prompt: { ja: place }, next: 'bye' },
  bye,
});

it.each([
  ['2', { place: '2' }, 'places/2.wav'],
  ['a value without a file', { place: '99' }, 'places/more.wav'],
  ['no value', undefined, 'places/more.wav'],
])('the value of a variable picks the file: %s', (_title, set, file) => {
  const call = new FlowCall(flowOf(nodes(set))).start();
  call.press('1');
  expect(call.newest('play').prompts).toEqual([{ file }]);
});

it('files that are missing are named, and a variable that nobody sets', () => {
  const definition = { flowId: 'f', language: 'ja', start: 'told', nodes: { told: nodes().told, bye } };
  const checked = checkFlow(definition, { fileExists: (path) => path === 'places/1.wav' });
  expect(checked).toMatchObject({ ok: false });
  const paths = checked.ok ? [] : checked.faults.map(({ path }) => path);
  expect(paths).toEqual(['fileOf', 'values', 'otherwise'].map((field) => `$.nodes.told.prompt.ja.${field}`));
});
