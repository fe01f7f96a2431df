import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSince } from '../../src/cli/reconcile.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlChannelRecordStore } from '../../src/store/sql/sql-channel-record-store.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { fact, offered } from '../support/facts.ts';
import { denwaban } from '../support/system.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'denwaban-reconcile-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('denwaban reconcile', () => {
  it('ends with 1 and says what differs, without anybody’s number; with 0 where nothing does', async () => {
    const atMs = Date.now() - 3_600_000;
    const database = await openSql(`sqlite:${join(folder, 'denwaban.sqlite')}`, {
      clock: systemClock,
      logger: silentLogger,
    });
    await new SqlFactStore(database).append([
      offered('c', { atMs }),
      fact('c', 2, { type: 'answered', legId: 'c-caller' }, { atMs }),
      fact('c', 3, { type: 'ended', legId: 'c-caller', cause: 'caller-hangup' }, { atMs: atMs + 10_000 }),
    ]);
    const times = { createdAtMs: atMs, answeredAtMs: atMs, endedAtMs: atMs + 12_500 };
    await new SqlChannelRecordStore(database).add([
      { legId: 'c-caller', server: 'fs1', ...times, hangupCause: 'NORMAL_CLEARING' },
      { legId: 'ghost', server: 'fs1', ...times, hangupCause: 'NORMAL_CLEARING' },
    ]);
    await database.close();
    const data = { DATA_DIR: folder };
    const [text, json, recent, wrong] = await Promise.all([
      denwaban(['reconcile'], data),
      denwaban(['reconcile', '--json', '--since', '2h'], data),
      denwaban(['reconcile', '--since', '30m'], data),
      denwaban(['reconcile', '--since', 'yesterday'], data),
    ]);
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('ended at another time: c  c-caller  on fs1');
    expect(text.stdout).toContain('2.500 s apart');
    expect(text.stdout).toContain('a channel that is not on record: ghost');
    expect(text.stdout).not.toContain('8190');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      found: 2,
      differences: [
        { kind: 'ended-differs', callId: 'c', switchAt: new Date(atMs + 12_500).toISOString(), differenceMs: 2_500 },
        { kind: 'no-leg', legId: 'ghost' },
      ],
    });
    expect(recent).toMatchObject({ code: 0, stdout: expect.stringContaining('0 differences') });
    expect(wrong.code).toBe(1);
    expect(wrong.output).toContain('remedy');
  }, 60_000);

  it('takes a time or how long ago', () => {
    const nowMs = Date.UTC(2026, 0, 31, 12);
    expect(readSince('24h', nowMs)).toBe(Date.UTC(2026, 0, 30, 12));
    expect(readSince('90m', nowMs)).toBe(Date.UTC(2026, 0, 31, 10, 30));
    expect(readSince('2026-01-31T00:00:00+09:00', nowMs)).toBe(Date.UTC(2026, 0, 30, 15));
    for (const wrong of ['', '24', 'h', '2026-01-31', '2026-13-01T00:00:00Z', '-1h']) {
      expect(() => readSince(wrong, nowMs)).toThrow('neither a time nor how long ago');
    }
  });
});
