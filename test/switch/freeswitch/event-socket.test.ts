import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/poll.ts';
import { closeWorld, EventSocket, startWorld, type World } from './support.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld({ heartbeatIntervalMs: 100 });
});
afterAll(() => closeWorld(world));

/** Answers of a real FreeSWITCH 1.11.1, recorded. */
const ANSWERS: [command: string, reply: string][] = [
  ['foo', '-ERR command not found'],
  ['foo bar\nX: y', '-ERR command not found'],
  ['event', '-ERR no keywords supplied'],
  ['event json', '-ERR no keywords supplied'],
  ['event plain BOGUS', '-ERR no keywords supplied'],
  ['event plain BOGUS HEARTBEAT', '+OK event listener enabled plain'],
  ['event json CUSTOM foo::bar', '+OK event listener enabled json'],
  ['event plain ALL', '+OK event listener enabled plain'],
  ['nixevent', '-ERR no keywords supplied'],
  ['nixevent HEARTBEAT', '+OK events nixed'],
  ['nixevent BOGUS', '-ERR no keywords supplied'],
  ['noevents', '+OK no longer listening for events'],
  ['filter', '-ERR command not found'],
  ['filter a', '-ERR invalid syntax'],
  ['filter Unique-ID xx', '+OK filter added. [Unique-ID]=[xx]'],
  ['filter delete', '-ERR invalid syntax'],
  ['filter delete Unique-ID xx', '+OK filter deleted. [Unique-ID][xx]'],
  ['filter delete all', '+OK filter deleted. [all][]'],
  ['myevents', '-ERR command not found'],
  ['linger', '-ERR not controlling a session'],
  ['nolinger', '-ERR not controlling a session'],
  ['divert_events on', '-ERR not controlling a session.'],
  ['log', '+OK log level  [7]'],
  ['log foo', '-ERR invalid log level'],
  ['log info', '+OK log level info [6]'],
  ['nolog', '+OK no longer logging'],
  ['sendmsg', '-ERR invalid session id []'],
  ['sendmsg nosuch\ncall-command: execute\nexecute-app-name: park', '-ERR invalid session id [nosuch]'],
  ['connect', '-ERR command not found'],
  ['auth ClueCon', '-ERR command not found'],
  ['api', '-ERR command not found'],
  ['bgapi', '-ERR command not found'],
  ['xmlapi', '-ERR command not found'],
  ['bgapi status\nJob-UUID: myjob', '+OK Job-UUID: myjob'],
];

/** The same, for `api`. */
const API_ANSWERS: [command: string, body: string][] = [
  ['version', 'FreeSWITCH Version 1.11.1-release~64bit ( 64bit)\n'],
  ['foo bar', '-ERR foo Command not found!\n'],
  ['show channels', '\n0 total.\n'],
  ['show channels as json', '{"row_count": 0}'],
  ['show calls count', '\n0 total.\n'],
  ['uuid_exists x', 'false'],
  ['uuid_kill', '-USAGE: <uuid> [cause]\n'],
  ['uuid_kill x', '-ERR No such channel!\n'],
  ['uuid_break x', '-ERR No such channel!\n'],
  ['uuid_park x', '-ERR No such channel!\n'],
  ['uuid_transfer x a', '-ERR No such channel!\n'],
  ['uuid_transfer x', '-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n'],
  ['uuid_setvar x a b', '-ERR No such channel!\n'],
  ['uuid_getvar x a', '-ERR No such channel!\n'],
  ['uuid_getvar x', '-USAGE: <uuid> <var>\n'],
  ['uuid_dump x', '-ERR No such channel!\n'],
  ['uuid_set_media_stats x', '-ERR No such channel x!\n'],
  ['uuid_set_media_stats', '-USAGE: <uuid>\n'],
  ['uuid_record x start', '-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n'],
  ['uuid_send_dtmf x 1', '-ERR Cannot locate session!\n'],
  ['uuid_answer x', '-ERROR\n'],
  ['uuid_bridge a b', '-ERR Invalid uuid\n'],
  ['uuid_bridge a', '-USAGE: <uuid> <other_uuid>\n'],
  ['uuid_broadcast x y', '-ERR invalid uuid\n'],
  ['hupall', '+OK hangup all channels with cause MANAGER_REQUEST\n'],
  ['global_getvar nope', '-ERR no reply\n'],
  ['global_setvar colour=red', '+OK'],
  ['global_getvar colour', 'red'],
  ['reloadxml', '+OK [Success]\n'],
  ['fsctl pause_check', 'false'],
  ['fsctl sps', '+OK sessions per second: 100\n'],
  ['sofia status profile zz', 'Invalid Profile!\n'],
  ['originate bogus/x &park()', '-ERR CHAN_NOT_IMPLEMENTED\n'],
  ['originate sofia/nosuch/x@127.0.0.1 &park()', '-ERR INVALID_PROFILE\n'],
];

