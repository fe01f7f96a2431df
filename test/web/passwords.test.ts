import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { defaultSignInLimits } from '../../src/accounts/sign-in.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { sakura, user } from '../support/people.ts';
import {
  type Answer,
  Browser,
  cheapPasswords,
  errorCode,
  goodPassword,
  startServer,
  type TestServer,
} from './support.ts';

const hanako = user('hanako', { displayName: '山田 花子', passwordTemporary: true });
const root = user('root', { role: 'operator' });
const chosen = 'moro4 tegami KAME ringo';
let server: TestServer;
const start = async (options: Parameters<typeof startServer>[0] = {}) => {
  server = await startServer(options);
  await server.addUser(root);
};

const change = (browser: Browser, oldPassword: string, newPassword: string) =>
  browser.send('PUT', '/me/password', { oldPassword, newPassword });
const reasonsOf = (answer: Answer) => (answer.body['error'] as { reasons?: string[] }).reasons;
const actions = async () => (await server.data.audit.list({ limit: 100 })).map(({ action }) => action).reverse();

describe('a temporary password', () => {
  afterEach(() => server.stop());

  it('lets its user do nothing but choose another, whatever the role', async () => {
    await start();
    const { routes } = server.http;
    await server.data.accounts.saveAccount(sakura);
    for (const [role, more] of [
      ['operator', {}],
      ['supervisor', {}],
      ['agent', {}],
      ['account', { accountId: 'sakura' }],
    ] as const) {
      const one = user(`new-${role}`, { role, ...more, passwordTemporary: true });
      await server.addUser(one);
      const browser = new Browser(server.url);
      expect((await browser.login(one.loginName, goodPassword)).body['user']).toEqual(one);
      for (const { method, url } of routes) {
        if (!url.startsWith('/api/v1/') || method === 'HEAD' || method === 'OPTIONS') continue;
        if (['/login', '/logout', '/me', '/me/password', '/desk/live'].some((open) => url === `/api/v1${open}`))
          continue;
        const own = url.replace(':userId', one.userId).replace(':agentId', one.userId).replace(':accountId', 'sakura');
        const answer = await browser.send(method, own);
        expect([method, url, answer.status, errorCode(answer)]).toEqual([method, url, 403, 'PASSWORD_TEMPORARY']);
      }
      expect((await browser.send('GET', '/me')).status).toBe(200);
      expect((await browser.send('POST', '/logout')).status).toBe(200);
    }
  });

  it('is changed on record, and ends where else it was signed in with', async () => {
    await start();
    await server.addUser(hanako);
    const [one, two] = [new Browser(server.url), new Browser(server.url)];
    await one.login('hanako', goodPassword);
    await two.login('hanako', goodPassword);
    const refused = await one.send('GET', '/users/user_hanako');
    expect(refused.text).toContain('PUT /me/password');
    const same = await change(one, goodPassword, 'Ｃｏｒｒｅｃｔ horse battery'.replace('Ｃ', 'ｃ'));
    expect([same.status, reasonsOf(same)]).toEqual([400, ['same']]);
    expect(errorCode(await one.send('GET', '/users/user_hanako'))).toBe('PASSWORD_TEMPORARY');
    expect((await change(one, goodPassword, chosen)).body['user']).toMatchObject({ passwordTemporary: false });
    expect((await one.send('GET', '/users/user_hanako')).status).toBe(200);
    expect((await two.send('GET', '/me')).status).toBe(401);
    expect((await new Browser(server.url).login('hanako', goodPassword)).status).toBe(401);
    expect(await actions()).toEqual([
      ...['session.begin', 'session.begin', 'user.change-password', 'session.revoke-all', 'session.begin'],
      'session.refuse',
    ]);
  });

  it('expires: what is right today is told to be too late then, to whoever has it and to nobody else', async () => {
    const clock = new FakeClock();
    await start({ clock });
    await server.addUser(hanako);
    await clock.advance(defaultSignInLimits.temporaryMs - 1);
    const inTime = new Browser(server.url);
    expect((await inTime.login('hanako', goodPassword)).status).toBe(200);
    await clock.advance(1);
    const late = await new Browser(server.url).login('hanako', goodPassword);
    expect([late.status, errorCode(late), late.headers.getSetCookie()]).toEqual([401, 'PASSWORD_EXPIRED', []]);
    expect(errorCode(await new Browser(server.url).login('hanako', 'wrong password'))).toBe('SIGN_IN_REFUSED');
    expect(errorCode(await change(inTime, goodPassword, chosen))).toBe('PASSWORD_EXPIRED');
    // Of one's own choice it does not.
    await server.data.users.setPassword('user_root', (await server.data.users.passwordHashOf('user_root')) ?? '', {
      ...{ temporary: false, atMs: 0 },
    });
    const operator = new Browser(server.url);
    expect((await operator.login('root', goodPassword)).status).toBe(200);
    const { password } = (await operator.send('POST', '/users/user_hanako/password')).body;
    expect((await new Browser(server.url).login('hanako', String(password))).status).toBe(200);
  });

  it('that is taken away while it is being changed, is not changed', async () => {
    const reset = await cheapPasswords.hash('what the operator gave');
    const setPassword = () =>
      server.data.users.setPassword('user_hanako', reset, { temporary: true, atMs: systemClock.nowMs() });
    await start({ passwords: { ...cheapPasswords, weaknessesOf: () => setPassword().then(() => []) } });
    await server.addUser(hanako);
    const thief = new Browser(server.url);
    await thief.login('hanako', goodPassword);
    expect(errorCode(await change(thief, goodPassword, chosen))).toBe('PASSWORD_WRONG');
    expect(await server.data.users.passwordHashOf('user_hanako')).toBe(reset);
  });
});

