import type { MediaStats } from '../media/api.ts';

/** The variables that a channel has at its end, and whenever `uuid_set_media_stats` asks for them. */
export function mediaVariables(stats: MediaStats): Record<string, number> {
  return {
    rtp_audio_in_packet_count: stats.packetsReceived,
    rtp_audio_in_media_packet_count: stats.packetsReceived - stats.keyPacketsReceived,
    rtp_audio_in_dtmf_packet_count: stats.keyPacketsReceived,
    rtp_audio_in_skip_packet_count: stats.packetsLost,
    rtp_audio_out_packet_count: stats.packetsSent,
    rtp_audio_out_media_packet_count: stats.packetsSent,
  };
}