describe('the event socket answers as FreeSWITCH does', () => {
  it.each(ANSWERS)('%s', async (command, reply) => {
    const client = await EventSocket.open(world, '');
    expect(await client.command(command)).toBe(reply);
  });

  it.each(API_ANSWERS)('api %s', async (command, body) => {
    const client = await EventSocket.open(world, '');
    expect(await client.api(command)).toBe(body);
  });

  it('says in its status where it listens', async () => {
    const client = await EventSocket.open(world, '');
    expect(await client.api('sofia status')).toMatch(
      new RegExp(`^\\s*drachtio_mrf\\s.*sip:mod_sofia@127\\.0\\.0\\.1:${world.sipPort}`, 'm'),
    );
    expect(await client.api('status')).toContain('is ready');
    expect(await client.api('create_uuid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(await client.api('strftime %Y')).toMatch(/^20\d\d$/);
  });
});

describe('logging in', () => {
  it('takes nothing before the password', async () => {
    const client = await EventSocket.connect(world);
    expect(client.messages[0]?.headers.get('Content-Type')).toBe('auth/request');
    expect(await client.command('api status')).toBe('-ERR command not found');
    expect(await client.command(`auth ClueCon`)).toBe('+OK accepted');
    expect(await client.api('uptime')).toMatch(/^\d+\n$/);
  });

  it('a wrong password ends the connection with a notice', async () => {
    const client = await EventSocket.connect(world);
    expect(await client.command('auth wrong')).toBe('-ERR invalid');
    const notice = await eventually('the notice', () =>
      client.messages.find(({ headers }) => headers.get('Content-Type') === 'text/disconnect-notice'),
    );
    expect(notice.body).toBe('Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n');
    await once(client.socket, 'close');
  });

  it('exit says good-bye', async () => {
    const client = await EventSocket.open(world, '');
    expect(await client.command('exit')).toBe('+OK bye');
    await once(client.socket, 'close');
    expect(client.messages.at(-1)?.headers.get('Content-Type')).toBe('text/disconnect-notice');
  });
});

describe('the wire', () => {
  it('takes commands byte by byte and all at once', async () => {
    const client = await EventSocket.open(world, '');
    const text = 'api uptime\n\napi version\n\napi show calls count\n\n';
    const before = client.messages.length;
    for (const byte of text) client.socket.write(byte);
    await eventually('three answers', () => client.messages.length === before + 3);
    client.socket.write(text.replaceAll('\n', '\r\n'));
    await eventually('three more', () => client.messages.length === before + 6);
    expect(client.messages.slice(-3).map(({ body }) => body.trim())).toEqual(
      client.messages.slice(-6, -3).map(({ body }) => body.trim()),
    );
  });

  it('cuts off a client whose command never ends', async () => {
    const client = await EventSocket.open(world, '');
    client.socket.on('error', () => undefined);
    client.socket.write('x'.repeat(70_000));
    await once(client.socket, 'close');
  });

  it('counts lengths in bytes of UTF-8', async () => {
    const client = await EventSocket.open(world, '');
    const reply = await client.send('api echo 電話番');
    expect(reply.body).toBe('電話番');
    expect(reply.headers.get('Content-Length')).toBe('9');
  });

  it('encodes plain events as FreeSWITCH does', async () => {
    const client = await EventSocket.open(world, '');
    await client.command('event plain CUSTOM test::plain');
    await client.command('sendevent CUSTOM\nEvent-Subclass: test::plain\nnote: a b: 50% ü');
    const event = await eventually('the event', () =>
      client.messages.find(({ headers }) => headers.get('Content-Type') === 'text/event-plain'),
    );
    expect(event.body).toContain('Event-Name: CUSTOM\nEvent-Subclass: test%3A%3Aplain\n');
    expect(event.body).toContain('note: a%20b%3A%2050%25%20%C3%BC\n');
  });
});

describe('events', () => {
  it('HEARTBEAT tells load and limits', async () => {
    const client = await EventSocket.open(world, 'HEARTBEAT');
    const beat = await client.wait('a heartbeat', 'HEARTBEAT');
    expect(beat).toMatchObject({ 'Event-Info': 'System Ready', 'Session-Count': '0', 'Max-Sessions': '1000' });
    expect(Number(beat['Idle-CPU'])).toBeGreaterThanOrEqual(0);
    expect(Number(beat['Event-Date-Timestamp']) / 1000).toBeCloseTo(Date.now(), -4);
  });

  it('a background job tells its result, under the id the client gave', async () => {
    const client = await EventSocket.open(world, 'BACKGROUND_JOB');
    const jobUuid = randomUUID();
    const reply = await client.send(`bgapi global_getvar hostname\nJob-UUID: ${jobUuid}`);
    expect(reply.headers.get('Job-UUID')).toBe(jobUuid);
    const job = await client.wait('the job', 'BACKGROUND_JOB', (event) => event['Job-UUID'] === jobUuid);
    expect(job).toMatchObject({ 'Job-Command': 'global_getvar', 'Job-Command-Arg': 'hostname' });
    expect(job['_body']).not.toBe('');
  });

  it('filters let through what matches one of them', async () => {
    const client = await EventSocket.open(world, 'CUSTOM test::a');
    await client.command('filter kind good');
    await client.command('filter kind /^gr/');
    await client.command('filter colour -red');
    for (const [kind, colour] of [
      ['bad', 'blue'],
      ['great', 'blue'],
      ['great', 'red'],
      ['GOOD', 'blue'],
    ]) {
      await client.command(`sendevent CUSTOM\nEvent-Subclass: test::a\nkind: ${kind}\ncolour: ${colour}`);
    }
    await client.command('sendevent CUSTOM\nEvent-Subclass: test::b\nkind: good');
    expect(client.events.map((event) => event['kind'])).toEqual(['great', 'GOOD']);
    await client.command('filter delete all');
    await client.command('nixevent CUSTOM test::a');
    await client.command('sendevent CUSTOM\nEvent-Subclass: test::a\nkind: late');
    expect(client.events).toHaveLength(2);
  });
});