describe('a new password', () => {
  const who = user('hanako', { displayName: '山田 花子', role: 'account', accountId: 'sakura' });
  let browser: Browser;
  beforeAll(async () => {
    await start();
    await server.data.accounts.saveAccount(sakura);
    await server.addUser(who);
    browser = await server.browserOf(who);
  });
  afterAll(() => server.stop());

  it.each([
    ['of many', 'Password12345!', ['common']],
    ['of many, from a full-width keyboard', 'Ｐａｓｓｗｏｒｄ１２３４５！', ['common']],
    ['too short', 'qX7)kd9#mZ2', ['short']],
    ['too short once it is read as one text', 'か\u3099'.repeat(8), ['short']],
    ['too long', 'a long one '.repeat(24), ['long']],
    ['a name of the user', 'hanako-hanako-2026', ['own', 'repeated', 'date']],
    ['the name that others see', '山田花子山田花子花子', ['short']],
    ['the name that others see, twice', '山田花子山田花子花子山田', ['own']],
    ['the account', 'さくら歯科さくら歯科2026', ['own', 'repeated', 'date']],
    ['the account’s id, spelt otherwise', 'S4kura-S4kura!', ['own']],
    ['keys side by side', 'zxcvbnm,./asdf', ['row', 'common']],
    ['the service', 'denwaban-denwaban', ['common']],
    ['one letter', 'あああああああああああああ', ['repeated']],
  ])('that is weak is refused with what is weak: %s', async (_, weak, reasons) => {
    const answer = await change(browser, goodPassword, weak);
    expect([answer.status, errorCode(answer)]).toEqual([400, 'PASSWORD_WEAK']);
    expect(reasonsOf(answer)).toEqual(expect.arrayContaining(reasons));
    expect(answer.text).not.toContain(weak.normalize('NFKC'));
    expect(answer.text).toMatch(/"remedy":"Choose at least 12 characters/);
  });

  it.each([
    'moro4 tegami KAME ringo',
    '新しい長いパスワードですよ',
    '電話番はいつでもここにいます',
    'correct horse battery staple',
    'kani-to-momo-17-tegami',
  ])('that is long is taken, whatever it is made of: %s', async (strong) => {
    const operator = new Browser(server.url);
    const now = await cheapPasswords.hash(goodPassword);
    await server.data.users.setPassword(root.userId, now, { temporary: false, atMs: 1 });
    await operator.login('root', goodPassword);
    expect((await change(operator, goodPassword, strong)).status).toBe(200);
    // Typed on another keyboard it is the same.
    const wide = strong.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));
    expect((await new Browser(server.url).login('root', wide)).status).toBe(200);
  });
});
