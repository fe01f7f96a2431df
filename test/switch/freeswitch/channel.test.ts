import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/poll.ts';
import { amplitudeOf, tone, writeWav } from '../media/phone.ts';
import { callIn, closeWorld, EventSocket, press, sdpOf, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
const folder = mkdtempSync(join(tmpdir(), 'denwaban-freeswitch-'));
const prompt = writeWav(join(folder, 'prompt.wav'), [tone(600, 300)]);

beforeAll(async () => {
  world = await startWorld();
  events = await EventSocket.open(world);
});
afterAll(async () => {
  await closeWorld(world);
  rmSync(folder, { recursive: true, force: true });
});

describe('a call that comes in', () => {
  it('is answered and parked under its Call-ID, told in the order of FreeSWITCH', async () => {
    const caller = await callIn(world, events);
    expect(events.story(caller.uuid, 0)).toEqual([
      'CHANNEL_CREATE',
      'CHANNEL_EXECUTE answer',
      'CHANNEL_ANSWER',
      'CHANNEL_EXECUTE_COMPLETE answer',
      'CHANNEL_EXECUTE park',
      'CHANNEL_PARK',
    ]);
    const parked = events.find('CHANNEL_PARK', (event) => event['Unique-ID'] === caller.uuid);
    expect(parked).toMatchObject({
      'Channel-State': 'CS_EXECUTE',
      'Channel-Call-State': 'ACTIVE',
      'Answer-State': 'answered',
      'Channel-Call-UUID': caller.uuid,
      'Call-Direction': 'inbound',
      'Caller-Caller-ID-Name': 'Bob',
      'Caller-Caller-ID-Number': 'bob',
      'Caller-Destination-Number': 'drachtio',
      variable_sip_call_id: caller.uuid,
      variable_read_codec: 'PCMU',
    });
    expect(await events.api(`uuid_getvar ${caller.uuid} park_after_bridge`)).toBe('true');
    expect(await events.api(`uuid_exists ${caller.uuid}`)).toBe('true');
    // FreeSWITCH's table lags behind.
    await eventually('it in the table', async () =>
      (await events.api('show channels as json')).includes(`"uuid":"${caller.uuid}"`),
    );
  });

  it('hangs up with the whole story when killed', async () => {
    const caller = await callIn(world, events);
    const from = events.events.length;
    expect(await events.api(`uuid_kill ${caller.uuid} USER_BUSY`)).toBe('+OK\n');
    await events.wait('the end', 'CHANNEL_DESTROY', (event) => event['Unique-ID'] === caller.uuid);
    const told = events.story(caller.uuid, from);
    // In FreeSWITCH two threads tell the first two.
    expect(told.slice(0, 2).sort()).toEqual(['CHANNEL_HANGUP', 'CHANNEL_UNPARK']);
    expect(told.slice(2)).toEqual(['CHANNEL_EXECUTE_COMPLETE park', 'CHANNEL_HANGUP_COMPLETE', 'CHANNEL_DESTROY']);
    const complete = events.find('CHANNEL_HANGUP_COMPLETE', (event) => event['Unique-ID'] === caller.uuid);
    expect(complete).toMatchObject({
      'Hangup-Cause': 'USER_BUSY',
      'Answer-State': 'hangup',
      variable_hangup_cause: 'USER_BUSY',
      variable_hangup_cause_q850: '17',
      variable_sip_hangup_disposition: 'send_bye',
    });
    const bye = await eventually('BYE', () => caller.requests.find(({ method }) => method === 'BYE'));
    expect(bye.headers).toContainEqual(['Reason', 'Q.850;cause=17;text="USER_BUSY"']);
    expect(await events.command(`sendmsg ${caller.uuid}\ncall-command: hangup`)).toContain('-ERR invalid session id');
  });

  it('ends when the caller says BYE', async () => {
    const caller = await callIn(world, events);
    caller.dialog.request({ method: 'BYE' });
    const complete = await events.wait(
      'the end',
      'CHANNEL_HANGUP_COMPLETE',
      (event) => event['Unique-ID'] === caller.uuid,
    );
    expect(complete).toMatchObject({
      'Hangup-Cause': 'NORMAL_CLEARING',
      variable_sip_hangup_disposition: 'recv_bye',
      variable_sip_term_status: '200',
    });
  });

  it('ends when it sends no audio for too long', async () => {
    const quick = await startWorld({ mediaTimeoutMs: 300 });
    const quickEvents = await EventSocket.open(quick);
    const silent = await callIn(quick, quickEvents);
    const hangup = await quickEvents.wait('the time-out', 'CHANNEL_HANGUP');
    expect(hangup).toMatchObject({ 'Unique-ID': silent.uuid, 'Hangup-Cause': 'MEDIA_TIMEOUT' });
    await closeWorld(quick);
  });

  it('may be silent for longer while it holds', async () => {
    const quick = await startWorld({ mediaTimeoutMs: 300 });
    const quickEvents = await EventSocket.open(quick);
    await quickEvents.api('global_setvar media_hold_timeout=900');
    const { phone, dialog } = await callIn(quick, quickEvents);
    await phone.say(tone(500, 100));
    dialog.request({
      method: 'INVITE',
      headers: { 'Content-Type': 'application/sdp' },
      body: sdpOf(phone, { lines: 'a=inactive' }),
    });
    const hold = await quickEvents.wait('the hold', 'CHANNEL_HOLD');
    const hangup = await quickEvents.wait('the time-out', 'CHANNEL_HANGUP');
    expect(hangup['Hangup-Cause']).toBe('MEDIA_TIMEOUT');
    const [from, to] = [hold, hangup].map((event) => Number(event['Event-Date-Timestamp']) / 1_000);
    expect((to ?? 0) - (from ?? 0)).toBeGreaterThan(700);
    await closeWorld(quick);
  });
});

describe('playback', () => {
  it('plays what is in the file, and says how much', async () => {
    const { uuid, phone } = await callIn(world, events);
    const from = events.events.length;
    const heard = phone.heard.length;
    const done = await events.execute(uuid, 'playback', prompt);
    expect(done).toMatchObject({
      'Application-Response': 'FILE PLAYED',
      'Application-Data': prompt,
      variable_playback_last_offset_pos: '2400',
      variable_playback_ms: '300',
    });
    expect(events.story(uuid, from)).toEqual([
      'CHANNEL_EXECUTE playback',
      'PLAYBACK_START',
      'PLAYBACK_STOP',
      'CHANNEL_EXECUTE_COMPLETE playback',
    ]);
    expect(amplitudeOf(phone.audio(heard), 600)).toBeGreaterThan(3_000);
  });

  it.each([
    ['/no/such.wav', 'FILE NOT FOUND'],
    ['file_string:///no/such.wav!/nor/this.wav', 'FILE NOT FOUND'],
    ['file_string:///no/such.wav!silence_stream://40', 'FILE PLAYED'],
    [`file_string://${prompt}!silence_stream://20!tone_stream://%(40,0,440)`, 'FILE PLAYED'],
  ])('%s: %s', async (file, response) => {
    const { uuid } = await callIn(world, events);
    expect((await events.execute(uuid, 'playback', file))['Application-Response']).toBe(response);
  });

  it('is stopped by uuid_break, and what follows at once is played', async () => {
    const { uuid } = await callIn(world, events);
    const long = events.executeLater(uuid, 'playback', 'tone_stream://%(60000,0,440)');
    await events.wait('the begin', 'PLAYBACK_START', (event) => event['Unique-ID'] === uuid);
    void events.api(`uuid_break ${uuid}`);
    const next = events.executeLater(uuid, 'playback', prompt);
    expect(await events.completion(long)).toMatchObject({ 'Application-Response': 'FILE PLAYED' });
    const stop = events.find('PLAYBACK_STOP', (event) => event['Unique-ID'] === uuid);
    expect(stop?.['Playback-Status']).toBe('break');
    expect(await events.completion(next)).toMatchObject({ variable_playback_ms: '300' });
  });

  it('a break of a channel that does nothing stops nothing later', async () => {
    const { uuid } = await callIn(world, events);
    expect(await events.api(`uuid_break ${uuid} all`)).toBe('+OK\n');
    expect(await events.execute(uuid, 'playback', prompt)).toMatchObject({ variable_playback_ms: '300' });
  });

  it('is stopped by a key among its terminators, and tells the others', async () => {
    const { uuid, phone } = await callIn(world, events);
    await events.execute(uuid, 'set', 'playback_terminators=#');
    const from = events.events.length;
    const id = events.executeLater(uuid, 'playback', 'silence_stream://60000');
    await events.wait('the begin', 'PLAYBACK_START', (event) => event['Unique-ID'] === uuid);
    press(phone, '1#');
    const done = await events.completion(id);
    expect(done['variable_playback_terminator_used']).toBe('#');
    expect(events.story(uuid, from)).toEqual([
      'CHANNEL_EXECUTE playback',
      'PLAYBACK_START',
      'DTMF 1',
      'DTMF #',
      'PLAYBACK_STOP',
      'CHANNEL_EXECUTE_COMPLETE playback',
    ]);
    expect(events.find('DTMF', (event) => event['Unique-ID'] === uuid)).toMatchObject({
      'DTMF-Duration': '800',
      'DTMF-Source': 'RTP',
    });
  });

  it('with loops -1 it goes on until a break', async () => {
    const { uuid } = await callIn(world, events);
    const id = events.executeLater(uuid, 'playback', 'tone_stream://%(510,0,440)', 'loops: -1');
    const rounds = () => events.events.filter((e) => e['Event-Name'] === 'PLAYBACK_START' && e['Unique-ID'] === uuid);
    await eventually('a third round', () => rounds().length === 3);
    await events.api(`uuid_break ${uuid}`);
    await eventually(
      'the third end',
      () =>
        events.events.filter((e) => e['Event-Name'] === 'CHANNEL_EXECUTE_COMPLETE' && e['Application-UUID'] === id)
          .length === 3,
    );
    expect(await events.execute(uuid, 'playback', prompt)).toMatchObject({ 'Application-Response': 'FILE PLAYED' });
    expect(rounds()).toHaveLength(4);
  });

  it('runs a later command on top of it, and then goes on; with event-lock after it', async () => {
    const { uuid } = await callIn(world, events);
    const order = () =>
      events.events
        .filter((e) => e['Unique-ID'] === uuid && e['Event-Name'] === 'CHANNEL_EXECUTE_COMPLETE')
        .map((e) => e['Application-Data'])
        .slice(-2);
    const outer = events.executeLater(uuid, 'playback', 'silence_stream://200');
    events.executeLater(uuid, 'set', 'where=inside');
    await events.completion(outer);
    expect(order()).toEqual(['where=inside', 'silence_stream://200']);
    const locked = events.executeLater(uuid, 'playback', 'silence_stream://100', 'event-lock: true');
    const after = events.executeLater(uuid, 'set', 'where=after');
    await events.completion(after);
    expect(events.find('CHANNEL_EXECUTE_COMPLETE', (e) => e['Application-UUID'] === locked)).toBeDefined();
    expect(order()).toEqual(['silence_stream://100', 'where=after']);
  });

  it('ends with PLAYBACK ERROR when the caller hangs up', async () => {
    const { uuid, dialog } = await callIn(world, events);
    const id = events.executeLater(uuid, 'playback', 'silence_stream://60000');
    await events.wait('the begin', 'PLAYBACK_START', (event) => event['Unique-ID'] === uuid);
    dialog.request({ method: 'BYE' });
    expect(await events.completion(id)).toMatchObject({
      'Application-Response': 'PLAYBACK ERROR',
      'Hangup-Cause': 'NORMAL_CLEARING',
    });
  });
});

describe('play_and_get_digits', () => {
  const run = async (arg: string, keys: string) => {
    const { uuid, phone } = await callIn(world, events);
    const id = events.executeLater(uuid, 'play_and_get_digits', arg);
    await events.wait('the prompt', 'PLAYBACK_START', (event) => event['Unique-ID'] === uuid);
    press(phone, keys);
    return events.completion(id);
  };
  const long = 'silence_stream://60000';
  const short = 'silence_stream://20';

  it.each([
    ['terminated', `1 4 1 2000 # ${long} ${short} got \\d+ 1000`, '12#', { got: '12', read_result: 'success' }],
    ['full', `1 2 1 2000 # ${long} ${short} got \\d+ 1000`, '12', { got: '12', read_result: 'success' }],
    ['one key', `1 1 1 2000 # ${long} ${short} got \\d+ 1000`, '7', { got: '7', read_result: 'success' }],
    ['too few', `2 4 1 1000 # ${long} ${short} got \\d+ 200`, '1', { got: '1', read_result: 'failure' }],
    ['not matching', `1 4 1 1000 # ${long} ${short} got [1-3] 200`, '9#', { got: undefined, got_invalid: '9' }],
    ['none', `1 4 1 1000 # ${short} ${short} got \\d+ 200`, '', { got: undefined, read_result: 'failure' }],
    [
      'enough, no terminator',
      `1 4 1 1000 # ${long} ${short} got \\d+ 200`,
      '42',
      { got: '42', read_result: 'timeout' },
    ],
  ])('%s', async (_what, arg, keys, expected) => {
    const done = await run(arg, keys);
    for (const [name, value] of Object.entries(expected)) expect(done[`variable_${name}`]).toBe(value);
  });

  it('asks again, after the other prompt', async () => {
    const { uuid, phone } = await callIn(world, events);
    const id = events.executeLater(uuid, 'play_and_get_digits', `1 1 2 1000 # ${short} ${short} got [5] 200`);
    await events.wait('the first prompt', 'PLAYBACK_STOP', (event) => event['Unique-ID'] === uuid);
    press(phone, '4');
    await eventually(
      'the second prompt',
      () => events.events.filter((e) => e['Event-Name'] === 'PLAYBACK_STOP' && e['Unique-ID'] === uuid).length === 3,
    );
    press(phone, '5');
    expect((await events.completion(id))['variable_got']).toBe('5');
  });

  it('takes keys that were pressed ahead, during a sleep', async () => {
    const { uuid, phone } = await callIn(world, events);
    const sleeping = events.executeLater(uuid, 'sleep', '300', 'event-lock: true');
    await events.wait('the sleep', 'CHANNEL_EXECUTE', (event) => event['Application-UUID'] === sleeping);
    press(phone, '3');
    const id = events.executeLater(uuid, 'play_and_get_digits', `1 1 1 1000 # ${long} ${short} got \\d+ 200`);
    await events.completion(sleeping);
    // FreeSWITCH, too, may lose such a key to the park loop between the two applications; keys after it count.
    press(phone, '4');
    expect((await events.completion(id))['variable_got']).toMatch(/^[34]$/);
  });
});

describe('variables and transfers', () => {
  it('set, unset, multiset, export and the api', async () => {
    const { uuid } = await callIn(world, events);
    await events.execute(uuid, 'multiset', 'a=1 b=2');
    await events.execute(uuid, 'multiset', `^^:c=1 2:d=\${uuid}`);
    await events.execute(uuid, 'export', 'e=5');
    await events.execute(uuid, 'unset', 'b');
    expect(await events.api(`uuid_setvar ${uuid} f some words`)).toBe('+OK\n');
    expect(await events.api(`uuid_setvar_multi ${uuid} g=1;h=2`)).toBe('+OK\n');
    const values = await Promise.all([...'abcdefgh'].map((name) => events.api(`uuid_getvar ${uuid} ${name}`)));
    expect(values).toEqual(['1', '_undef_', '1 2', uuid, '5', 'some words', '1', '2']);
    const dump = JSON.parse(await events.api(`uuid_dump ${uuid} json`)) as Record<string, string>;
    expect(dump).toMatchObject({ 'Event-Name': 'CHANNEL_DATA', variable_f: 'some words' });
  });

  it('uuid_set_media_stats says how many packets have come: more while the phone talks, none while it is silent', async () => {
    const { uuid, phone } = await callIn(world, events);
    const packets = async () => {
      expect(await events.api(`uuid_set_media_stats ${uuid}`)).toBe('+OK:\n');
      return Number(await events.api(`uuid_getvar ${uuid} rtp_audio_in_packet_count`));
    };
    await phone.say(tone(500, 400));
    await eventually('some packets', async () => (await packets()) > 10);
    await phone.say(tone(500, 200));
    let [before, quietSince] = [0, 0];
    const isQuiet = async () => {
      const now = await packets();
      if (now !== before) [before, quietSince] = [now, performance.now()];
      return performance.now() - quietSince > 300;
    };
    await eventually('no more to come', isQuiet);
    await phone.say(tone(500, 200));
    await eventually('more', async () => (await packets()) > before + 5);
  });

  it('uuid_transfer to an inline dialplan', async () => {
    const { uuid } = await callIn(world, events);
    events.executeLater(uuid, 'playback', 'silence_stream://60000');
    await events.wait('the begin', 'PLAYBACK_START', (event) => event['Unique-ID'] === uuid);
    const from = events.events.length;
    expect(await events.api(`uuid_transfer ${uuid} m:^:playback:${prompt}^park inline`)).toBe('+OK\n');
    await eventually('the park', () => events.story(uuid, from).at(-1) === 'CHANNEL_PARK');
    expect(events.story(uuid, from)).toEqual([
      'PLAYBACK_STOP',
      'CHANNEL_EXECUTE_COMPLETE playback',
      'CHANNEL_UNPARK',
      'CHANNEL_EXECUTE_COMPLETE park',
      'CHANNEL_EXECUTE playback',
      'PLAYBACK_START',
      'PLAYBACK_STOP',
      'CHANNEL_EXECUTE_COMPLETE playback',
      'CHANNEL_EXECUTE park',
      'CHANNEL_PARK',
    ]);
  });

  it('uuid_broadcast, uuid_send_dtmf, the hangup application, an unknown application', async () => {
    const { uuid, phone } = await callIn(world, events);
    const from = events.events.length;
    expect(await events.api(`uuid_broadcast ${uuid} set::x=1 aleg`)).toBe('+OK Message sent\n');
    await eventually('it', () => events.story(uuid, from).includes('CHANNEL_EXECUTE_COMPLETE set'));
    expect(await events.api(`uuid_send_dtmf ${uuid} 5@100`)).toBe(`+OK ${uuid} sent DTMF 5@100.\n`);
    await eventually('the key', () =>
      phone.heard.some(({ payloadType, payload }) => payloadType === 101 && payload[0] === 5),
    );
    events.executeLater(uuid, 'hangup', 'CALL_REJECTED');
    const hangup = await events.wait('the end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === uuid);
    expect(hangup['Hangup-Cause']).toBe('CALL_REJECTED');
    const other = await callIn(world, events);
    events.executeLater(other.uuid, 'nosuchapp');
    const end = await events.wait('its end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === other.uuid);
    expect(end['Hangup-Cause']).toBe('DESTINATION_OUT_OF_ORDER');
  });
});
