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

  it('read the mail server, which must be spoken to in secret unless it is on this machine', () => {
    const from = '電話番 <desk@example.com>';
    expect(readConfig({ SMTP_URL: 'smtp://desk:p%40ss@mail.example.com', MAIL_FROM: from }).mail).toEqual({
      host: 'mail.example.com',
      port: 587,
      secure: false,
      requireTls: true,
      login: { user: 'desk', password: 'p@ss' },
      from,
    });
    const mail = (url: string, tls?: string) => readConfig({ SMTP_URL: url, MAIL_FROM: from, SMTP_TLS: tls }).mail;
    expect(mail('smtps://mail.example.com')).toMatchObject({ port: 465, secure: true, login: undefined });
    expect(mail('smtp://127.0.0.1:2525')).toMatchObject({ host: '127.0.0.1', port: 2525, requireTls: false });
    expect(mail('smtp://[::1]:25', 'required')).toMatchObject({ host: '::1', requireTls: true });
    expect(mail('smtp://mail.example.com', 'optional')).toMatchObject({ requireTls: false });
    expect(readConfig({})).toMatchObject({ mail: undefined, outboxGiveUpHours: 72, allowInsecureTargets: false });
  });

  it('trust nobody on who calls unless told whom', () => {
    expect(readConfig({ TRUNK_NUMBER_FROM: 'to=192.0.2.7,10.0.0.0/8' }).numberInToPeers).toHaveLength(2);
    expect(readConfig({ TRUNK_NUMBER_FROM: 'to' }).numberInToPeers).toEqual(['0.0.0.0/0']);
    expect(readConfig({ TRUNK_NUMBER_FROM: 'request-uri' }).numberInToPeers).toEqual([]);
    expect(readConfig({}).trustedPeers).toEqual([]);
    expect(readConfig({ TRUSTED_PEERS: '192.0.2.7, 10.20.0.0/16' }).trustedPeers).toEqual([
      '192.0.2.7',
      '10.20.0.0/16',
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
    [{ SMTP_URL: 'mail.example.com' }, 'SMTP_URL must look like smtp://'],
    [{ SMTP_URL: 'smtp://user@mail.example.com' }, 'SMTP_URL must look like smtp://'],
    [{ SMTP_URL: 'smtp://mail.example.com' }, 'SMTP_URL and MAIL_FROM must be set together'],
    [{ MAIL_FROM: 'desk@example.com' }, 'SMTP_URL and MAIL_FROM must be set together'],
    [{ SMTP_URL: 'smtp://m', MAIL_FROM: 'desk' }, 'MAIL_FROM must look like desk@example.com'],
    [{ SMTP_TLS: 'maybe' }, 'SMTP_TLS must be required or optional'],
    [{ ALLOW_INSECURE_TARGETS: 'true' }, 'ALLOW_INSECURE_TARGETS must be yes or no'],
    [{ OUTBOX_GIVE_UP_HOURS: '0' }, 'OUTBOX_GIVE_UP_HOURS must be at least 1'],
    [{ TRUSTED_PEERS: '10.0.0.1, carrier.example' }, 'TRUSTED_PEERS must be IPv4 addresses or networks'],
    [{ TRUNK_NUMBER_FROM: 'from' }, 'TRUNK_NUMBER_FROM must be request-uri, to'],
    [{ TRUNK_NUMBER_FROM: 'to=carrier' }, 'TRUNK_NUMBER_FROM must be'],
    [{ TRUSTED_PEERS: '10.0.0.0/33' }, 'which "10.0.0.0/33" is not'],
    [{ RTP_PORTS: '5-3' }, 'RTP_PORTS must be a range'],
    [{ PUBLIC_URL: 'desk.example.com' }, 'PUBLIC_URL must look like https://'],
    [{ PUBLIC_URL: 'ftp://desk.example.com' }, 'PUBLIC_URL must look like https://'],
    [{ TRUSTED_PROXIES: '10.0.0.1,proxy' }, 'TRUSTED_PROXIES must be IP addresses'],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, 'TRUSTED_PROXIES must be IP addresses'],
  ])('refuse %j and say why', (environment, message) => {
    const read = () => readConfig(environment);
    expect(read).toThrow(DenwabanError);
    expect(read).toThrow(message);
  });

  it('take proxies by address and by network', () => {
    const { trustedProxies } = readConfig({ TRUSTED_PROXIES: '127.0.0.1, 10.0.0.0/8,fd00::/8' });
    expect(trustedProxies).toEqual(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
    expect(readConfig({}).trustedProxies).toEqual([]);
  });

  it('name every wrong setting at once', () => {
    expect(() => readConfig({ SIP_PORT: 'x', MAX_CALLS: '-1' })).toThrow(/SIP_PORT.*MAX_CALLS/);
  });
});
