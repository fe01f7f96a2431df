import { describe, expect, it } from 'vitest';
import { checkFlow } from '../../src/flow/checker.ts';
import type { FlowFault } from '../../src/flow/fault.ts';
import { checkFlowFile, checkFlowInHouse, type House } from '../../src/flow/house.ts';
import { loadFlow } from '../../src/flow/load-flow.ts';
import { bye, text } from './harness.ts';

/** A house with one queue and a trunk, whose voice says no ＃, and where one file is no sound. */
const house: House = {
  fileExists: (path) => path.endsWith('.wav'),
  queues: ['desk', 'sales'],
  hasTrunk: true,
  numberFault: (number) =>
    number.startsWith('03') ? undefined : { en: `${number} is not allowed`, ja: `${number} へは発信できません` },
  promptFault: async (prompt) => {
    const problem = (code: 'unplayable-file' | 'unspeakable-text', message: string) => ({
      ...{ code, message, remedy: 'r', ja: { message: `だめ: ${message}`, remedy: 'なおす' } },
    });
    if ('file' in prompt) return prompt.file === 'bad.wav' ? problem('unplayable-file', 'bad.wav is text') : undefined;
    return /[＃漢]|3x/.test(prompt.text) ? problem('unspeakable-text', `${prompt.language} ${prompt.text}`) : undefined;
  },
};

const flow = (nodes: Record<string, unknown>, more: object = {}) => ({
  ...{ flowId: 'f', language: 'ja', start: Object.keys(nodes)[0], nodes: { ...nodes, bye } },
  ...more,
});
const say = (ja: unknown) => ({ say: { type: 'say', prompt: { ja }, next: 'bye' } });
const transfer = (to: object) => ({ dial: { type: 'transfer', to, done: 'bye', failed: 'bye' } });

async function faultsOf(input: unknown, more: Partial<House> = {}): Promise<FlowFault[]> {
  const checked = await checkFlowInHouse(input, { ...house, ...more });
  return checked.ok ? [] : checked.faults;
}

describe('what only the house knows', () => {
  it.each<[string, object, Partial<House>, string, string]>([
    ['a file that is no sound', flow(say({ file: 'bad.wav' })), {}, '$.nodes.say.prompt.ja.file', 'unplayable-file'],
    [
      'one file of several that is none',
      flow(say([{ text: 'はい' }, { file: 'bad.wav' }])),
      {},
      '$.nodes.say.prompt.ja[1].file',
      'unplayable-file',
    ],
    ['a text', flow(say({ text: '＃を押して' })), {}, '$.nodes.say.prompt.ja.text', 'unspeakable-text'],
    [
      'a text for any language, in each',
      flow({ say: { type: 'say', prompt: { '*': { text: '漢' } }, next: 'bye' } }),
      {},
      '$.nodes.say.prompt["*"].text',
      'unspeakable-text',
    ],
    [
      "the flow's apology",
      flow(say({ text: 'はい' }), { apology: { ja: { text: '漢' } } }),
      {},
      '$.apology.ja.text',
      'unspeakable-text',
    ],
    [
      'a queue',
      flow({ desk: { type: 'escalate', queue: 'dekst', done: 'bye', failed: 'bye' } }),
      {},
      '$.nodes.desk.queue',
      'unknown-queue',
    ],
    ['a number', flow(transfer({ number: '09012345678' })), {}, '$.nodes.dial.to.number', 'number-not-allowed'],
    ['no trunk', flow(transfer({ number: '0312345678' })), { hasTrunk: false }, '$.nodes.dial.to.number', 'no-trunk'],
  ])('%s', async (_what, input, more, path, code) => {
    const faults = await faultsOf(input, more);
    expect(faults).toEqual([expect.objectContaining({ path, code })]);
    expect(faults[0]?.ja.message).toMatch(/[ぁ-んァ-ヶ]/);
  });

  it('where nothing is wrong there is no fault', async () => {
    expect(await faultsOf(flow(transfer({ number: '0312345678' })))).toEqual([]);
    expect(await faultsOf(flow({ desk: { type: 'escalate', queue: 'desk', done: 'bye', failed: 'bye' } }))).toEqual([]);
  });

  it('a queue that comes near is named, else those there are', async () => {
    const to = (queue: string) => flow({ desk: { type: 'escalate', queue, done: 'bye', failed: 'bye' } });
    expect((await faultsOf(to('dekst')))[0]?.remedy).toBe('Did you mean "desk"?');
    expect((await faultsOf(to('accounting')))[0]?.remedy).toBe('There are desk, sales');
  });

  it('a variable in a text stands for a digit', async () => {
    const ask = {
      ...{ type: 'collect', prompt: text('x'), variable: 'v', maxDigits: 4, next: 'say' },
      ...{ noInput: { goto: 'bye' }, invalid: { goto: 'bye' } },
    };
    const input = (words: string) => flow({ ask, ...say({ text: words }) });
    expect(await faultsOf(input('{{v}}です'))).toEqual([]);
    expect(await faultsOf(input('{{v}}x'))).toMatchObject([{ message: 'ja 3x' }]);
  });

  it('what it does not know is not checked', async () => {
    const { fileExists, promptFault } = house;
    const input = flow(transfer({ number: '09012345678' }));
    expect(await checkFlowInHouse(input, { fileExists, promptFault })).toMatchObject({ ok: true });
  });
});

