import { expect, it } from 'vitest';
import { ConnectionLimits, type LimitedConnection } from '../../src/kernel/connection-limits.ts';

interface Made extends LimitedConnection {
  closed: boolean;
}

let clockMs = 0;
function made(address: string, silent = true): Made {
  const connection: Made = {
    ...{ address, silent, heardAtMs: ++clockMs, closed: false },
    close: () => {
      connection.closed = true;
    },
  };
  return connection;
}

const open = (connections: Made[]) => connections.filter(({ closed }) => !closed).length;

it('silent connections of one address make room for each other, and for nobody else', () => {
  const limits = new ConnectionLimits({ total: 100, perAddress: 50, silentPerAddress: 10 });
  const honest = made('192.0.2.1', false);
  limits.add(honest);
  const flood = Array.from({ length: 1_000 }, () => made('192.0.2.66'));
  for (const one of flood) limits.add(one);
  expect(open(flood)).toBe(10);
  expect(flood.at(-1)?.closed).toBe(false);
  expect(honest.closed).toBe(false);
  expect(limits.count).toBe(11);
});

it('an address has a bound, and the longest unheard of its connections goes', () => {
  const limits = new ConnectionLimits({ total: 100, perAddress: 50, silentPerAddress: 10 });
  const all = Array.from({ length: 60 }, () => made('192.0.2.66', false));
  for (const one of all) limits.add(one);
  expect(all.map(({ closed }) => closed)).toEqual([...Array(10).fill(true), ...Array(50).fill(false)]);
});

it('when all are taken, whoever has most makes room', () => {
  const limits = new ConnectionLimits({ total: 60, perAddress: 50, silentPerAddress: 10 });
  const many = Array.from({ length: 50 }, () => made('192.0.2.66', false));
  const few = Array.from({ length: 30 }, (_, i) => made(`198.51.100.${i}`, false));
  for (const one of [...many, ...few]) limits.add(one);
  expect(open(few)).toBe(30);
  expect(open(many)).toBe(30);
  for (const one of [...many, ...few]) limits.remove(one);
  expect(limits.count).toBe(0);
});
