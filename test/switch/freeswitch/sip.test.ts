import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SipMessage } from '../../../src/kernel/sip/message.ts';
import type { Dialog } from '../../../src/switch/sip/api.ts';
import { eventually } from '../../support/poll.ts';
import * as call from '../drachtio/sipp.ts';
import type { Phone } from '../media/phone.ts';
import { callIn, closeWorld, EventSocket, invite, noChannels, sdpOf, startWorld, type World } from './support.ts';

let world: World;
let events: EventSocket;
beforeAll(async () => {
  world = await startWorld();
  events = await EventSocket.open(world);
});
afterAll(() => closeWorld(world));

const sdpType = { 'Content-Type': 'application/sdp' };

/** Sends a request in a dialog; gives its final answer. INVITEs are acknowledged. */
async function ask(
  dialog: Dialog,
  method: string,
  body = '',
  headers: Record<string, string> = body === '' ? {} : sdpType,
  ackBody?: string,
): Promise<SipMessage> {
  const transaction = dialog.request({ method, headers, body });
  const answer = await new Promise<SipMessage>((resolve) => {
    transaction.on('response', (response) => {
      if ((response.status ?? 0) >= 200) resolve(response);
    });
  });
  if (method === 'INVITE' && (answer.status ?? 0) < 300) {
    dialog.ack(ackBody === undefined ? {} : { headers: sdpType, body: ackBody });
  }
  return answer;
}

const mediaOf = (sdp: string) => sdp.slice(sdp.indexOf('m='));
const versionOf = (sdp: string) => Number(/^o=\S+ \d+ (\d+)/m.exec(sdp)?.[1]);

describe('by SIPp, over UDP and TCP', () => {
  it.each(['u1', 't1'] as const)('call, prompt, kill (%s)', async (transport) => {
    const caller = await call.sipp([call.invite(), call.answered, call.waitForBye], {
      target: `127.0.0.1:${world.sipPort}`,
      transport,
    });
    const from = events.events.length;
    const park = await eventually('the park', () =>
      events.events.slice(from).find((event) => event['Event-Name'] === 'CHANNEL_PARK'),
    );
    const uuid = park['Unique-ID'] ?? '';
    expect(await events.execute(uuid, 'playback', 'tone_stream://%(60,0,440)')).toMatchObject({
      'Application-Response': 'FILE PLAYED',
    });
    expect(await events.api(`uuid_kill ${uuid}`)).toBe('+OK\n');
    await caller.done;
  });

  it('twenty calls at once leave nothing behind', async () => {
    const caller = await call.sipp([call.invite(), call.answered, call.pause(300), call.hangUp(2)], {
      target: `127.0.0.1:${world.sipPort}`,
      calls: 20,
    });
    await caller.done;
    await noChannels(world);
    await eventually('no dialog', () => (world.sip?.dialogCount ?? 0) === 0);
  });

  it('calls beyond the limit get 503', async () => {
    const small = await startWorld({ maxSessions: 1 });
    const watching = await EventSocket.open(small);
    await callIn(small, watching);
    const refused = await call.sipp([call.invite(), call.refused(503)], { target: `127.0.0.1:${small.sipPort}` });
    await refused.done;
    await closeWorld(small);
  });
});

describe('offers', () => {
  it.each([
    ['0 8 101', /RTP\/AVP 0 101\r\n/],
    ['8 0 101', /RTP\/AVP 8 101\r\n/],
    ['9 8 101', /RTP\/AVP 8 101\r\n/],
    ['0', /RTP\/AVP 0\r\na=rtpmap:0 PCMU\/8000\r\n(?!.*telephone-event)/s],
  ])('%s is answered', async (formats, answered) => {
    const { answer, dialog } = await invite(world, (phone) => sdpOf(phone, { formats }));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatch(answered);
    dialog?.ack();
    dialog?.request({ method: 'BYE' });
  });

  it('telephone-event keeps the number it was offered under', async () => {
    const { answer, dialog } = await invite(world, (phone) =>
      sdpOf(phone, { formats: '0 96', lines: 'a=rtpmap:96 telephone-event/8000' }),
    );
    expect(answer.body).toContain('a=rtpmap:96 telephone-event/8000');
    dialog?.ack();
    dialog?.request({ method: 'BYE' });
  });

  it('video is refused beside audio that is taken', async () => {
    const { answer, dialog } = await invite(
      world,
      (phone) => `${sdpOf(phone)}m=video 5000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n`,
    );
    expect(answer.body).toMatch(/^m=video 0 RTP\/AVP /m);
    dialog?.ack();
    dialog?.request({ method: 'BYE' });
  });

  it.each([
    ['nothing of ours', 488, (phone: Phone) => sdpOf(phone, { formats: '9 18' }), {}],
    ['no SDP', 400, () => 'garbage', {}],
    ['another kind of body', 415, (phone: Phone) => sdpOf(phone), { 'Content-Type': 'text/plain' }],
  ])('%s gets %i', async (_what, status, body, headers) => {
    const { answer } = await invite(world, body, headers);
    expect(answer.status).toBe(status);
    await noChannels(world);
  });
});

