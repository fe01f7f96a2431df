import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { openSql } from '../../src/store/sql/open-sql.ts';
import { SqlFactStore } from '../../src/store/sql/sql-fact-store.ts';
import { toneDurationMs } from '../support/audio.ts';
import { Baresip } from '../support/baresip.ts';
import { offered } from '../support/facts.ts';
import { eventually } from '../support/poll.ts';
import { trunkPortOfOurs } from '../support/ports.ts';
import { databaseUrlOf } from '../support/scenario-database.ts';
import { denwaban, type System, startSystem } from '../support/system.ts';

const numbers = { say: '0311110001', transfer: '0311110004', nobody: '0399999999' };
const running: { stop(): Promise<unknown> | unknown }[] = [];
afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop();
});

async function start(options: Parameters<typeof startSystem>[0]): Promise<System> {
  const system = await startSystem(options);
  running.push(system);
  return system;
}

async function caller(system: System, number: string): Promise<Baresip> {
  const phone = await Baresip.start({ user: '0901111222', toneHz: 440 });
  running.push(phone);
  phone.dial(system.uri(number));
  return phone;
}

interface Reconciled {
  legs: number;
  channels: number;
  compared: number;
  differences: object[];
}

async function reconcile(system: System): Promise<{ code: number | null; result: Reconciled }> {
  const { code, output, stdout } = await denwaban(['reconcile', '--since', '1h', '--json'], system.environment);
  if (!stdout.startsWith('{')) throw new Error(output);
  return { code, result: JSON.parse(stdout) as Reconciled };
}

describe('reconcile', () => {
  it('lists nothing after calls that were answered, transferred, refused and abandoned', async () => {
    const trunkPort = trunkPortOfOurs();
    const system = await start({
      flows: 'test/scenarios/flows',
      environment: { TRUNK_URL: `sip:127.0.0.1:${trunkPort}` },
    });
    const said = await caller(system, numbers.say);
    await said.heardOf('CALL_CLOSED');
    const refused = await caller(system, numbers.nobody);
    await refused.heardOf('CALL_CLOSED');
    const callee = await Baresip.start({ user: '2001', toneHz: 880, answer: true, sipPort: trunkPort });
    running.push(callee);
    const talker = await caller(system, numbers.transfer);
    await eventually('two-way audio', () => toneDurationMs(callee.heard(), 440) > 1_500, { timeoutMs: 10_000 });
    talker.hangUp();
    await callee.heardOf('CALL_CLOSED');
    await callee.stop();
    const silent = await Baresip.start({ user: '2001', toneHz: 880, answer: false, sipPort: trunkPort });
    running.push(silent);
    const impatient = await caller(system, numbers.transfer);
    await silent.heardOf('CALL_INCOMING');
    impatient.hangUp();
    await silent.heardOf('CALL_CLOSED');

    // Six legs, of which the refused one never had a channel.
    const { code, result } = await eventually(
      'every channel on record',
      async () => {
        const reconciled = await reconcile(system);
        return reconciled.result.compared >= 5 ? reconciled : undefined;
      },
      { timeoutMs: 20_000, everyMs: 500 },
    );
    expect(result).toMatchObject({ legs: 6, compared: 5, differences: [] });
    expect(code).toBe(0);
    // What ended last has been left out until now.
    await eventually('all to have settled', async () => Date.now() > Date.parse((await ended(system)) ?? '') + 5_500, {
      timeoutMs: 15_000,
      everyMs: 500,
    });
    expect(await reconcile(system)).toMatchObject({ code: 0, result: { differences: [] } });
  }, 120_000);
});

async function ended(system: System): Promise<string | null | undefined> {
  return (await system.calls())
    .map(({ endedAt }) => endedAt)
    .sort()
    .at(-1);
}

describe('a leg whose controller died before it could save the call', () => {
  it('is closed when a controller starts', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'denwaban-data-'));
    running.push({ stop: () => rmSync(dataDir, { recursive: true, force: true }) });
    const loaded = await denwaban(['load', 'test/scenarios/flows'], { DATA_DIR: dataDir });
    expect(loaded).toMatchObject({ code: 0 });
    const options = { clock: systemClock, logger: silentLogger };
    const database = await openSql(await databaseUrlOf(dataDir), options);
    const atMs = Date.now() - 120_000;
    await new SqlFactStore(database).append([offered('call_lost', { atMs, accountId: 'scenario' })]);
    await database.close();
    const system = await start({ dataDir });
    const call = await eventually(
      'the record to be closed',
      async () => (await system.calls()).find(({ callId, endedAt }) => callId === 'call_lost' && endedAt),
      { timeoutMs: 30_000, everyMs: 500 },
    );
    expect(call.legs).toEqual([expect.objectContaining({ cause: 'controller-lost', answeredAt: null })]);
    expect(call.endedAt).toBe(new Date(atMs).toISOString());
  }, 60_000);
});
