import { configuredPair, openEventSocket, whenParked } from './event-socket.ts';

/**
 * FreeSWITCH by its own dialplan, no controller, no drachtio: the caller INVITEs FreeSWITCH's profile. Our
 * freeswitch-conf parks every call, since production needs no more, so each parked channel is handed an inline dialplan
 * from here (one event and one command a call on top); from there on FreeSWITCH is alone with it.
 *
 * `baseline-dialplan.ts` plays 3 s and hangs up; `baseline-dialplan.ts digits` asks for a key with
 * play_and_get_digits (a 400 Hz prompt), plays 1000 Hz for 300 ms, and so on.
 */

const keysPerCall = 120;
const prompt = 'playback:tone_stream://%(3000,0,440)^hangup:NORMAL_CLEARING';
const askForKey =
  'play_and_get_digits:1 1 1 60000 # tone_stream://%(60000,0,400) silence_stream://20 key [0-9] 60000^' +
  'playback:tone_stream://%(300,0,1000)';
const digits = Array.from({ length: keysPerCall }, () => askForKey).join('^');
const dialplan = process.argv[2] === 'digits' ? digits : prompt;

const { socket, sipAddress } = await openEventSocket(configuredPair().freeswitch, 'CHANNEL_PARK');
whenParked(socket, (uuid) => socket.bgapi(`uuid_transfer ${uuid} 'm:^:${dialplan}' inline`));
console.log(`baseline ready ${sipAddress}`);
