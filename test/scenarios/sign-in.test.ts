import { afterAll, beforeAll, expect, it } from 'vitest';
import { type System, startSystem } from '../support/system.ts';
import { Browser, errorCode } from '../web/support.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system.stop());

it('the first start says where and as whom to sign in, and that is how it works', async () => {
  const output = system.program.output();
  const url = /first start: sign in at (http:\/\/\S+)\//.exec(output)?.[1] ?? '';
  for (const name of ['admin', 'hanako', 'jiro', 'sample']) {
    const password = new RegExp(`sign in as ${name} \\(\\w+\\), password (\\S+)`).exec(output)?.[1] ?? '';
    const browser = new Browser(url);
    expect((await browser.login(name, password)).status).toBe(200);
    expect((await browser.send('GET', '/me')).body['user']).toMatchObject({ loginName: name, passwordTemporary: true });
    if (name !== 'admin') continue;
    // One for all: that it is so for each role is tested with the routes.
    expect(errorCode(await browser.send('GET', '/users'))).toBe('PASSWORD_TEMPORARY');
    const passwords = { oldPassword: password, newPassword: 'moro4 tegami KAME ringo' };
    expect((await browser.send('PUT', '/me/password', passwords)).status).toBe(200);
    expect((await browser.send('GET', '/users')).status).toBe(200);
  }
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

it('says it this once only, and the data keeps no password', async () => {
  await system.program.end({ withinMs: 20_000 });
  const again = await startSystem({ dataDir: system.dataDir });
  try {
    expect(again.program.output()).not.toMatch(/password|first start/);
  } finally {
    await again.stop();
  }
});
