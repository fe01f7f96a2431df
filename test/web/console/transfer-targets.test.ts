import { describe, expect, it } from 'vitest';
import { findTargets, type TransferChoice } from '../../../src/web/console/transfer-targets.ts';

const person = { title: '', note: '' };
const choice: TransferChoice = {
  persons: [
    { ...person, personId: 'sato', name: '佐藤 健', reading: 'さとう けん', title: '院長', number: '2001' },
    { ...person, personId: 'kondo', name: '近藤 明美', reading: 'こんどう あけみ' },
    { ...person, personId: 'mori', name: '森 由紀子', reading: 'もり ゆきこ', number: '+819033334444' },
  ],
  colleagues: [
    { agentId: 'taro', displayName: '鈴木太郎' },
    { agentId: 'emma', displayName: 'Emma Clark' },
  ],
  queues: [{ queueId: 'front', name: '代表受付' }],
};
const found = (typed: string) => findTargets(choice, typed).map(({ to }) => Object.values(to).join(' '));

describe('to whom a caller can be transferred', () => {
  it('is everybody while nothing is typed, except those who take messages only', () => {
    expect(found('')).toEqual(['person sato', 'person mori', 'agent taro', 'agent emma', 'queue front']);
  });

  it('is found by name, reading in either kana, position, and whatever the width and case', () => {
    expect(found('佐藤健')).toEqual(['person sato']);
    expect(found('サトウ')).toEqual(['person sato']);
    expect(found('院長')).toEqual(['person sato']);
    expect(found('ｅｍｍａ ｃ')).toEqual(['agent emma']);
    expect(found('代表')).toEqual(['queue front']);
    expect(found('近藤')).toEqual([]);
  });

  it('can be a number, however it is written; the one whose number it is comes first', () => {
    expect(found('03-1234-5678')).toEqual(['number 0312345678']);
    expect(found('０３（１２３４）５６７８')).toEqual(['number 0312345678']);
    expect(found('+81 3 1234 5678')).toEqual(['number +81312345678']);
    expect(found('090 3333 4444')).toEqual(['person mori', 'number 09033334444']);
    expect(found('2001')).toEqual(['person sato', 'number 2001']);
    expect(found('12')).toEqual([]);
    expect(found('#21')).toEqual([]);
  });

  it('has keys of its own, though an agent, a queue and a person may share an id', () => {
    const queues = [{ queueId: 'taro', name: '太郎窓口' }];
    const keys = findTargets({ ...choice, queues }, '太郎').map(({ key }) => key);
    expect(new Set(keys).size).toBe(2);
  });
});
