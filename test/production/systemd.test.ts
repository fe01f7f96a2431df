import { describe, expect, it } from 'vitest';
import { read } from './files.ts';

/** Unit files as operators copy them: what `systemd-analyze verify` does not know of them. */

const units = ['drachtio', 'freeswitch', 'denwaban@'];
const settings = (unit: string) => {
  const lines = read(`scripts/systemd/${unit}.service`).split('\n');
  const pairs = lines.filter((line) => /^[A-Z]\w+=/.test(line)).map((line) => line.split(/=(.*)/s).slice(0, 2));
  return new Map(pairs.map(([name = '', value = '']) => [name, value]));
};

describe.each(units)('%s.service', (unit) => {
  it('is started again for ever, soon, with room for its sockets and an end to its memory', () => {
    const of = settings(unit);
    const wanted = {
      Restart: 'always',
      RestartSec: '1',
      StartLimitIntervalSec: '0',
      LimitNOFILE: '65536',
      LimitCORE: '0',
    };
    expect(Object.fromEntries(of)).toMatchObject(wanted);
    expect(of.get('MemoryMax')).toMatch(/^[1-9]G$/);
    expect(of.get('User')).not.toBe('root');
  });

  it('has no secret on its command line, which everybody can read', () => {
    expect(settings(unit).get('ExecStart')).not.toMatch(/secret|password/i);
  });
});

it('a controller is stopped by letting its calls end, and needs no other part to be there when it starts', () => {
  const of = settings('denwaban@');
  expect([of.get('KillSignal'), of.get('KillMode')]).toEqual(['SIGUSR2', 'mixed']);
  expect(of.has('Requires') || of.has('BindsTo')).toBe(false);
  expect(of.get('After')).toContain('drachtio.service freeswitch.service');
});
