import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PhoneCredential, PhoneRegistrations } from '../../src/call/phones.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { newId } from '../../src/kernel/ids.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { createLogger } from '../../src/logger.ts';
import { openRedis, type RedisConnection } from '../../src/store/redis/open-redis.ts';
import { RedisPhoneRegistry } from '../../src/store/redis/redis-phone-registry.ts';
import { RedisRegistrationGuard } from '../../src/store/redis/redis-registration-guard.ts';
import { Registrar } from '../../src/telephony/registrar.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { eventually } from '../support/poll.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { EdgeProxy, ringAndCancel } from './edge-proxy.ts';
import { Bench, openPair, type Pair } from './harness.ts';
import { RegisterClient } from './register-client.ts';

let server: TestRedis;
let redis: RedisConnection;
let pair: Pair;
let bench: Bench;
let phones: PhoneRegistrations;
let client: RegisterClient;
const others: RegisterClient[] = [];

const realm = 'denwaban';
function credential(username: string, password: string, agentId: string): PhoneCredential {
  const hash = (algorithm: string) => createHash(algorithm).update(`${username}:${realm}:${password}`).digest('hex');
  return { agentId, realm, ha1Md5: hash('md5'), ha1Sha256: hash('sha256') };
}
const known = new Map([
  ['alice', credential('alice', 'wonderland', 'agent-1')],
  ['alice-soft', credential('alice-soft', 'glass', 'agent-1')],
  ['elsewhere', { ...credential('elsewhere', 'x', 'agent-2'), realm: 'another' }],
]);

beforeAll(async () => {
  [server, pair] = await Promise.all([startRedis(), openPair()]);
  redis = await openRedis(server.url, { clock: systemClock, logger: silentLogger, commandTimeoutMs: 500 });
});
afterAll(async () => {
  await pair.stop();
  await redis.close();
  await server.stop();
});
beforeEach(async () => {
  const prefix = newId('registrar');
  const limits = { perAddress: 6, perName: 3, perKnown: 3, windowMs: 60_000 };
  phones = {
    realm,
    registry: new RedisPhoneRegistry(redis, prefix),
    guard: new RedisRegistrationGuard(redis, { prefix, limits }),
    credentials: { find: async (username) => known.get(username) },
  };
  bench = await Bench.open(pair, { phones });
  client = await newClient();
});
afterEach(async () => {
  for (const one of others.splice(0)) one.close();
  await bench.close();
});

async function newClient(transport: 'udp' | 'tcp' = 'udp'): Promise<RegisterClient> {
  const opened = await RegisterClient.open(bench.sip.port, transport);
  others.push(opened);
  return opened;
}