describe('in a dialog', () => {
  it('hold and resume, in the old way and the new', async () => {
    const caller = await callIn(world, events);
    const { phone, dialog, uuid } = caller;
    const steps: [options: Parameters<typeof sdpOf>[1], answered: RegExp][] = [
      [{ lines: 'a=sendonly' }, /^a=recvonly/m],
      [{ lines: 'a=inactive' }, /^a=inactive/m],
      [{}, /^a=ptime:20/m],
      [{ address: '0.0.0.0' }, /^a=ptime:20/m],
      [{}, /^a=ptime:20/m],
    ];
    let before = caller.answer.body;
    for (const [options, answered] of steps) {
      const { body } = await ask(dialog, 'INVITE', sdpOf(phone, options));
      expect(body).toMatch(answered);
      // The version says whether anything changed (RFC 3264 8).
      expect(versionOf(body) - versionOf(before)).toBe(mediaOf(body) === mediaOf(before) ? 0 : 1);
      before = body;
    }
    const same = await ask(dialog, 'UPDATE', sdpOf(phone));
    expect(versionOf(same.body)).toBe(versionOf(before));
    const holds = () => events.namesOf(uuid).filter((name) => /HOLD$/.test(name));
    await eventually('the second resume', () => holds().length === 4);
    expect(holds()).toEqual(['CHANNEL_HOLD', 'CHANNEL_UNHOLD', 'CHANNEL_HOLD', 'CHANNEL_UNHOLD']);
  });

  it('another codec, one we do not have, and an offer from us', async () => {
    const { phone, dialog, uuid } = await callIn(world, events);
    expect((await ask(dialog, 'INVITE', sdpOf(phone, { formats: '8 101' }))).body).toContain('PCMA/8000');
    expect((await ask(dialog, 'INVITE', sdpOf(phone, { formats: '9' }))).status).toBe(488);
    expect(await events.execute(uuid, 'playback', 'silence_stream://20')).toBeDefined();
    const ours = await ask(dialog, 'INVITE', '', {}, sdpOf(phone));
    expect(ours.body).toContain('RTP/AVP 0 8');
    await eventually('the codec', async () => (await events.api(`uuid_getvar ${uuid} rtp_use_codec_name`)) === 'PCMU');
  });

  it.each([
    ['application/dtmf-relay', 'Signal=5\r\nDuration=160\r\n', '5', '1280'],
    ['application/dtmf-relay', 'Signal= #\r\nDuration= 250\r\n', '#', '2000'],
    ['application/dtmf-relay', 'Signal=11\r\nDuration=100\r\n', '#', '800'],
    ['application/dtmf', '7', '7', '2000'],
  ])('a key by INFO: %s %j', async (type, body, digit, duration) => {
    const { dialog, uuid } = await callIn(world, events);
    expect((await ask(dialog, 'INFO', body, { 'Content-Type': type })).status).toBe(200);
    const dtmf = await events.wait('the key', 'DTMF', (event) => event['Unique-ID'] === uuid);
    expect(dtmf).toMatchObject({ 'DTMF-Digit': digit, 'DTMF-Duration': duration, 'DTMF-Source': 'ENDPOINT' });
  });

  it('other requests', async () => {
    const { dialog } = await callIn(world, events);
    expect((await ask(dialog, 'OPTIONS')).status).toBe(200);
    expect((await ask(dialog, 'UPDATE')).status).toBe(200);
    expect((await ask(dialog, 'INFO', 'hello', { 'Content-Type': 'text/plain' })).status).toBe(200);
    expect((await ask(dialog, 'REFER', '', { 'Refer-To': '<sip:x@127.0.0.1>' })).status).toBe(405);
    expect((await ask(dialog, 'NOTIFY', '', { Event: 'x' })).status).toBe(481);
  });

  it('a BYE with a Reason tells the cause', async () => {
    const { dialog, uuid } = await callIn(world, events);
    await ask(dialog, 'BYE', '', { Reason: 'Q.850;cause=17;text="busy"' });
    const hangup = await events.wait('the end', 'CHANNEL_HANGUP', (event) => event['Unique-ID'] === uuid);
    expect(hangup['Hangup-Cause']).toBe('USER_BUSY');
  });
});

describe('outside any dialog', () => {
  it.each([
    ['OPTIONS', 200],
    ['BYE', 481],
    ['REGISTER', 405],
  ])('%s gets %i', async (method, status) => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const answer = new Promise<string>((resolve) => socket.once('message', (bytes) => resolve(bytes.toString())));
    const lines = [
      `${method} sip:x@127.0.0.1:${world.sipPort} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${method}${port};rport`,
      'Max-Forwards: 70',
      'From: <sip:a@127.0.0.1>;tag=1',
      `To: <sip:x@127.0.0.1>${method === 'BYE' ? ';tag=gone' : ''}`,
      `Call-ID: ${method}-${port}`,
      `CSeq: 1 ${method}`,
      'Content-Length: 0',
    ];
    socket.send(`${lines.join('\r\n')}\r\n\r\n`, world.sipPort, '127.0.0.1');
    expect(await answer).toMatch(new RegExp(`^SIP/2.0 ${status} `));
    socket.close();
  });
});
