import { afterEach, describe, expect, it } from 'vitest';
import { createPasswords } from '../../src/accounts/passwords.ts';
import { defaultSignInLimits } from '../../src/accounts/sign-in.ts';
import { compareEffort } from '../support/effort.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { sakura, user } from '../support/people.ts';
import { Browser, cheapPasswords, errorCode, goodPassword, startServer, type TestServer } from './support.ts';

const hanako = user('hanako', { displayName: '花子' });
const root = user('root', { role: 'operator' });
let server: TestServer;
const start = async (options: Parameters<typeof startServer>[0] = {}) => {
  server = await startServer(options);
  await server.addUser(hanako);
  await server.addUser(root);
  return server;
};
const browser = () => new Browser(server.url);
const actions = async () => (await server.data.audit.list({ limit: 100 })).map(({ action }) => action).reverse();
afterEach(() => server.stop());

describe('signing in', () => {
  it('gives a cookie that scripts and other sites cannot use, and says who one is', async () => {
    await start();
    const window = browser();
    const answer = await window.login(' Hanako ', goodPassword);
    expect(answer.status).toBe(200);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^denwaban_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const me = await window.send('GET', '/me');
    expect(me.body).toEqual({
      user: hanako,
      session: { sessionId: expect.any(String), createdAtMs: expect.any(Number), expiresAtMs: expect.any(Number) },
    });
    expect(answer.body).toEqual(me.body);
    expect(await actions()).toEqual(['session.begin']);
  });

  it('keeps nothing in the database that would sign anybody in', async () => {
    await start();
    const window = browser();
    await window.login('hanako', goodPassword);
    const token = window.cookie?.split('=')[1] ?? '';
    const stored = JSON.stringify(await server.database.db.selectFrom('sessions').selectAll().execute());
    expect(stored).not.toContain(token);
    const [row] = await server.database.db.selectFrom('sessions').selectAll().execute();
    for (const known of [row?.token_hash, row?.session_id]) {
      const thief = new Browser(server.url, `denwaban_session=${known}`);
      expect(errorCode(await thief.send('GET', '/me'))).toBe('NOT_SIGNED_IN');
    }
  });

  it('is refused alike for a wrong password, an unknown name and a disabled user', async () => {
    await start();
    await server.addUser(user('taro', { status: 'disabled' }));
    const answers = [
      await browser().login('hanako', 'wrong password'),
      await browser().login('nobody', 'wrong password'),
      await browser().login('taro', goodPassword),
    ];
    for (const answer of answers) {
      expect([answer.status, answer.text]).toEqual([401, answers[0]?.text]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    }
    expect(await actions()).toEqual(['session.refuse', 'session.refuse', 'session.refuse']);
    const record = JSON.stringify(await server.data.audit.list({ limit: 9 }));
    expect(record).not.toMatch(/nobody|wrong password/);
  });

  it('takes as much work for an unknown name as for a wrong password', async () => {
    const limits = { ...defaultSignInLimits, failuresPerName: 1_000, failuresPerAddress: 1_000 };
    const passwords = createPasswords();
    await start({ passwords, signInLimits: limits });
    const hash = await passwords.hash(goodPassword);
    await server.data.users.setPassword('user_hanako', hash, { temporary: false, atMs: 1 });
    const attempt = (name: string) => async () => {
      expect((await browser().login(name, 'wrong password')).status).toBe(401);
    };
    const ratio = await compareEffort(attempt('hanako'), attempt('nobody'));
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });

  it('hashes a password anew when the price has gone up', async () => {
    await start();
    const old = createPasswords({ algorithm: 'scrypt', costLog2: 10, blockSize: 8, parallelism: 1 });
    await server.data.users.setPassword('user_hanako', await old.hash(goodPassword), { temporary: false, atMs: 1 });
    expect((await browser().login('hanako', goodPassword)).status).toBe(200);
    const hash = await server.data.users.passwordHashOf('user_hanako');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
    expect((await browser().login('hanako', goodPassword)).status).toBe(200);
    expect(await server.data.users.passwordHashOf('user_hanako')).toBe(hash);
  });

  it('over https has a cookie for https alone', async () => {
    await start({ publicUrl: 'https://desk.example' });
    const window = browser();
    const answer = await window.login('hanako', goodPassword, { origin: 'https://desk.example' });
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-denwaban_session=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    expect(answer.headers.get('strict-transport-security')).toBe('max-age=31536000');
    expect((await window.send('GET', '/me')).status).toBe(200);
  });
});

describe('guessing', () => {
  const limits = { ...defaultSignInLimits, failuresPerName: 3, failuresPerAddress: 6 };

  it('at one name is stopped, alike for names that exist and others; even the right password waits', async () => {
    const clock = new FakeClock();
    await start({ clock, signInLimits: limits });
    for (const name of ['hanako', 'nobody']) {
      for (let attempt = 1; attempt <= 3; attempt++) {
        expect((await browser().login(name, 'wrong password')).status).toBe(401);
      }
    }
    // The address has reached its limit as well: from another the name's limit shows.
    for (const name of ['hanako', 'nobody']) {
      const answer = await browser().login(name, goodPassword);
      expect([answer.status, errorCode(answer)]).toEqual([429, 'TOO_MANY_ATTEMPTS']);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(800);
    }
    await clock.advance(limits.windowMs);
    expect((await browser().login('hanako', goodPassword)).status).toBe(200);
  });

  it('from one address is stopped, from others not; a proxy that is trusted names the address', async () => {
    await start({ signInLimits: limits, trustedProxies: ['127.0.0.1'] });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    for (let attempt = 1; attempt <= 6; attempt++) {
      await browser().login(`name${attempt}`, 'wrong password', from(`2001:db8::${attempt}`));
    }
    expect((await browser().login('hanako', goodPassword, from('2001:db8::99'))).status).toBe(429);
    expect((await browser().login('hanako', goodPassword, from('2001:db8:0:1::1'))).status).toBe(200);
    expect((await browser().login('hanako', goodPassword, from('192.0.2.1'))).status).toBe(200);
  });

  it('elsewhere keeps nobody out: neither who signs in from another network nor who is signed in', async () => {
    await start({ signInLimits: { ...limits, failuresPerNameElsewhere: 20 }, trustedProxies: ['127.0.0.1'] });
    const from = (address: string) => ({ 'x-forwarded-for': address });
    const owner = browser();
    expect((await owner.login('hanako', goodPassword, from('192.0.2.1'))).status).toBe(200);
    for (let attempt = 1; attempt <= 40; attempt++) {
      await browser().login('hanako', 'wrong password', from(`198.51.100.${attempt}`));
    }
    // Who guesses waits, at each address that has had its share; the owner does not.
    for (let attempt = 1; attempt <= 4; attempt++) await browser().login('hanako', 'wrong', from('203.0.113.1'));
    expect((await browser().login('hanako', goodPassword, from('203.0.113.1'))).status).toBe(429);
    expect((await owner.send('GET', '/me')).status).toBe(200);
    expect((await browser().login('hanako', goodPassword, from('192.0.2.1'))).status).toBe(200);
  });

  it('is not made possible by naming other addresses oneself', async () => {
    await start({ signInLimits: limits });
    for (let attempt = 1; attempt <= 6; attempt++) {
      await browser().login(`name${attempt}`, 'wrong password', { 'x-forwarded-for': `192.0.2.${attempt}` });
    }
    expect((await browser().login('hanako', goodPassword, { 'x-forwarded-for': '192.0.2.77' })).status).toBe(429);
  });

  it('with many requests at once gets no more attempts', async () => {
    await start({ signInLimits: limits });
    const answers = await Promise.all(Array.from({ length: 12 }, () => browser().login('hanako', 'wrong password')));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(3);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(9);
  });

  it('does not count sign-ins that succeed', async () => {
    await start({ signInLimits: limits });
    for (let attempt = 1; attempt <= 10; attempt++) {
      expect((await browser().login('hanako', goodPassword)).status).toBe(200);
    }
  });

  it('at the old password is limited too', async () => {
    await start({ signInLimits: limits });
    const window = await server.browserOf(hanako);
    const change = () =>
      window.send('PUT', '/me/password', { oldPassword: 'wrong', newPassword: 'a new long password' });
    expect([errorCode(await change()), errorCode(await change()), errorCode(await change())]).toEqual([
      'PASSWORD_WRONG',
      'PASSWORD_WRONG',
      'PASSWORD_WRONG',
    ]);
    expect((await change()).status).toBe(429);
  });
});

describe('a session', () => {
  it('ends when it is not used', async () => {
    const clock = new FakeClock();
    await start({ clock });
    const window = browser();
    await window.login('hanako', goodPassword);
    await clock.advance(defaultSignInLimits.idleMs - 1);
    expect((await window.send('GET', '/me')).status).toBe(200);
    await clock.advance(defaultSignInLimits.idleMs - 1);
    expect((await window.send('GET', '/me')).status).toBe(200);
    await clock.advance(defaultSignInLimits.idleMs);
    expect(errorCode(await window.send('GET', '/me'))).toBe('NOT_SIGNED_IN');
  });

  it('ends after its time, however busy', async () => {
    const clock = new FakeClock();
    await start({ clock });
    const window = browser();
    await window.login('hanako', goodPassword);
    for (let passed = 0; passed < defaultSignInLimits.absoluteMs; passed += 3_600_000) {
      expect((await window.send('GET', '/me')).status).toBe(200);
      await clock.advance(3_600_000);
    }
    expect((await window.send('GET', '/me')).status).toBe(401);
  });

  it('ends by signing out, and no other with it', async () => {
    await start();
    const [one, two] = [browser(), browser()];
    await one.login('hanako', goodPassword);
    await two.login('hanako', goodPassword);
    const { cookie } = one;
    expect((await one.send('POST', '/logout')).status).toBe(200);
    expect(one.cookie).toBeUndefined();
    expect((await new Browser(server.url, cookie).send('GET', '/me')).status).toBe(401);
    expect((await two.send('GET', '/me')).status).toBe(200);
    expect(await actions()).toEqual(['session.begin', 'session.begin', 'session.end']);
  });

  it('can be ended one by one and all at once', async () => {
    await start();
    const [one, two, three] = [browser(), browser(), browser()];
    for (const window of [one, two, three]) await window.login('hanako', goodPassword);
    const { sessions } = (await one.send('GET', '/users/user_hanako/sessions')).body as {
      sessions: { sessionId: string; userAgent: string }[];
    };
    expect(sessions).toHaveLength(3);
    const mine = ((await one.send('GET', '/me')).body as { session: { sessionId: string } }).session.sessionId;
    const other = sessions.find(({ sessionId }) => sessionId !== mine)?.sessionId;
    expect((await one.send('DELETE', `/users/user_hanako/sessions/${other}`)).status).toBe(200);
    expect(errorCode(await one.send('DELETE', `/users/user_hanako/sessions/${other}`))).toBe('SESSION_UNKNOWN');
    const states = await Promise.all([one, two, three].map(async (window) => (await window.send('GET', '/me')).status));
    expect(states.filter((status) => status === 200)).toHaveLength(2);
    const operator = await server.browserOf(root);
    expect((await operator.send('DELETE', '/users/user_hanako/sessions')).status).toBe(200);
    for (const window of [one, two, three]) expect((await window.send('GET', '/me')).status).toBe(401);
  });

  it('ends everywhere when the password changes, by oneself or an operator', async () => {
    await start();
    const [one, two] = [browser(), browser()];
    await one.login('hanako', goodPassword);
    await two.login('hanako', goodPassword);
    const old = one.cookie;
    const weak = await one.send('PUT', '/me/password', { oldPassword: goodPassword, newPassword: 'short' });
    expect([weak.status, errorCode(weak)]).toEqual([400, 'PASSWORD_WEAK']);
    const changed = await one.send('PUT', '/me/password', {
      oldPassword: goodPassword,
      newPassword: '新しい長いパスワードですよ',
    });
    expect(changed.status).toBe(200);
    expect(one.cookie).not.toBe(old);
    expect((await one.send('GET', '/me')).status).toBe(200);
    expect((await two.send('GET', '/me')).status).toBe(401);
    expect((await new Browser(server.url, old).send('GET', '/me')).status).toBe(401);
    expect((await browser().login('hanako', goodPassword)).status).toBe(401);
    const operator = await server.browserOf(root);
    const reset = await operator.send('POST', '/users/user_hanako/password');
    expect((await one.send('GET', '/me')).status).toBe(401);
    const again = await browser().login('hanako', String(reset.body['password']));
    expect(again.body['user']).toMatchObject({ passwordTemporary: true });
    expect(JSON.stringify(await server.data.audit.list({ limit: 100 }))).not.toMatch(/パスワード|argon2/);
  });

  it('ends when the user is disabled or gets another role', async () => {
    await start();
    const operator = await server.browserOf(root);
    const window = browser();
    await window.login('hanako', goodPassword);
    await operator.send('PATCH', '/users/user_hanako', { displayName: '花子さん' });
    expect((await window.send('GET', '/me')).status).toBe(200);
    await operator.send('PATCH', '/users/user_hanako', { role: 'supervisor' });
    expect((await window.send('GET', '/me')).status).toBe(401);
    await window.login('hanako', goodPassword);
    await operator.send('PATCH', '/users/user_hanako', { status: 'disabled' });
    expect((await window.send('GET', '/me')).status).toBe(401);
    expect((await window.login('hanako', goodPassword)).status).toBe(401);
  });

  it('of an account ends with the account, which is not let in again', async () => {
    await start();
    await server.data.accounts.saveAccount(sakura);
    const sato = user('sato', { role: 'account', accountId: 'sakura' });
    await server.addUser(sato);
    const window = browser();
    expect((await window.login('sato', goodPassword)).status).toBe(200);
    await server.data.accounts.saveAccount({ ...sakura, status: 'suspended' });
    expect((await window.send('GET', '/accounts/sakura')).status).toBe(200);
    await server.data.accounts.saveAccount({ ...sakura, status: 'ended' });
    expect((await window.send('GET', '/accounts/sakura')).status).toBe(401);
    expect(errorCode(await window.login('sato', goodPassword))).toBe('SIGN_IN_REFUSED');
  });

  it('of one user there are so many; the oldest gives way', async () => {
    await start({ signInLimits: { ...defaultSignInLimits, sessionsPerUser: 2 } });
    const windows = [browser(), browser(), browser()];
    for (const window of windows) await window.login('hanako', goodPassword);
    const states = await Promise.all(windows.map(async (window) => (await window.send('GET', '/me')).status));
    expect(states.filter((status) => status === 200)).toHaveLength(2);
    expect(states[2]).toBe(200);
  });
});

describe('requests from other sites', () => {
  it.each([
    ['no header of ours', { 'x-denwaban': undefined }],
    ['another origin', { origin: 'https://evil.example' }],
    ['an origin that hides', { origin: 'null' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['a browser that says so', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbouring site', { 'sec-fetch-site': 'same-site' }],
  ])('change nothing: %s', async (_, headers) => {
    await start();
    const operator = await server.browserOf(root);
    const before = await actions();
    const answer = await operator.send('PATCH', '/users/user_hanako', { status: 'disabled' }, headers);
    expect([answer.status, errorCode(answer)]).toEqual([403, 'CROSS_SITE']);
    expect((await browser().login('hanako', goodPassword, headers)).status).toBe(403);
    expect(await server.data.users.find('user_hanako')).toEqual(hanako);
    expect(await actions()).toEqual(before);
  });

  it('are told apart by the public address, where there is one', async () => {
    await start({ publicUrl: 'https://desk.example' });
    expect((await browser().login('hanako', goodPassword)).status).toBe(403);
    expect((await browser().login('hanako', goodPassword, { origin: 'http://desk.example' })).status).toBe(403);
    expect((await browser().login('hanako', goodPassword, { origin: 'https://desk.example' })).status).toBe(200);
    expect((await browser().login('hanako', goodPassword, { origin: undefined })).status).toBe(200);
  });
});

it('a password is checked at its full price', async () => {
  await start({ passwords: createPasswords() });
  expect((await browser().login('hanako', goodPassword)).status).toBe(200);
  expect(await server.data.users.passwordHashOf('user_hanako')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await cheapPasswords.check(goodPassword, await server.data.users.passwordHashOf('user_hanako'))).toMatchObject(
    {
      correct: true,
    },
  );
});
