import type { MediaEngineEvents, MediaStats } from './api.ts';

/** What is answered for legs that have gone. */

export const noStats: MediaStats = {
  packetsSent: 0,
  packetsReceived: 0,
  keyPacketsReceived: 0,
  packetsLost: 0,
  jitterMs: 0,
  lastPacketAtMs: 0,
};

export const stoppedPlay = (playId: string): MediaEngineEvents['play-done'][1] => ({
  playId,
  outcome: 'stopped',
  playedMs: 0,
});

export const closedRecording = (recordingId: string): MediaEngineEvents['record-done'][1] => ({
  recordingId,
  outcome: 'closed',
  durationMs: 0,
});
