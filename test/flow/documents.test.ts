import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { accountSchema, assignedNumberSchema } from '../../src/accounts/accounts.ts';
import { flowJsonSchema } from '../../src/flow/flow.ts';
import { collectMarks } from '../../src/flow/marks.ts';
import { nodeTypes } from '../../src/flow/nodes/index.ts';
import { flowReference } from '../../src/flow/reference.ts';

const remake = 'run scripts/make-flow-docs.ts';

describe('what is made from the node types', () => {
  it('flows/REFERENCE.md is current', () => {
    expect(readFileSync('flows/REFERENCE.md', 'utf8'), remake).toBe(flowReference());
  });

  it('flows/flow.schema.json is current', () => {
    expect(JSON.parse(readFileSync('flows/flow.schema.json', 'utf8')), remake).toEqual(
      JSON.parse(JSON.stringify(flowJsonSchema())),
    );
  });

  it('has every node type and a line about it', () => {
    const page = flowReference();
    for (const { type, summary } of nodeTypes) {
      expect(page).toContain(`\n## ${type}\n`);
      expect(summary).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('the marks by which the checker looks into nodes', () => {
  it('are found in every field that uses them, also through optional, record, list and choice', () => {
    const transfer = nodeTypes.find(({ type }) => type === 'transfer');
    const node = {
      type: 'transfer',
      prompt: { ja: { text: 'x' } },
      to: { variable: 'v' },
      done: 'a',
      busy: 'b',
      noAnswer: 'c',
      forbidden: 'd',
      failed: 'e',
    };
    const found = transfer ? collectMarks(transfer.schema, node) : [];
    expect(found.map(({ mark, path }) => `${mark} ${path.join('.')}`).sort()).toEqual([
      'dialsVariable to.variable',
      'nodeRef busy',
      'nodeRef done',
      'nodeRef failed',
      'nodeRef forbidden',
      'nodeRef noAnswer',
      'prompt prompt',
    ]);
  });
});

describe('the sample account', () => {
  const file: { account: unknown; numbers: object[] } = JSON.parse(readFileSync('flows/sample/account.json', 'utf8'));

  it('is an account with numbers that ring its flows', () => {
    expect(accountSchema.parse(file.account)).toMatchObject({ accountId: 'sample', name: 'サンプル商会' });
    for (const number of file.numbers) {
      const { flowId } = assignedNumberSchema.parse({ ...number, accountId: 'sample' });
      expect(JSON.parse(readFileSync(`flows/sample/${flowId}.json`, 'utf8'))).toMatchObject({ flowId });
    }
  });
});