describe('a phone registers', () => {
  test('with SHA-256, which is offered first; what it gets says until when', async () => {
    const challenged = await client.send();
    expect(challenged.status).toBe(401);
    const offered = challenged.all('WWW-Authenticate');
    expect(offered.map((line) => /algorithm=([^,]+)/.exec(line)?.[1])).toEqual(['SHA-256', 'MD5']);
    const reply = await client.answer(challenged, { expires: 120 });
    expect(reply.status).toBe(200);
    expect(reply.all('Contact')).toEqual([`${client.contact};expires=120`]);
    expect(Math.abs(Date.parse(reply.header('Date') ?? '') - Date.now())).toBeLessThan(5_000);
    expect(await phones.registry.contactsOf('agent-1')).toMatchObject([
      {
        ...{ uri: `sip:phone@127.0.0.1:${client.port}`, phone: 'alice', userAgent: 'register client' },
        source: { transport: 'udp', address: '127.0.0.1', port: client.port },
      },
    ]);
  });

  test('with MD5 where it knows nothing better', async () => {
    expect((await client.register({ algorithm: 'MD5' })).status).toBe(200);
  });

  test('with MD5 alone once it has let both pass without an answer, as phones do that know no SHA-256', async () => {
    const offered = async (to: RegisterClient, username: string) =>
      (await to.send({ username })).all('WWW-Authenticate').map((line) => /algorithm=([^,]+)/.exec(line)?.[1]);
    expect(await offered(client, 'old')).toEqual(['SHA-256', 'MD5']);
    expect(await offered(client, 'old')).toEqual(['MD5']);
    expect(await offered(client, 'other')).toEqual(['SHA-256', 'MD5']);
  });

  test('with MD5 alone where the name has used SHA-256, and with both again after that: an answer may just be lost', async () => {
    const offered = async () =>
      (await client.send()).all('WWW-Authenticate').map((line) => /algorithm=([^,]+)/.exec(line)?.[1]);
    await client.register();
    expect(await offered()).toEqual(['SHA-256', 'MD5']);
    const challenged = await client.send();
    expect(challenged.all('WWW-Authenticate')).toEqual([expect.stringContaining('algorithm=MD5')]);
    expect((await client.answer(challenged, { algorithm: 'MD5' })).status).toBe(200);
    expect(await offered()).toEqual(['SHA-256', 'MD5']);
    // It lets both pass: it is another phone than before.
    expect(await offered()).toEqual(['MD5']);
    expect(await offered()).toEqual(['MD5']);
  });

  test('by TCP', async () => {
    const tcp = await newClient('tcp');
    expect((await tcp.register()).status).toBe(200);
    expect(await phones.registry.contactsOf('agent-1')).toMatchObject([
      { source: { transport: 'tcp', port: tcp.port } },
    ]);
  });

  test('from behind NAT: kept is where it really came from, and it is to come back soon', async () => {
    const reply = await client.register({ contact: '<sip:alice@10.1.2.3:5060>;q=0.7', expires: 600 });
    expect(reply.all('Contact')).toEqual(['<sip:alice@10.1.2.3:5060>;expires=60;q=0.7']);
    expect(await phones.registry.contactsOf('agent-1')).toMatchObject([
      { uri: 'sip:alice@10.1.2.3:5060', source: { address: '127.0.0.1', port: client.port } },
    ]);
  });

  test('through edge proxies: the way back is kept with the contact, said again, changed and dropped with it', async () => {
    const away = '<sip:phone@10.255.255.1:5060>';
    // One header line each, or several values in one; names, parameters and spaces as proxies write them.
    const headers = [
      'Path: "edge" <sip:127.0.0.1:5070;transport=tcp;lr;received=sip:192.0.2.7:4711%3Btransport%3Dtcp> ; x=1',
      'pATH:<sip:inner@10.1.1.1:5062;lr;ob>,  <sip:[2001:db8::1];lr>',
      'Supported: path',
      'Require: path',
    ];
    const path = [
      '<sip:127.0.0.1:5070;transport=tcp;lr;received=sip:192.0.2.7:4711%3Btransport%3Dtcp>;x=1',
      '<sip:inner@10.1.1.1:5062;lr;ob>',
      '<sip:[2001:db8::1];lr>',
    ];
    const pathNow = async () => (await phones.registry.contactsOf('agent-1')).map((contact) => contact.path);
    const reply = await client.register({ contact: away, headers });
    expect([reply.status, reply.all('Path').join(', ')]).toEqual([200, path.join(', ')]);
    // The phone is not behind NAT for us: its proxy keeps what lies between them.
    expect([...reply.all('Contact'), ...reply.all('m')]).toEqual([`${away};expires=600`]);
    expect(await pathNow()).toEqual([path]);
    await client.register({ contact: away, headers: ['Path: <sip:127.0.0.2;lr>'] });
    expect(await pathNow()).toEqual([['<sip:127.0.0.2;lr>']]);
    expect((await client.register({ contact: away })).all('Path')).toEqual([]);
    expect(await pathNow()).toEqual([undefined]);
  });

  test('through an edge proxy on TCP, and is rung through it, also when the connection it came by has gone', async () => {
    const edge = await EdgeProxy.open();
    edge.answersInvite = '180 Ringing';
    const tcp = await newClient('tcp');
    const contact = `<sip:alice-${edge.port}@10.255.255.1:5060;transport=tcp>`;
    await tcp.register({ contact, headers: edge.path.map((hop) => `Path: ${hop}`) });
    tcp.close();
    await ringAndCancel(bench, await phones.registry.contactsOf('agent-1'));
    const { uri, all } = await edge.request('INVITE');
    expect([`<${uri}>`, all('Route').join(', ')]).toEqual([contact, edge.path.join(', ')]);
    edge.close();
  });

  test('again with the same nonce and the next count, without another challenge', async () => {
    const challenged = await client.send();
    expect((await client.answer(challenged, {}, 1)).status).toBe(200);
    expect((await client.answer(challenged, {}, 2)).status).toBe(200);
  });

  test('several contacts, asks for them, and ends them all', async () => {
    const contact = '<sip:a@127.0.0.1:1>;expires=100, <sip:b@127.0.0.1:2>;q=0.2';
    expect((await client.register({ contact })).status).toBe(200);
    const asked = await client.register({ contact: undefined });
    expect(asked.all('Contact').map((line) => line.replace(/expires=\d+/, ''))).toEqual([
      ...['<sip:a@127.0.0.1:1>;', '<sip:b@127.0.0.1:2>;;q=0.2'],
    ]);
    expect((await client.register({ contact: '*', expires: 60 })).status).toBe(400);
    const ended = await client.register({ contact: '*', expires: 0 });
    expect([ended.status, ended.all('Contact')]).toEqual([200, []]);
    expect(await phones.registry.contactsOf('agent-1')).toEqual([]);
  });

  test('two phones of one agent, each seeing its own', async () => {
    await client.register();
    const soft = await newClient();
    const reply = await soft.register({ username: 'alice-soft', password: 'glass' });
    expect(reply.all('Contact')).toHaveLength(1);
    expect(await phones.registry.contactsOf('agent-1')).toHaveLength(2);
  });
});

