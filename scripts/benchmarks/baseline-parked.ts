import Srf from 'drachtio-srf';
import { configuredPair, openEventSocket } from './event-socket.ts';

/**
 * The baseline for `calls`: the shortest application on the same pair that does the same for the caller. Parked
 * channels on one event socket, a 3 s tone, hang-up; no flow, no account, no queue, no ledger.
 */

const { drachtio, freeswitch } = configuredPair();
const srf = new Srf();
const whenPlayed = new Map<string, () => void>();
const { socket, sipAddress } = await openEventSocket(freeswitch, 'CHANNEL_EXECUTE_COMPLETE CHANNEL_HANGUP');
socket.on('esl::event::CHANNEL_EXECUTE_COMPLETE::**', (event) => {
  // The dialplan's own applications (multiset, answer) end too: only the end of the prompt ends the call.
  if (event.getHeader('Application') === 'playback') whenPlayed.get(event.getHeader('Unique-ID'))?.();
});
socket.on('esl::event::CHANNEL_HANGUP::**', (event) => whenPlayed.get(event.getHeader('Unique-ID'))?.());
serve(sipAddress);

/** A leg that is gone already is no fault here. */
function gone(ending: unknown): void {
  Promise.resolve(ending).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
}

function serve(mediaServer: string): void {
  srf.connect(drachtio);
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
      socket.send(`sendmsg ${uuid}`, {
        'call-command': 'execute',
        'execute-app-name': 'playback',
        'execute-app-arg': 'tone_stream://%(3000,0,440)',
      });
    } catch (error) {
      process.stderr.write(`${String(error)}\n`);
    }
  });
}
