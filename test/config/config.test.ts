import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { DenwabanError } from '../../src/kernel/errors.ts';

describe('settings', () => {
  it('start a laptop with nothing set', () => {
    const config = readConfig({});
    expect(config).toMatchObject({ sipPort: 5060, httpPort: 8080, bindAddress: '127.0.0.1', logLevel: 'info' });
    expect(config.databaseUrl).toBe(`sqlite:${config.dataDir}/denwaban.sqlite`);
  });

  it('read the addresses of a real pair, secrets decoded', () => {
    const config = readConfig({
      DRACHTIO_URL: 'tcp://:c%40t@10.0.0.1',
      FREESWITCH_URLS: 'esl://:one@10.0.0.2:8022, esl://:two@10.0.0.3',
    });
    expect(config.drachtio).toEqual({ host: '10.0.0.1', port: 9022, secret: 'c@t' });
    expect(config.freeswitches).toEqual([
      { name: '10.0.0.2:8022', host: '10.0.0.2', port: 8022, password: 'one' },
      { name: '10.0.0.3', host: '10.0.0.3', port: 8021, password: 'two' },
    ]);
  });

  it.each([
    [{ SIP_PORT: '70000' }, 'SIP_PORT must be 0 to 65535'],
    [{ SIP_PORT: 'sip' }, 'SIP_PORT must be a port number'],
    [{ BIND_ADDRESS: 'localhost' }, 'BIND_ADDRESS must be an IPv4 address'],
    [{ REDIS_URL: 'localhost:6379' }, 'REDIS_URL must look like redis://'],
    [{ DATABASE_URL: 'mysql://x' }, 'DATABASE_URL must look like sqlite:'],
    [
      { DRACHTIO_URL: 'tcp://host:9022', FREESWITCH_URLS: 'esl://:p@h' },
      'DRACHTIO_URL must look like tcp://:secret@host:9022',
    ],
    [{ DRACHTIO_URL: 'tcp://:s@h' }, 'DRACHTIO_URL and FREESWITCH_URLS must be set together'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be debug'],
    [{ MAX_CALLS: '0' }, 'MAX_CALLS must be at least 1'],
    [{ TRUNK_URL: 'carrier' }, 'TRUNK_URL must look like sip:'],
    [{ RTP_PORTS: '5-3' }, 'RTP_PORTS must be a range'],
  ])('refuse %j and say why', (environment, message) => {
    const read = () => readConfig(environment);
    expect(read).toThrow(DenwabanError);
    expect(read).toThrow(message);
  });

  it('name every wrong setting at once', () => {
    expect(() => readConfig({ SIP_PORT: 'x', MAX_CALLS: '-1' })).toThrow(/SIP_PORT.*MAX_CALLS/);
  });
});
