import Srf from 'drachtio-srf';
import esl from 'modesl';
import { readConfig } from '../../src/config.ts';

/**
 * The baseline for `calls`: the shortest application on the same pair that does the same for the caller. Parked
 * channels on one event socket, a 3 s tone, hang-up; no flow, no account, no queue, no ledger.
 */

interface EslConnection {
  socket: { setNoDelay(on: boolean): void };
  send(command: string, args?: Record<string, string>): void;
  api(command: string, callback: (response: { getBody(): string }) => void): void;
  events(format: string, names: string, callback?: () => void): void;
  on(event: string, listener: (event: { getHeader(name: string): string }) => void): void;
}
const Connection = (
  esl as unknown as {
    Connection: new (host: string, port: number, password: string, ready: () => void) => EslConnection;
  }
).Connection;

const { drachtio, freeswitches } = readConfig();
const [freeswitch] = freeswitches ?? [];
if (!drachtio || !freeswitch) throw new Error('set DRACHTIO_URL and FREESWITCH_URLS');

const srf = new Srf();
const whenPlayed = new Map<string, () => void>();
const connection: EslConnection = new Connection(freeswitch.host, freeswitch.port, freeswitch.password, () => {
  connection.socket.setNoDelay(true);
  connection.events('json', 'CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP', () => {
    connection.api('sofia status', (response) => {
      const mediaServer = /drachtio_mrf\s.*sip:mod_sofia@([\d.]+:\d+)/.exec(response.getBody())?.[1];
      if (!mediaServer) throw new Error('no drachtio_mrf profile');
      serve(mediaServer);
    });
  });
});
connection.on('esl::event::CHANNEL_EXECUTE_COMPLETE::**', (event) => {
  // The dialplan's own applications (multiset, answer) end too: only the end of the prompt ends the call.
  if (event.getHeader('Application') === 'playback') whenPlayed.get(event.getHeader('Unique-ID'))?.();
});
connection.on('esl::event::CHANNEL_HANGUP::**', (event) => whenPlayed.get(event.getHeader('Unique-ID'))?.());

/** A leg that is gone already is no fault here. */
function gone(ending: unknown): void {
  Promise.resolve(ending).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
}

function serve(mediaServer: string): void {
  srf.connect(drachtio ?? {});
  srf.on('connect', () => console.log('baseline ready'));
  srf.on('error', () => process.exit(1));
  srf.invite(async (request, response) => {
    try {
      const media = await srf.createUAC(`sip:park@${mediaServer}`, { localSdp: request.body });
      const caller = await srf.createUAS(request, response, { localSdp: media.remote.sdp });
      const uuid = media.sip.callId;
      caller.on('destroy', () => {
        whenPlayed.delete(uuid);
        gone(media.destroy());
      });
      whenPlayed.set(uuid, () => {
        whenPlayed.delete(uuid);
        gone(caller.destroy());
        gone(media.destroy());
      });
      connection.send(`sendmsg ${uuid}`, {
        'call-command': 'execute',
        'execute-app-name': 'playback',
        'execute-app-arg': 'tone_stream://%(3000,0,440)',
      });
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
    }
  });
}
