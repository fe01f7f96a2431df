import { parse } from 'sdp-transform';
import type { LegMedia } from './media/api.ts';

/** What an SDP answer to a G.711 offer agreed on; undefined when there is no usable audio in it. */
export function parseAnswer(body: string): LegMedia | undefined {
  const sdp = parse(body);
  const audio = sdp.media.find((media) => media.type === 'audio' && media.port > 0);
  const address = audio?.connection?.ip ?? sdp.connection?.ip;
  if (!audio || !address) return undefined;
  const offered = String(audio.payloads ?? '')
    .split(' ')
    .map(Number);
  const payloadType = offered.find((type) => type === 0 || type === 8);
  const events = audio.rtp.find((line) => line.codec.toLowerCase() === 'telephone-event');
  if (payloadType === undefined) return undefined;
  return {
    codec: payloadType === 0 ? 'PCMU' : 'PCMA',
    payloadType,
    ...(events ? { telephoneEventPayloadType: events.payload } : {}),
    remote: { address, port: audio.port },
    direction: 'sendrecv',
  };
}