describe('the file of a flow', () => {
  const json = JSON.stringify(flow(say({ text: 'はい' })));
  const utf16 = Buffer.from(json, 'utf16le');
  it.each<[string, Uint8Array, string]>([
    // 「はい」 in each encoding.
    [
      'Shift_JIS',
      Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0x82, 0xcd, 0x82, 0xa2), Buffer.from('"}')]),
      'Shift_JIS',
    ],
    ['EUC-JP', Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xa4, 0xcf, 0xa4, 0xa4), Buffer.from('"}')]), 'EUC-JP'],
    ['UTF-16 with its mark', Buffer.concat([Buffer.of(0xff, 0xfe), utf16]), 'UTF-16'],
    ['UTF-16 without', utf16, 'UTF-16'],
    ['bytes of no text', Buffer.of(0x7b, 0xff, 0xff, 0x80), 'not UTF-8'],
  ])('in %s is refused', async (_what, bytes, named) => {
    expect(await checkFlowFile(bytes, house)).toMatchObject({
      ok: false,
      faults: [
        {
          ...{ path: '$', code: 'bad-encoding', message: expect.stringContaining(named) },
          ja: { message: expect.stringContaining('UTF-8'), remedy: expect.stringContaining('UTF-8') },
        },
      ],
    });
  });

  it('of UTF-8 is read with or without a byte order mark', async () => {
    expect(await checkFlowFile(Buffer.from(json), house)).toMatchObject({ ok: true });
    expect(await checkFlowFile(Buffer.from(`\uFEFF${json}`), house)).toMatchObject({ ok: true });
  });

  it('of which letters were lost on the way is refused, with the place', async () => {
    expect(await faultsOf(flow(say({ text: 'は\uFFFD' })))).toMatchObject([
      { path: '$.nodes.say.prompt.ja.text', code: 'bad-encoding' },
    ]);
  });
});

describe('cases of a branch', () => {
  const at = (...whens: object[]) =>
    flow({
      ask: { type: 'branch', cases: whens.map((when) => ({ when, goto: 'say' })), otherwise: 'say' },
      ...say({ text: 'はい' }),
    });
  const time = (from: string, to: string, days?: string[]) => ({ time: { from, to, ...(days ? { days } : {}) } });

  it.each<[string, object[], string[]]>([
    ['behind one that always holds', [time('00:00', '24:00'), time('09:00', '18:00')], ['cases[1].when']],
    ['behind one that holds longer', [time('09:00', '18:00'), time('10:00', '12:00', ['mon'])], ['cases[1].when']],
    ['that stand twice', [{ language: 'ja' }, time('09:00', '18:00'), { language: 'ja' }], ['cases[2].when']],
    ['of fewer numbers', [{ callerPrefix: ['090'] }, { callerPrefix: ['0901', '0902'] }], ['cases[1].when']],
    ['of a whole day but for its last minute', [time('00:00', '23:59')], ['cases[0].when.time.to']],
    ['of a day that is none', [{ time: { dates: ['2027-02-29', '2028-02-29'] } }], ['cases[0].when.time.dates[0]']],
    ['of the 31st of June', [{ time: { dates: ['2027-06-31'] } }], ['cases[0].when.time.dates[0]']],
  ])('%s are refused', async (_what, whens, paths) => {
    const faults = await faultsOf(at(...whens));
    expect(faults.map(({ path }) => path)).toEqual(paths.map((path) => `$.nodes.ask.${path}`));
  });

  it.each<[string, object[]]>([
    ['a night', [time('22:00', '06:00'), time('09:00', '13:00')]],
    ['days apart', [time('09:00', '18:00', ['mon']), time('09:00', '18:00', ['tue'])]],
    ['narrow before wide', [time('12:00', '13:00'), time('09:00', '18:00')]],
    ['a night that goes on past the day before it', [time('00:00', '24:00', ['mon']), time('22:00', '06:00', ['mon'])]],
    ['a condition more', [{ ...time('09:00', '18:00'), language: 'ja' }, time('09:00', '18:00')]],
    ['until the last minute', [time('09:00', '23:59')]],
  ])('%s are fine', async (_what, whens) => {
    expect(await faultsOf(at(...whens))).toEqual([]);
  });

  it('of a flow that was published before are let by: calls wait for it', () => {
    const definition = at(time('00:00', '24:00'), time('09:00', '18:00'));
    const stored = { flowId: 'f', version: 1, accountId: 'a', definition, publishedAtMs: 0 };
    expect(() => loadFlow(stored)).not.toThrow();
    expect(checkFlow(definition, { fileExists: () => true })).toMatchObject({ ok: false });
  });
});

describe('a value in another form', () => {
  const when = (condition: object) =>
    flow({
      ask: { type: 'branch', cases: [{ when: condition, goto: 'say' }], otherwise: 'say' },
      ...say({ text: 'は' }),
    });
  it.each<[object, string]>([
    [{ time: { from: '9:00' } }, '09:00'],
    [{ time: { from: '9時' } }, '09:00'],
    [{ time: { from: '９：３０' } }, '09:30'],
    [{ time: { from: '午後6時半' } }, '18:30'],
    [{ time: { from: '9.30' } }, '09:30'],
    [{ time: { to: '6pm' } }, '18:00'],
    [{ time: { dates: ['2027/5/3'] } }, '2027-05-03'],
    [{ time: { dates: ['2027年5月3日'] } }, '2027-05-03'],
    [{ time: { dates: ['20270503'] } }, '2027-05-03'],
    [{ time: { days: ['Mon'] } }, 'mon'],
    [{ time: { days: ['Monday'] } }, 'mon'],
    [{ time: { days: ['火曜日'] } }, 'tue'],
    [{ time: { days: ['火'] } }, 'tue'],
  ])('%j: the right one is named', async (condition, right) => {
    const [fault] = await faultsOf(when(condition));
    expect(fault?.remedy).toBe(`Write "${right}"`);
    expect(fault?.ja.remedy).toBe(`「${right}」と書いてください`);
    expect(fault?.message).toContain(JSON.stringify(Object.values(Object.values(condition)[0]).flat()[0]));
  });
});
