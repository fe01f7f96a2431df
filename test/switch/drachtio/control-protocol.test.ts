import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../support/poll.ts';
import { answered, hangUp, invite as inviteStep, sipp } from './sipp.ts';
import { localSdp, RawClient, type Switch, startSwitch } from './support.ts';

/** What passes over the control port, token by token. Passes on a real drachtio-server 0.9.10 too (DRACHTIO_BIN). */

let under: Switch;
beforeAll(async () => {
  under = await startSwitch();
});
afterAll(() => under.stop());

const TIME = /^\d\d:\d\d:\d\d\.\d{6}$/;
const UUID = /^[0-9a-f-]{36}$/;

describe('the greeting', () => {
  test('tells contacts, version and local addresses', async () => {
    const client = await RawClient.connect(under);
    const answer = (await client.ask('authenticate|cymru|tag-a,tag-b')).split('|');
    expect(answer[0]).toBe('OK');
    expect(answer[1]?.split(',').sort()).toEqual([`tcp/${under.sipTcp}`, `udp/${under.sip}`]);
    expect(answer[2]).toMatch(/^v0\.9\.10/);
    expect(answer[3]?.split(',').sort()).toEqual([`tcp/${under.sipTcp}`, `udp/${under.sip}`]);
    client.socket.destroy();
  });

  test('a wrong secret is told, then the connection closed', async () => {
    const client = await RawClient.connect(under);
    expect(await client.ask('authenticate|wrong|')).toBe('NO|incorrect secret');
    await eventually('the connection to close', () => client.closed);
  });

  test('an unknown verb is told, then the connection closed', async () => {
    const client = await RawClient.authenticated(under);
    expect(await client.ask('dance|now')).toBe('NO|Unknown message type');
    await eventually('the connection to close', () => client.closed);
  });

  test.each(['hello', 'x12#', '123456#', '0x10#'])(
    'bytes that are no frame close the connection: %s',
    async (bytes) => {
      const client = await RawClient.authenticated(under);
      client.socket.write(bytes);
      await eventually('the connection to close', () => client.closed);
    },
  );

  test('frames may be split and merged anywhere, and count bytes', async () => {
    const client = await RawClient.authenticated(under);
    const bytes = Buffer.concat(
      ['p-1|ping', 'r-1|route|x-電話番', 'p-2|ping'].map((text) => Buffer.from(`${Buffer.byteLength(text)}#${text}`)),
    );
    for (const byte of bytes) client.socket.write(Buffer.of(byte));
    client.socket.write(Buffer.concat([bytes, bytes]));
    expect(await client.answerTo('p-2')).toBe('OK|pong');
    expect(await client.answerTo('r-1')).toBe('OK');
    await eventually('all nine answers', () => client.frames.filter((frame) => frame.includes('|OK')).length >= 10);
    client.socket.destroy();
  });
});

describe('requests that can not be sent', () => {
  test.each([
    ['sip||nobody@nowhere;from-tag=1\r\nBYE sip:placeholder SIP/2.0\r\n', /^NOK\|.*unable to find dialog/i],
    ['sip||nobody@nowhere;from-tag=1\r\nACK sip:placeholder SIP/2.0\r\n', /^NOK\|.*ACK for non-success/],
    ['sip|no-such-transaction|\r\nCANCEL sip:x@127.0.0.1 SIP/2.0\r\n', /^NOK\|unable to cancel unknown transaction/],
    ['sip|no-such-transaction|\r\nSIP/2.0 200 OK\r\n', /^NOK\|Response not sent due to unknown transaction/],
    ['sip|gone|\r\nSIP/2.0 200 OK\r\nCSeq: 1 CANCEL\r\n', /^NOK\|/],
    ['sip||\r\nOPTIONS nonsense SIP/2.0\r\n', /^NOK\|/],
    ['sip||\r\nMESSAGE sip:x@127.0.0.1:9 SIP/2.0\r\n\r\nhello', /^NOK\|missing content-type/],
  ])('%j', async (text, expected) => {
    const client = await RawClient.authenticated(under);
    expect(await client.ask(text)).toMatch(expected);
    expect(await client.ask('ping')).toBe('OK|pong');
    client.socket.destroy();
  });

  test('to ourselves', async () => {
    const client = await RawClient.authenticated(under);
    const answer = await client.ask(`sip||\r\nOPTIONS sip:x@${under.sip} SIP/2.0\r\n`);
    expect(answer).toBe('NOK|can not send request to myself');
    client.socket.destroy();
  });
});

describe('a call, token by token', () => {
  test('INVITE, 200, ACK, BYE from the network', async () => {
    const client = await RawClient.authenticated(under);
    await client.ask('route|invite');
    const caller = await sipp([inviteStep(), answered, hangUp()], { target: under.sip });
    const invite = await client.take(/\|sip\|network\|.*\r\nINVITE /s);
    const [id, verb, source, bytes, protocol, address, port, time, transactionId, dialogId, ...receivedOn] =
      invite.tokens;
    expect([verb, source, protocol, address, port, dialogId]).toEqual([
      'sip',
      'network',
      'udp',
      '127.0.0.1',
      String(caller.port),
      '',
    ]);
    expect(id).toMatch(UUID);
    expect(Number(bytes)).toBeGreaterThan(300);
    expect(time).toMatch(TIME);
    expect(transactionId).toMatch(UUID);
    expect(receivedOn).toEqual(['127.0.0.1', String(under.sipPort), '']);
    const callId = /^Call-ID: (.*)\r$/m.exec(invite.sip)?.[1];
    const tag = /^From: .*tag=([^;\r]*)/m.exec(invite.sip)?.[1];

    const ringing = (await client.ask(`sip|${transactionId}|\r\nSIP/2.0 180 Ringing\r\n\r\n`)).split('|');
    expect(ringing.slice(0, 2)).toEqual(['OK', 'application']);
    expect(ringing[3]).toBe('udp');
    expect(ringing[6]).toMatch(TIME);
    expect(ringing[7]).toBe(transactionId);
    const id200 = client.send(`sip|${transactionId}|\r\nSIP/2.0 200 OK\r\nX-Mine: yes\r\n\r\n${localSdp}`);
    const answer = await client.answerTo(id200);
    const tokens = answer.split('\r\n')[0]?.split('|') ?? [];
    const dialog = `${callId};from-tag=${tag}`;
    expect(tokens.slice(7)).toEqual([transactionId, dialog, '', 'Msg sent:', '']);
    expect(answer).toContain('\r\nSIP/2.0 200 OK\r\n');
    expect(answer).toContain('\r\nX-Mine: yes\r\n');
    expect(answer).toContain('\r\nContent-Type: application/sdp\r\n');
    expect(answer).toContain(`\r\nContact: <sip:${under.sip}>\r\n`);

    const ack = await client.take(/\|sip\|network\|.*\r\nACK /s);
    expect(ack.tokens.slice(8)).toEqual([transactionId, dialog, '']);
    const bye = await client.take(/\|sip\|network\|.*\r\nBYE /s);
    expect(bye.tokens.slice(9)).toEqual([dialog, '']);
    expect(await client.ask(`sip||${dialog}\r\nINFO sip:placeholder SIP/2.0\r\n`)).toMatch(
      /^NOK\|.*unable to find dialog/,
    );
    expect(await client.ask(`sip|${bye.tokens[8]}|\r\nSIP/2.0 200 OK\r\n`)).toMatch(/^OK\|application/);
    await caller.done;
    client.socket.destroy();
  });
});
