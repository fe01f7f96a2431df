import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../support/poll.ts';
import type { Fsmrf, Modesl, ModeslConnection, ModeslEvent } from './modesl-types.ts';
import { callIn, closeWorld, EventSocket, startWorld, type World } from './support.ts';

const load = createRequire(import.meta.url);
const modesl = load('modesl') as Modesl;
const Mrf = load('drachtio-fsmrf') as Fsmrf;

let world: World;
beforeAll(async () => {
  world = await startWorld({ heartbeatIntervalMs: 200 });
});
afterAll(() => closeWorld(world));

function connect(): Promise<ModeslConnection> {
  return new Promise((resolve) => {
    const connection = new modesl.Connection('127.0.0.1', world.eventPort, world.password, () => resolve(connection));
    world.closing.push(() => connection.disconnect());
  });
}

describe('modesl 1.2.1, unmodified', () => {
  it('drives a parked channel', async () => {
    const connection = await connect();
    const events = await EventSocket.open(world);
    const { uuid } = await callIn(world, events);
    const played = await new Promise<ModeslEvent>((resolve) => {
      connection.execute('playback', 'tone_stream://%(100,0,440)', uuid, resolve);
    });
    expect(played.getHeader('Application-Response')).toBe('FILE PLAYED');
    expect(played.getHeader('variable_playback_last_offset_pos')).toBe('800');
    const exists = await new Promise<string>((resolve) => {
      connection.api(`uuid_exists ${uuid}`, (reply) => resolve(reply.getBody()));
    });
    expect(exists).toBe('true');
    const killed = await new Promise<string>((resolve) => {
      connection.bgapi('uuid_kill', uuid, (job) => resolve(job.getBody()));
    });
    expect(killed).toBe('+OK\n');
  });

  it('hears digits and the hang-up', async () => {
    const connection = await connect();
    const heard: string[] = [];
    await new Promise<void>((resolve) => connection.subscribe(['DTMF', 'CHANNEL_HANGUP'], resolve));
    connection.on('esl::event::DTMF::*', (event) => heard.push(event.getHeader('DTMF-Digit')));
    connection.on('esl::event::CHANNEL_HANGUP::*', (event) => heard.push(event.getHeader('Hangup-Cause')));
    const events = await EventSocket.open(world);
    const { phone, dialog } = await callIn(world, events);
    phone.pressKey(7);
    await eventually('the digit', () => heard.length === 1);
    dialog.request({ method: 'BYE' });
    await eventually('the hang-up', () => heard.length === 2);
    expect(heard).toEqual(['7', 'NORMAL_CLEARING']);
  });
});

describe('drachtio-fsmrf 4.1.2, unmodified', () => {
  it('becomes ready, knows the SIP address, and hears the load', async () => {
    const mediaServer = await new Mrf({}).connect({
      address: '127.0.0.1',
      port: world.eventPort,
      secret: world.password,
      listenAddress: '127.0.0.1',
    });
    world.closing.push(() => mediaServer.disconnect());
    expect(mediaServer.sip.ipv4.udp.address).toBe(`127.0.0.1:${world.sipPort}`);
    await eventually('a heartbeat', () => mediaServer.maxSessions === 1000);
    expect(await mediaServer.api('version')).toContain('FreeSWITCH Version 1.11.1');
  });
});