test('controllers that share a drachtio take each other’s challenges', async () => {
  const other = await Bench.open(pair, { phones });
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await client.register()).status);
  await other.close();
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
});

describe('what is refused', () => {
  test('too short an expiry, with the shortest that is taken', async () => {
    const reply = await client.register({ expires: 10 });
    expect([reply.status, reply.header('Min-Expires')]).toEqual([423, '60']);
    expect((await client.register({ expires: 60 })).status).toBe(200);
  });

  test('an older REGISTER that comes late', async () => {
    expect((await client.register({ cseq: 10 })).status).toBe(200);
    const late = await newClient();
    expect((await late.register({ callId: client.callId, cseq: 5, contact: client.contact, expires: 0 })).status).toBe(
      500,
    );
    expect(await phones.registry.contactsOf('agent-1')).toHaveLength(1);
  });

  test('the eleventh contact', async () => {
    const eleven = Array.from({ length: 11 }, (_, i) => `<sip:c${i}@127.0.0.1:9>`).join(', ');
    expect((await client.register({ contact: eleven })).status).toBe(403);
  });

  test('another phone’s address, contacts that cannot be rung, extensions we do not have', async () => {
    expect((await client.register({ to: 'alice-soft' })).status).toBe(403);
    expect((await client.register({ contact: '<tel:110>' })).status).toBe(400);
    const reply = await client.send({ headers: ['Require: gruu'] });
    expect([reply.status, reply.header('Unsupported')]).toEqual([420, 'gruu']);
    expect(await phones.registry.contactsOf('agent-1')).toEqual([]);
  });

  test('a way back that nobody could go', async () => {
    const bad = ['sip:127.0.0.1;lr', '<tel:+8131234>', '<sip:a@h>, x', `<sip:${'a'.repeat(480)}@h;lr>, `.repeat(3)];
    bad.push(
      `<sip:a@h>${', <sip:a@h>'.repeat(10)}`,
      `<sip:h;lr>${', <sip:edge-proxy-number-one.of-the-telephony-department.example.net:5062;transport=tcp;lr>'.repeat(9)}`,
    );
    for (const path of bad) {
      const reply = await client.register({ headers: [`Path: ${path.replace(/, $/, '')}`] });
      expect(reply.status, path.slice(0, 50)).toBe(400);
    }
    expect(await phones.registry.contactsOf('agent-1')).toEqual([]);
    const needed = await client.send({ headers: ['Require: path, gruu'] });
    expect([needed.status, needed.header('Unsupported')]).toEqual([420, 'gruu']);
  });

  test('a replay: the same count of a nonce again', async () => {
    const challenged = await client.send();
    await client.answer(challenged, {}, 7);
    for (const nc of [7, 6]) {
      const reply = await client.answer(challenged, {}, nc);
      expect(reply.status).toBe(401);
      expect(reply.header('WWW-Authenticate')).toContain('stale=true');
    }
  });

  test('a nonce that was not ours, whatever the password: with a new one', async () => {
    const challenged = await client.send();
    for (const password of ['wonderland', 'wrong']) {
      const foreign = { alter: (all: Record<string, string>) => ({ ...all, nonce: '"made-up"' }), password };
      const reply = await client.answer(challenged, foreign);
      expect([reply.status, reply.header('WWW-Authenticate')?.includes('stale=true')]).toEqual([401, true]);
    }
    expect(await phones.guard.waitMs({ username: 'alice', address: '127.0.0.1' })).toBe(0);
  });

  test('a wrong password, and the log says whose phone it was and from where', async () => {
    const lines: string[] = [];
    await bench.close();
    bench = await Bench.open(pair, { phones, logger: createLogger('info', { write: (line) => lines.push(line) }) });
    const phone = await newClient();
    expect((await phone.register({ password: 'wrong' })).status).toBe(403);
    const logged = lines.map((line) => JSON.parse(line)).filter(({ phone: name }) => name === 'alice');
    expect(logged).toEqual([expect.objectContaining({ address: '127.0.0.1' })]);
  });

  test('an unknown name exactly as a wrong password', async () => {
    const texts = [];
    for (const username of ['alice', 'nobody', 'elsewhere']) {
      const replies = [];
      for (let i = 0; i < 4; i++) {
        const reply = await (await newClient()).register({ username, password: 'wrong' });
        const challenge = reply
          .all('WWW-Authenticate')
          .join()
          .replace(/nonce="[^"]*"/g, '');
        replies.push([reply.status, challenge, reply.header('Retry-After') !== undefined]);
      }
      texts.push(JSON.stringify(replies));
      await redis.client.flushall();
      await bench.close();
      bench = await Bench.open(pair, { phones });
    }
    expect(new Set(texts).size).toBe(1);
    expect(JSON.parse(texts[0] ?? '[]').map(([status]: [number]) => status)).toEqual([403, 403, 403, 503]);
  });

  test('a name that failed too often, even with the right password; not the phone that is at home there', async () => {
    await client.register({ username: 'alice-soft', password: 'glass' });
    for (let i = 0; i < 3; i++) await client.register({ password: 'wrong' });
    const reply = await client.register();
    expect([reply.status, Number(reply.header('Retry-After')) > 50]).toEqual([503, true]);
    for (let i = 0; i < 3; i++) await client.register({ username: `guess-${i}`, password: 'wrong' });
    expect((await client.register({ username: 'fresh', password: 'x' })).status).toBe(503);
    expect((await client.register({ username: 'alice-soft', password: 'glass' })).status).toBe(200);
  });

  test('for no longer than the store has been away so far, 15 s at most', async () => {
    const clock = new FakeClock();
    let isAway = true;
    const guard: PhoneRegistrations['guard'] = {
      ...phones.guard,
      secret: async () => {
        if (isAway) throw new Error('away');
        return 'secret';
      },
      lastUse: async () => undefined,
    };
    const registrar = new Registrar({ phones: { ...phones, guard }, clock, logger: silentLogger });
    const wait = async () => {
      const source = { transport: 'udp', address: '127.0.0.1', port: 5060 } as const;
      const { status, headers } = await registrar.handle({ source, header: () => undefined });
      return status === 503 ? Number(headers['Retry-After']) : status;
    };
    expect(await wait()).toBe(1);
    for (const [afterMs, mostSeconds] of [
      [2_000, 2],
      [8_000, 10],
      [3_600_000, 15],
    ] as const) {
      await clock.advance(afterMs);
      const seconds = await wait();
      expect(seconds).toBeLessThanOrEqual(mostSeconds);
      expect(seconds).toBeGreaterThanOrEqual(Math.floor(mostSeconds / 2));
    }
    isAway = false;
    expect(await wait()).toBe(401);
    isAway = true;
    await clock.advance(31_000);
    expect(await wait()).toBe(1);
  });

  test('everything while Redis is away, with the time to come back; then it works again', async () => {
    await client.register();
    process.kill(server.pid, 'SIGSTOP');
    try {
      const reply = await client.register();
      // It has been away for a moment only.
      expect([reply.status, reply.header('Retry-After')]).toEqual([503, '1']);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await eventually('it registers again', async () => (await client.register()).status === 200);
  });
});

test('a nonce that has grown old is stale, and a challenge of one controller is good at another', async () => {
  const clock = new FakeClock();
  const [one, other] = [0, 1].map(() => new Registrar({ phones, clock, logger: silentLogger }));
  const source = { transport: 'udp', address: '192.0.2.1', port: 5060 } as const;
  let nc = 0;
  const register = (registrar: Registrar | undefined, nonce: string, from: string = source.address) => {
    const uri = 'sip:desk';
    const hash = (text: string) => createHash('md5').update(text).digest('hex');
    const count = (++nc).toString(16).padStart(8, '0');
    const response = hash(`${hash(`alice:${realm}:wonderland`)}:${nonce}:${count}:c:auth:${hash(`REGISTER:${uri}`)}`);
    const authorization = `Digest username="alice", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", cnonce="c", qop=auth, nc=${count}`;
    const headers = new Map([
      ...Object.entries({
        Authorization: nonce === '' ? '' : authorization,
        To: '<sip:alice@desk>',
        CSeq: `${nc} REGISTER`,
      }),
      ...Object.entries({ 'Call-ID': 'c1', Contact: '<sip:alice@192.0.2.1:5060>' }),
    ]);
    return registrar?.handle({ source: { ...source, address: from }, header: (name) => headers.get(name) });
  };
  const challenged = await register(one, '');
  const nonce = /nonce="([^"]*)"/.exec([challenged?.headers['WWW-Authenticate']].flat()[0] ?? '')?.[1] ?? '';
  expect(await register(other, nonce)).toMatchObject({ status: 200 });
  expect(JSON.stringify(await register(one, nonce, '192.0.2.2'))).toContain('stale=true');
  await clock.advance(299_000);
  expect(await register(one, nonce)).toMatchObject({ status: 200 });
  await clock.advance(2_000);
  expect(await register(one, nonce)).toMatchObject({ status: 401 });
  expect(JSON.stringify(await register(one, nonce))).toContain('stale=true');
});
