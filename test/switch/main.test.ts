import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { parseSettings, SettingsError } from '../../src/switch/main-settings.ts';
import { type SwitchSettings, spawnSwitch } from '../../src/switch/spawn.ts';
import { eventually } from '../support/poll.ts';
import * as call from './drachtio/sipp.ts';
import { connectSrf, killSrf, localSdp } from './drachtio/support.ts';

const settings: SwitchSettings = {
  bindAddress: '127.0.0.1',
  publicAddress: '127.0.0.1',
  sipPort: 0,
  controlPort: 0,
  controlSecret: 'secret',
  eventSocketPort: 0,
  eventSocketPassword: 'word',
  mrfSipPort: 0,
  rtpPortMin: 30_000,
  rtpPortMax: 31_999,
  maxCalls: 10,
  maxCallsPerSecond: 10,
  mediaTimeoutMs: 60_000,
};

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Starts the process and gives the line it prints. */
async function start(argument: string | undefined, env: Record<string, string> = {}) {
  const args = ['src/switch/main.ts', ...(argument === undefined ? [] : [argument])];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...env } });
  running.push(child);
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, exited, report: JSON.parse(line) as Record<string, unknown> };
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('the switch process', () => {
  it('tells the ports it chose, and ends on SIGTERM', async () => {
    const { child, exited, report } = await start(JSON.stringify(settings));
    expect(report).toMatchObject({ ready: true });
    for (const name of ['sipPort', 'controlPort', 'eventSocketPort', 'mrfSipPort']) {
      expect(report[name]).toBeGreaterThan(0);
    }
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
  });

  it('takes its settings from the environment, and ends when its standard input closes', async () => {
    const { child, exited, report } = await start(undefined, { DENWABAN_SWITCH_CONFIG: JSON.stringify(settings) });
    expect(report['ready']).toBe(true);
    child.stdin?.end();
    expect((await exited)[0]).toBe(0);
  });

  it('ends when its parent is killed', async () => {
    const parent = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { spawnSwitch } from '${new URL('../../src/switch/spawn.ts', import.meta.url)}';
         const { pid } = await spawnSwitch(${JSON.stringify(settings)});
         console.log(pid);
         setInterval(() => undefined, 1000);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    running.push(parent);
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually('its end', () => !isAlive(pid), { timeoutMs: 8_000 });
  });

  it('names the port that is in use, and the remedy', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const bound = taken.address();
    const port = bound && typeof bound === 'object' ? bound.port : 0;
    for (const name of ['sipPort', 'controlPort', 'eventSocketPort', 'mrfSipPort']) {
      const { exited, report } = await start(JSON.stringify({ ...settings, [name]: port }));
      expect(report).toMatchObject({ ready: false });
      expect(report['error']).toContain(`${port} is in use`);
      expect(report['remedy']).toContain(String(port));
      expect((await exited)[0]).toBe(1);
    }
    taken.close();
  });

  it('says what is wrong with its settings, without repeating secrets', async () => {
    const { exited, report } = await start('{"controlSecret": "hush"');
    expect(report).toMatchObject({ ready: false });
    expect(JSON.stringify(report)).not.toContain('hush');
    expect((await exited)[0]).toBe(1);
  });

  it('refuses calls while no controller is connected', async () => {
    const spawned = await spawnSwitch(settings);
    const caller = await call.sipp([call.invite(), call.refused(503)], { target: `127.0.0.1:${spawned.sipPort}` });
    await caller.done;
    await spawned.stop();
  });

  it('says BYE to every leg before it ends', async () => {
    const spawned = await spawnSwitch(settings);
    const caller = await call.sipp([call.invite(), call.answered, call.waitForBye], {
      target: `127.0.0.1:${spawned.mrfSipPort}`,
    });
    await eventually('the call to be up', () => /ACK sip:/.test(caller.messages()));
    await spawned.stop();
    await caller.done;
  });

  it('says BYE to a caller whose controller is gone, too', async () => {
    const spawned = await spawnSwitch(settings);
    const control = { host: '127.0.0.1', port: spawned.controlPort, secret: settings.controlSecret };
    const srf = await connectSrf({ control, sip: '', sipTcp: '', sipPort: spawned.sipPort, stop: spawned.stop });
    const answered = new Promise<void>((resolve) => {
      srf.invite((req, res) => {
        void srf.createUAS(req, res, { localSdp }).then(() => resolve());
      });
    });
    const caller = await call.sipp([call.invite(), call.answered, call.waitForBye], {
      target: `127.0.0.1:${spawned.sipPort}`,
    });
    await answered;
    killSrf(srf);
    await spawned.stop();
    await caller.done;
  });
});

describe('settings', () => {
  it.each([
    ['bindAddress', 'localhost'],
    ['sipPort', -1],
    ['sipPort', 70_000],
    ['maxCalls', 1.5],
    ['controlSecret', ''],
    ['eventSocketPassword', 'two words'],
    ['rtpPortMax', 30_000],
    ['mediaTimeoutMs', '60'],
  ])('%s = %j is refused by name', (name, value) => {
    const parse = () => parseSettings(JSON.stringify({ ...settings, [name]: value }));
    expect(parse).toThrow(SettingsError);
    expect(parse).toThrow(name);
  });

  it('the public address is the bound one where none is given', () => {
    const { publicAddress: _, ...rest } = settings;
    expect(parseSettings(JSON.stringify(rest)).publicAddress).toBe('127.0.0.1');
  });
});
