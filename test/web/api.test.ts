import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { phoneHashes } from '../../src/accounts/phone-credentials.ts';
import { card, momo, queue, sakura, user } from '../support/people.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { type Answer, Browser, errorCode, startServer, type TestServer } from './support.ts';

const root = user('root', { role: 'operator' });
let postgres: TestPostgres;
let made = 0;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres.stop());

const databases = {
  SQLite: async () => ({}),
  PostgreSQL: async () => ({ databaseUrl: await postgres.createDatabase(`web_${++made}`) }),
};

describe.each(Object.entries(databases))('the API on %s', (_, database) => {
  let server: TestServer;
  let operator: Browser;
  let seen: number;
  beforeEach(async () => {
    server = await startServer(await database());
    await server.addUser(root);
    await server.data.accounts.saveAccount(sakura);
    await server.data.accounts.saveAccount(momo);
    operator = await server.browserOf(root);
    seen = 0;
  });
  afterEach(() => server.stop());

  /** What has come onto the record since it was last asked for. */
  const recorded = async () => {
    const entries = (await server.data.audit.list({ limit: 500 })).filter(({ seq }) => seq > seen).reverse();
    seen = entries.at(-1)?.seq ?? seen;
    for (const { actor } of entries) {
      expect(actor).toEqual({
        kind: 'user',
        userId: root.userId,
        role: 'operator',
        name: 'root',
        address: '127.0.0.1',
      });
    }
    return entries.map(({ action, subject, before, after }) => ({ action, subject, before, after }));
  };
  const ok = (answer: Answer) => {
    expect(answer.status, answer.text).toBeLessThan(300);
    return answer.body;
  };

  it('adds, changes and disables users', async () => {
    const wanted = { loginName: 'hanako', displayName: '花子', role: 'agent' };
    const added = ok(await operator.send('POST', '/users', wanted)) as { user: { userId: string }; password: string };
    const { userId } = added.user;
    const hanako = { ...wanted, userId, status: 'active', passwordTemporary: true };
    expect(added.user).toEqual(hanako);
    expect(await recorded()).toEqual([{ action: 'user.add', subject: { kind: 'user', id: userId }, after: hanako }]);
    const own = new Browser(server.url);
    expect(ok(await own.login('hanako', added.password))['user']).toEqual(hanako);
    await own.send('POST', '/logout');
    seen = (await server.data.audit.list({ limit: 1 }))[0]?.seq ?? 0;
    const change = ok(await operator.send('PATCH', `/users/${userId}`, { displayName: 'Hanako' }));
    expect(change).toEqual({ ...hanako, displayName: 'Hanako' });
    expect(await recorded()).toEqual([
      {
        action: 'user.change',
        subject: { kind: 'user', id: userId },
        before: { displayName: '花子' },
        after: { displayName: 'Hanako' },
      },
    ]);
    ok(await operator.send('PATCH', `/users/${userId}`, { displayName: 'Hanako' }));
    expect(await recorded()).toEqual([]);
    expect((await operator.send('POST', '/users', wanted)).status).toBe(409);
    expect((await operator.send('GET', '/users/nobody')).status).toBe(404);
    const { users } = ok(await operator.send('GET', '/users')) as { users: unknown[] };
    expect(users).toEqual([{ ...hanako, displayName: 'Hanako' }, root]);
    expect(JSON.stringify(await server.data.audit.list({ limit: 500 }))).not.toContain(added.password);
  });

  it('keeps an operator who can sign in, whatever is tried', async () => {
    for (const change of [{ status: 'disabled' }, { role: 'agent' }]) {
      const answer = await operator.send('PATCH', '/users/user_root', change);
      expect([answer.status, errorCode(answer)]).toEqual([409, 'LAST_OPERATOR']);
    }
    expect(await server.data.users.find('user_root')).toEqual(root);
    await server.addUser(user('second', { role: 'operator' }));
    const second = await server.browserOf(user('second', { role: 'operator' }));
    const both = await Promise.all([
      operator.send('PATCH', '/users/user_second', { status: 'disabled' }),
      second.send('PATCH', '/users/user_root', { status: 'disabled' }),
    ]);
    expect(both.filter(({ status }) => status === 200)).toHaveLength(1);
    const left = (await server.data.users.list()).filter(({ status }) => status === 'active');
    expect(left).toHaveLength(1);
  });

  it('moves a user between accounts without telling one about the other', async () => {
    await server.addUser(user('clinic', { role: 'account', accountId: 'momo' }));
    ok(await operator.send('PATCH', '/users/user_clinic', { accountId: 'sakura' }));
    const ofSakura = JSON.stringify(await server.data.audit.list({ limit: 9, accountId: 'sakura' }));
    expect(ofSakura).toContain('clinic');
    expect(ofSakura).not.toContain('momo');
    const stray = await operator.send('PATCH', '/users/user_clinic', { accountId: 'nobody' });
    expect([stray.status, errorCode(stray)]).toEqual([404, 'ACCOUNT_UNKNOWN']);
  });

  it('makes agents, with phones whose password is shown once', async () => {
    await server.addUser(user('hanako'));
    ok(await operator.send('PUT', '/queues/desk', queue('desk')));
    await recorded();
    const settings = { skills: { billing: 3 }, languages: ['ja'], queues: ['desk'], refusedAccounts: ['momo'] };
    const agent = ok(await operator.send('PUT', '/agents/user_hanako', settings));
    const profile = { agentId: 'user_hanako', ...settings, loginName: 'hanako', displayName: 'HANAKO', active: true };
    expect(agent).toEqual(profile);
    expect(ok(await operator.send('GET', '/agents'))).toEqual({ agents: [profile] });
    const given = ok(await operator.send('POST', '/agents/user_hanako/phones', { label: 'headset' })) as {
      phone: { username: string; realm: string };
      password: string;
    };
    const { username, realm } = given.phone;
    expect([username, realm]).toEqual(['hanako-1', 'denwaban']);
    expect(await server.data.phones.findForDigest('hanako-1')).toMatchObject(
      phoneHashes(username, realm, given.password),
    );
    expect(ok(await operator.send('GET', '/agents/user_hanako/phones'))).toEqual({ phones: [given.phone] });
    ok(await operator.send('DELETE', '/agents/user_hanako/phones/hanako-1'));
    expect((await operator.send('DELETE', '/agents/user_hanako/phones/hanako-1')).status).toBe(404);
    expect((await recorded()).map(({ action }) => action)).toEqual(['agent.add', 'phone.add', 'phone.remove']);
    expect(JSON.stringify(await server.data.audit.list({ limit: 99 }))).not.toMatch(/ha1|[0-9a-f]{32}"/);
  });

  it('refuses agents that cannot be', async () => {
    await server.addUser(user('hanako'));
    const put = (settings: object, who = 'user_hanako') => operator.send('PUT', `/agents/${who}`, settings);
    expect(errorCode(await put({ queues: ['none'] }))).toBe('QUEUE_UNKNOWN');
    expect(errorCode(await put({ refusedAccounts: ['none'] }))).toBe('ACCOUNT_UNKNOWN');
    expect(errorCode(await put({}, 'nobody'))).toBe('USER_UNKNOWN');
    expect(errorCode(await put({}, 'user_root'))).toBe('NOT_OF_THE_DESK');
    expect(errorCode(await operator.send('POST', '/agents/user_root/phones', {}))).toBe('NOT_OF_THE_DESK');
    expect(await server.data.agents.list()).toEqual([]);
    expect(await recorded()).toEqual([]);
  });

  it('takes agents off the desk with their role', async () => {
    await server.addUser(user('hanako'));
    ok(await operator.send('PUT', '/agents/user_hanako', {}));
    ok(await operator.send('POST', '/agents/user_hanako/phones', {}));
    ok(await operator.send('PATCH', '/users/user_hanako', { role: 'operator' }));
    expect([await server.data.agents.list(), await server.data.phones.list('user_hanako')]).toEqual([[], []]);
  });

  it('keeps queues, and none that is named goes', async () => {
    const desk = queue('desk', { overflow: [{ type: 'queue', queueId: 'late' }] });
    expect(errorCode(await operator.send('PUT', '/queues/desk', desk))).toBe('QUEUE_UNKNOWN');
    ok(await operator.send('PUT', '/queues/late', queue('late')));
    expect(ok(await operator.send('PUT', '/queues/desk', desk))).toEqual(desk);
    ok(await operator.send('PUT', '/queues/desk', { ...desk, wrapUpMs: 0 }));
    expect(errorCode(await operator.send('DELETE', '/queues/late'))).toBe('QUEUE_IN_USE');
    expect(ok(await operator.send('GET', '/queues'))).toEqual({ queues: [{ ...desk, wrapUpMs: 0 }, queue('late')] });
    ok(await operator.send('DELETE', '/queues/desk'));
    ok(await operator.send('DELETE', '/queues/late'));
    expect((await operator.send('GET', '/queues/late')).status).toBe(404);
    expect(await recorded()).toMatchObject([
      { action: 'queue.add', subject: { id: 'late' } },
      { action: 'queue.add', subject: { id: 'desk' }, after: { overflow: [{ queueId: 'late' }] } },
      { action: 'queue.change', before: { wrapUpMs: 30_000 }, after: { wrapUpMs: 0 } },
      { action: 'queue.remove', subject: { id: 'desk' }, before: { name: 'Queue desk' } },
      { action: 'queue.remove', subject: { id: 'late' } },
    ]);
  });

  it('keeps accounts and their numbers, however they are written', async () => {
    const account = { ...sakura, status: 'suspended' };
    expect(ok(await operator.send('PUT', '/accounts/sakura', account))).toEqual(account);
    // Written by somebody who thinks of something else: what the provider has decided stays.
    const { status: _, ...written } = { ...account, nameReading: 'さくら' };
    expect(ok(await operator.send('PUT', '/accounts/sakura', written))).toEqual({ ...written, status: 'suspended' });
    expect(ok(await operator.send('GET', '/accounts/sakura'))).toMatchObject({ status: 'suspended' });
    const number = { number: '+81312345678', accountId: 'sakura', flowId: 'main' };
    for (const [flowId, accountId] of [
      ['main', 'sakura'],
      ['other', 'momo'],
    ] as const) {
      await server.data.flows.publish({ flowId, accountId, definition: {}, atMs: 0 });
    }
    const put = await operator.send('PUT', `/numbers/${encodeURIComponent('03-1234-5678')}`, {
      accountId: 'sakura',
      flowId: 'main',
    });
    expect(ok(put)).toEqual(number);
    expect(ok(await operator.send('GET', '/accounts/sakura/numbers'))).toEqual({ numbers: [number] });
    const toMomo = { accountId: 'momo', flowId: 'other' };
    // Not from another account without saying so, nor to a flow that is not the account's.
    expect(errorCode(await operator.send('PUT', '/numbers/0312345678', toMomo))).toBe('NUMBER_TAKEN');
    const foreign = { accountId: 'sakura', flowId: 'other' };
    expect(errorCode(await operator.send('PUT', '/numbers/0312345678', foreign))).toBe('FLOW_UNKNOWN');
    const none = { accountId: 'momo', flowId: 'none', move: true };
    expect(errorCode(await operator.send('PUT', '/numbers/0312345678', none))).toBe('FLOW_UNKNOWN');
    ok(await operator.send('PUT', '/numbers/0312345678', { ...toMomo, move: true }));
    expect(ok(await operator.send('GET', '/numbers'))).toEqual({
      numbers: [{ ...number, accountId: 'momo', flowId: 'other' }],
    });
    ok(await operator.send('DELETE', '/numbers/%2B81312345678'));
    expect((await operator.send('DELETE', '/numbers/0312345678')).status).toBe(404);
    const stray = await operator.send('PUT', '/numbers/0312345678', { accountId: 'none', flowId: 'x' });
    expect(errorCode(stray)).toBe('ACCOUNT_UNKNOWN');
    expect(errorCode(await operator.send('PUT', '/numbers/%00', { accountId: 'momo', flowId: 'x' }))).toBe(
      'PHONE_NUMBER_INVALID',
    );
    expect((await recorded()).map(({ action, subject }) => `${action} ${subject.accountId}`)).toEqual([
      'account.change sakura',
      'account.change sakura',
      'number.assign sakura',
      'number.release sakura',
      'number.assign momo',
      'number.release momo',
    ]);
  });

  it('keeps cards; secrets come out masked and stay when they go in masked', async () => {
    const written = card('sakura');
    const answer = await operator.send('PUT', '/accounts/sakura/card', written);
    const shown = ok(answer);
    expect(answer.text).not.toContain('secret-part');
    expect(ok(await operator.send('GET', '/accounts/sakura/card'))).toEqual(shown);
    ok(await operator.send('PUT', '/accounts/sakura/card', { ...shown, notes: '変更' }));
    expect(await server.data.cards.find('sakura')).toEqual({ ...written, notes: '変更' });
    const missing = await operator.send('PUT', '/accounts/momo/card', { ...shown, accountId: 'momo' });
    expect([missing.status, errorCode(missing)]).toEqual([400, 'SECRET_MISSING']);
    const rules = { complaintsBeforeWarning: 5, complaintsSinceMs: 0, suspension: 'automatic' };
    ok(await operator.send('PUT', '/accounts/sakura/rules', rules));
    expect(ok(await operator.send('GET', '/accounts/sakura/rules'))).toEqual(rules);
    expect((await operator.send('PUT', '/accounts/nobody/rules', rules)).status).toBe(404);
    const entries = await recorded();
    expect(entries.map(({ action }) => action)).toEqual(['card.add', 'card.change', 'card.rules']);
    expect(entries[1]).toMatchObject({ before: { notes: '' }, after: { notes: '変更' } });
    expect(JSON.stringify(entries)).not.toContain('secret-part');
  });

  it('takes no card whose reports could not be sent: it names the place and what to write there', async () => {
    const put = (destination: object) => {
      const destinations = [
        { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
        { destinationId: 'other', ...destination },
      ];
      return operator.send('PUT', '/accounts/sakura/card', {
        ...card('sakura', { reports: [] }),
        destinations,
      });
    };
    for (const [destination, field, why] of [
      [{ type: 'webhook', url: 'http://crm.sakura.example/' }, 'url', 'must begin with https://'],
      [{ type: 'webhook', url: 'https://10.0.0.5/' }, 'url', 'may not be reached'],
      [{ type: 'webhook', url: 'https://[::ffff:169.254.169.254]/' }, 'url', 'may not be reached'],
      [{ type: 'webhook', url: 'https://user:top-secret@crm.sakura.example/' }, 'url', 'no user name or password'],
      [{ type: 'webhook', url: 'crm' }, 'url', 'Invalid URL'],
      [{ type: 'slack', webhookUrl: 'https://127.0.0.1/top-secret' }, 'webhookUrl', 'may not be reached'],
      [{ type: 'slack', webhookUrl: 'http://hooks.slack.com/•••' }, 'webhookUrl', 'must begin with https://'],
      [{ type: 'mail', address: 'a@b.jp, c@d.jp' }, 'address', 'the address of one mailbox, such as'],
    ] as const) {
      const answer = await put(destination);
      const path = `body.destinations.1.${field}`;
      expect([answer.status, errorCode(answer)], JSON.stringify(destination)).toEqual([400, 'INPUT_INVALID']);
      expect(answer.body).toMatchObject({
        error: {
          path,
          message: expect.stringContaining(`${path}: `),
          remedy: expect.stringMatching(/^(Write|Correct)/),
        },
      });
      expect(answer.text).toContain(why);
      expect(answer.text).not.toContain('top-secret');
    }
    expect([await server.data.cards.find('sakura'), await recorded()]).toEqual([undefined, []]);
    ok(await put({ type: 'webhook', url: 'https://crm.sakura.example/calls' }));
  });

  it('shows what is on its way, tries it again, and makes webhook secrets shown once', async () => {
    const entry = { outboxId: 'r-1', accountId: 'sakura', kind: 'report', channel: 'mail', createdAtMs: 1 } as const;
    const payload = { subject: 'からの電話', text: '伝言' };
    await server.data.outbox.add({ ...entry, target: 'office@sakura.example', payload });
    const claim = await server.data.outbox.claim({ nowMs: 2, leaseMs: 60_000, exceptLanes: [] });
    expect(claim).toBeTruthy();
    const next = { state: 'given-up', endedAtMs: 3 } as const;
    const settled = { outcome: 'refused', statusCode: 550, error: 'no such box', durationMs: 1, next } as const;
    if (claim) await server.data.outbox.settle(claim, settled);
    const { text } = await operator.send('GET', '/outbox?state=given-up');
    expect(JSON.parse(text)).toMatchObject({ deliveries: [{ ...entry, state: 'given-up', attempts: 1 }] });
    expect(text).not.toMatch(/伝言|office@/);
    const shown = ok(await operator.send('GET', '/outbox/r-1'));
    expect(shown).toMatchObject({ tried: [{ attempt: 1, outcome: 'refused', statusCode: 550, error: 'no such box' }] });
    expect(ok(await operator.send('POST', '/outbox/r-1/retry'))).toEqual({ result: 'queued' });
    expect((await operator.send('POST', '/outbox/r-2/retry')).status).toBe(404);
    expect(await server.data.outbox.find('r-1')).toMatchObject({ state: 'pending' });
    const secrets = [
      ok(await operator.send('POST', '/accounts/sakura/webhook-secret')),
      ok(await operator.send('POST', '/accounts/sakura/webhook-secret')),
    ].map(({ secret }) => secret);
    const current = await server.data.webhookSecrets.current('sakura', Date.now());
    expect(current.map(({ secret }) => secret)).toEqual(secrets.toReversed());
    expect((await operator.send('POST', '/accounts/nobody/webhook-secret')).status).toBe(404);
    expect((await recorded()).map(({ action }) => action)).toEqual([
      'delivery.retry',
      'account.rotate-webhook-secret',
      'account.rotate-webhook-secret',
    ]);
  });

  it('changes nothing that cannot be put on record', async () => {
    await server.addUser(user('hanako'));
    const sql = await import('kysely').then((kysely) => kysely.sql);
    await sql`alter table audit_record rename to audit_record_away`.execute(server.database.db);
    const tried = [
      await operator.send('PUT', '/queues/desk', queue('desk')),
      await operator.send('PATCH', '/users/user_hanako', { status: 'disabled' }),
      await operator.send('PUT', '/accounts/sakura', { ...sakura, status: 'ended' }),
      await operator.send('PUT', '/accounts/sakura/card', card('sakura')),
      await operator.send('POST', '/users', { loginName: 'taro', displayName: 'T', role: 'agent' }),
      await operator.send('DELETE', '/users/user_root/sessions'),
      await operator.send('POST', '/accounts/sakura/webhook-secret'),
    ];
    expect(tried.map((answer) => [answer.status, errorCode(answer)])).toEqual(tried.map(() => [500, 'INTERNAL']));
    expect(tried.map(({ text }) => text).join()).not.toMatch(/audit_record|sql|select/i);
    await sql`alter table audit_record_away rename to audit_record`.execute(server.database.db);
    const { data } = server;
    expect(await data.queues.list()).toEqual([]);
    expect((await data.users.list()).map(({ status }) => status)).toEqual(['active', 'active']);
    expect(await data.accounts.findAccount('sakura')).toEqual(sakura);
    expect(await data.cards.find('sakura')).toBeUndefined();
    expect(await server.database.db.selectFrom('webhook_secrets').selectAll().execute()).toEqual([]);
    expect((await operator.send('GET', '/me')).status).toBe(200);
  });

  it('pages through the record', async () => {
    for (const id of ['a', 'b', 'c']) ok(await operator.send('PUT', `/queues/q-${id}`, queue(`q-${id}`)));
    const page = async (query: string) =>
      (ok(await operator.send('GET', `/audit?${query}`)) as { entries: { seq: number; subject: { id: string } }[] })
        .entries;
    const first = await page('limit=2');
    expect(first.map(({ subject }) => subject.id)).toEqual(['q-c', 'q-b']);
    const second = await page(`limit=2&beforeSeq=${first[1]?.seq}`);
    expect(second.map(({ subject }) => subject.id)).toEqual(['q-a']);
    expect((await operator.send('GET', '/audit?limit=100000')).status).toBe(400);
  });
});
