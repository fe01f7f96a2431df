import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audioPort, closeWorld, EventSocket, invite, sdpOf, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
beforeAll(async () => {
  world = await startWorld({});
  events = await EventSocket.open(world);
});
afterAll(() => closeWorld(world));

const sdpType = { 'Content-Type': 'application/sdp' };

// FreeSWITCH takes SRTP without keys for RTP, offers only with `enable-3pcc`, and waits 32 s for an ACK.
describe('where ours goes its own way', () => {
  it('SRTP gets 488', async () => {
    const { answer } = await invite(world, (phone) => sdpOf(phone).replace('RTP/AVP', 'RTP/SAVP'));
    expect(answer.status).toBe(488);
  });

  it('no offer: ours is in the 200, the answer in the ACK', async () => {
    const { answer, dialog, phone, uuid } = await invite(world, () => '');
    expect(answer.body).toContain('RTP/AVP 0 8 101');
    phone.target = { address: '127.0.0.1', port: audioPort(answer.body) };
    dialog?.ack({ headers: sdpType, body: sdpOf(phone, { formats: '8 101' }) });
    await events.wait('the park', 'CHANNEL_PARK', (event) => event['Unique-ID'] === uuid);
    await events.execute(uuid, 'playback', 'tone_stream://%(60,0,440)');
    expect(phone.heard.some(({ payloadType }) => payloadType === 8)).toBe(true);
    await events.api(`uuid_kill ${uuid}`);
  });

  it('no offer, and an ACK without answer: ended', async () => {
    const { dialog, uuid } = await invite(world, () => '');
    dialog?.on('request', (transaction) => transaction.respond(200));
    dialog?.ack();
    const hangup = await events.wait('the end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === uuid);
    expect(hangup['Hangup-Cause']).toBe('INCOMPATIBLE_DESTINATION');
  });

  it('no ACK: the call is ended', async () => {
    const { uuid } = await invite(world);
    const hangup = await events.wait('the end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === uuid, 15_000);
    expect(hangup['Hangup-Cause']).toBe('RECOVERY_ON_TIMER_EXPIRE');
  });
});
