import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { header } from '../../../src/kernel/sip/message.ts';
import { parseOriginate } from '../../../src/switch/freeswitch/originate.ts';
import { eventually } from '../../support/poll.ts';
import * as call from '../drachtio/sipp.ts';
import { amplitudeOf } from '../media/phone.ts';
import { callIn, closeWorld, EventSocket, pickUp, startCallee, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
beforeAll(async () => {
  world = await startWorld();
  events = await EventSocket.open(world);
});
afterAll(() => closeWorld(world));

/** SIPp answers an INVITE whose CANCEL it has just confirmed: the two crossed. */
const lateAnswer = `<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]B[call_number]
[last_Call-ID:]
CSeq: [cseq] INVITE
Contact: <sip:callee@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

${call.sdpBody()}]]></send>`;

/** Starts an originate in the background; gives the leg's uuid and what the job will say. */
function originate(uri: string, variables = ''): { uuid: string; job: Promise<string> } {
  const [uuid, jobUuid] = [randomUUID(), randomUUID()];
  const all = [`origination_uuid=${uuid}`, variables].filter(Boolean).join(',');
  void events.send(`bgapi originate {${all}}sofia/drachtio_mrf/${uri} &park()\nJob-UUID: ${jobUuid}`);
  const job = events.wait('the job', 'BACKGROUND_JOB', (event) => event['Job-UUID'] === jobUuid);
  return { uuid, job: job.then((event) => event['_body'] ?? '') };
}

describe('originate', () => {
  it('rings with our headers, is answered, parked and can be heard and bridged', async () => {
    const callee = await startCallee(world, (invite, phone) => {
      invite.respond(180);
      pickUp(invite, phone);
    });
    const variables = String.raw`sip_h_X-Leg=leg-1,origination_caller_id_number=0501234567,origination_caller_id_name=Anna\,\sB,originate_timeout=20,ignore_early_media=true,park_after_bridge=true`;
    const { uuid, job } = originate(callee.uri, variables);
    expect(await job).toBe(`+OK ${uuid}\n`);
    const [invite] = callee.invites;
    if (!invite) throw new Error('no INVITE came');
    expect(header(invite, 'X-Leg')).toBe('leg-1');
    expect(header(invite, 'From')).toContain('"Anna, B" <sip:0501234567@');
    expect(invite.body).toContain('RTP/AVP 0 8 101');
    await events.wait('the park', 'CHANNEL_PARK', (event) => event['Unique-ID'] === uuid);
    expect(events.namesOf(uuid)).toEqual([
      'CHANNEL_OUTGOING',
      'CHANNEL_CREATE',
      'CHANNEL_ORIGINATE',
      'CHANNEL_PROGRESS',
      'CHANNEL_ANSWER',
      'CHANNEL_EXECUTE',
      'CHANNEL_PARK',
    ]);
    const heard = callee.phone.heard.length;
    await events.execute(uuid, 'playback', 'tone_stream://%(200,0,440)');
    expect(amplitudeOf(callee.phone.audio(heard), 440)).toBeGreaterThan(1_000);
    const caller = await callIn(world, events);
    expect(await events.api(`uuid_bridge ${caller.uuid} ${uuid}`)).toBe(`+OK ${uuid}\n`);
    await events.wait('the bridge', 'CHANNEL_BRIDGE', (event) => event['Unique-ID'] === caller.uuid);
    await events.api(`uuid_kill ${uuid}`);
    const complete = await events.wait('the end', 'CHANNEL_HANGUP_COMPLETE', (event) => event['Unique-ID'] === uuid);
    expect(complete['variable_sip_hangup_disposition']).toBe('send_bye');
  });

  it.each([
    [486, 'USER_BUSY'],
    [600, 'USER_BUSY'],
    [603, 'CALL_REJECTED'],
    [403, 'CALL_REJECTED'],
    [404, 'UNALLOCATED_NUMBER'],
    [480, 'NO_USER_RESPONSE'],
    [484, 'INVALID_NUMBER_FORMAT'],
    [488, 'INCOMPATIBLE_DESTINATION'],
    [500, 'NORMAL_TEMPORARY_FAILURE'],
    [503, 'NORMAL_TEMPORARY_FAILURE'],
    [408, 'RECOVERY_ON_TIMER_EXPIRE'],
    [410, 'NUMBER_CHANGED'],
  ])('%i becomes %s', async (status, cause) => {
    const callee = await startCallee(world, (invite) => invite.respond(status));
    const { uuid, job } = originate(callee.uri);
    expect(await job).toBe(`-ERR ${cause}\n`);
    const complete = await events.wait('the end', 'CHANNEL_HANGUP_COMPLETE', (event) => event['Unique-ID'] === uuid);
    expect(complete).toMatchObject({ 'Hangup-Cause': cause, variable_sip_term_status: String(status) });
    await eventually('it to be gone', async () => (await events.api(`uuid_exists ${uuid}`)) === 'false');
  });

  it('gives up after originate_timeout, with CANCEL', async () => {
    let cancelled = false;
    const callee = await startCallee(world, (invite) => {
      invite.respond(180);
      invite.once('cancel', () => {
        cancelled = true;
      });
    });
    const { job } = originate(callee.uri, 'originate_timeout=1');
    expect(await job).toBe('-ERR NO_ANSWER\n');
    await eventually('CANCEL', () => cancelled);
  });

  it('uuid_kill stops the ringing within 200 ms', async () => {
    let cancelledAtMs = 0;
    const callee = await startCallee(world, (invite) => {
      invite.respond(180);
      invite.once('cancel', () => {
        cancelledAtMs = performance.now();
      });
    });
    const { uuid, job } = originate(callee.uri);
    await events.wait('the ringing', 'CHANNEL_PROGRESS', (event) => event['Unique-ID'] === uuid);
    const killedAtMs = performance.now();
    expect(await events.api(`uuid_kill ${uuid} ORIGINATOR_CANCEL`)).toBe('+OK\n');
    expect(await job).toBe('-ERR ORIGINATOR_CANCEL\n');
    await eventually('CANCEL', () => cancelledAtMs > 0);
    expect(cancelledAtMs - killedAtMs).toBeLessThan(200);
  });

  it('a 200 that crosses the CANCEL is acknowledged and ended', async () => {
    const crossing = [
      call.receiveRequest('INVITE'),
      call.reply('180 Ringing'),
      call.receiveRequest('CANCEL'),
      call.reply('200 OK'),
      lateAnswer,
      call.receiveRequest('ACK'),
      call.waitForBye,
    ];
    const callee = await call.sipp(crossing);
    const { uuid } = originate(`phone@127.0.0.1:${callee.port}`);
    await events.wait('the ringing', 'CHANNEL_PROGRESS', (event) => event['Unique-ID'] === uuid);
    await events.api(`uuid_kill ${uuid}`);
    await callee.done;
  });

  it('early media is enough, unless it is to be ignored', async () => {
    const answering: Parameters<typeof startCallee>[1] = (invite, phone) => {
      const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio ${phone.rtp.address().port} RTP/AVP 0\r\n`;
      invite.respond(183, { headers: { 'Content-Type': 'application/sdp' }, body: sdp });
    };
    const early = await startCallee(world, answering);
    const first = originate(early.uri);
    expect(await first.job).toBe(`+OK ${first.uuid}\n`);
    const park = await events.wait('the park', 'CHANNEL_PARK', (event) => event['Unique-ID'] === first.uuid);
    expect(park['Answer-State']).toBe('early');
    await events.api(`uuid_kill ${first.uuid}`);
    const late = await startCallee(world, answering);
    const second = originate(late.uri, 'ignore_early_media=true,originate_timeout=1');
    expect(await second.job).toBe('-ERR NO_ANSWER\n');
  });

  it('an answer with no audio of ours is ended', async () => {
    const callee = await startCallee(world, (invite) => {
      const body =
        'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\n';
      invite.respond(200, { headers: { 'Content-Type': 'application/sdp' }, body });
    });
    const { job } = originate(callee.uri);
    expect(await job).toBe('-ERR INCOMPATIBLE_DESTINATION\n');
    await eventually('BYE', () => callee.sip.dialogCount === 0);
  });

  it('an uuid that exists is refused', async () => {
    const { uuid } = await callIn(world, events);
    expect(await events.api(`originate {origination_uuid=${uuid}}sofia/drachtio_mrf/x@127.0.0.1:9 &park()`)).toBe(
      '-ERR DESTINATION_OUT_OF_ORDER\n',
    );
  });

  it('the line is taken apart as FreeSWITCH does', () => {
    const line = String.raw`{a=1,b=x\,\sy,c='z w'}[^^:d=4:e=5,6]sofia/drachtio_mrf/1@h:5;transport=tcp '&playback(a b)' XML`;
    const request = parseOriginate(line);
    expect(request).toMatchObject({
      type: 'sofia',
      profile: 'drachtio_mrf',
      destination: '1@h:5;transport=tcp',
      steps: [{ app: 'playback', arg: 'a b' }],
    });
    expect(Object.fromEntries(request?.variables ?? [])).toEqual({ a: '1', b: 'x, y', c: 'z w', d: '4', e: '5,6' });
    expect(parseOriginate('{a=1 x')).toBeUndefined();
    expect(parseOriginate('sofia/x/y')).toBeUndefined();
  });
});
