import Mrf from 'drachtio-fsmrf';
import Srf from 'drachtio-srf';
import { configuredPair, openEventSocket, whenParked } from './event-socket.ts';

/**
 * The baseline for `calls` as drachtio's own documentation writes it: `connectCaller`, `play`, hang up; fsmrf's
 * endpoints, so one outbound event socket a call. Our freeswitch-conf has no dialplan for them, since production needs
 * none: a parked channel of fsmrf's is sent on to `socket` from here, one command a call on top.
 */

interface Endpoint {
  play(file: string): Promise<unknown>;
  destroy(): Promise<unknown>;
}
interface FsmrfServer {
  connectCaller(
    req: unknown,
    res: unknown,
  ): Promise<{
    endpoint: Endpoint;
    dialog: { destroy(): Promise<unknown>; on(event: 'destroy', hear: () => void): void };
  }>;
}

const { drachtio, freeswitch } = configuredPair();
const { socket } = await openEventSocket(freeswitch, 'CHANNEL_PARK');
whenParked(socket, (uuid, header) => {
  const listener = header('variable_sip_h_X-esl-outbound');
  if (listener) socket.bgapi(`uuid_transfer ${uuid} 'socket:${listener} async full' inline`);
});

// A leg that is gone already when its turn comes is no fault here, and fsmrf leaves some failures to nobody.
process.on('unhandledRejection', (error) => process.stderr.write(`${String(error)}\n`));

const srf = new Srf();
srf.connect(drachtio);
srf.on('error', () => process.exit(1));
await new Promise<void>((resolve) => srf.on('connect', () => resolve()));
const { host: address, port, password: secret } = freeswitch;
const server = (await new Mrf(srf).connect({
  address,
  port,
  secret,
  listenAddress: '127.0.0.1',
})) as unknown as FsmrfServer;

srf.invite(async (request, response) => {
  try {
    const { endpoint, dialog } = await server.connectCaller(request, response);
    dialog.on('destroy', () => void endpoint.destroy());
    await endpoint.play('tone_stream://%(3000,0,440)');
    await dialog.destroy();
    await endpoint.destroy();
  } catch (error) {
    process.stderr.write(`${String(error)}\n`);
    if (!response.finalResponseSent) response.send(503);
  }
});
console.log('baseline ready');
