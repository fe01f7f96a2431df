import { systemClock } from '../../src/kernel/clock.ts';
import { RawPeer, rawOffer } from '../../test/support/raw-peer.ts';
import { offerCalls } from './sipp-load.ts';
import { type Subject, startBaseline, startDenwaban } from './subjects.ts';

const threeSeconds = '0333330001';
const flooderAddress = '127.0.0.9';
/** INVITEs are sent in handfuls, as often as this. */
const handfulMs = 50;

/**
 * Goodput of honest callers, who offer half of what is taken a second, alone and while one source sends `timesLimit` as
 * much as is taken: denwaban beside a bare controller on the same switch, which has no shares.
 */
export async function benchFlood(options: { limit: number; timesLimit: number; seconds: number }): Promise<object[]> {
  const { limit } = options;
  const rows: object[] = [];
  const subjects = {
    denwaban: () => startDenwaban({ MAX_CALLS: String(limit * 8), MAX_CALLS_PER_SECOND: String(limit) }),
    parked: () => startBaseline('baseline-parked.ts'),
  };
  for (const [name, start] of Object.entries(subjects)) {
    const subject = await start();
    try {
      const alone = await honestCalls(subject, options);
      const flood = await startFlood(subject, limit * options.timesLimit);
      const during = await honestCalls(subject, options).finally(() => flood.stop());
      rows.push({ subject: name, flood: 'none', ...alone, goodputPercent: 100 });
      const goodputPercent = (100 * (during.calls - during.failed)) / (alone.calls - alone.failed);
      rows.push({ subject: name, flood: `${flood.sent()} INVITEs`, ...during, goodputPercent });
    } finally {
      await subject.stop();
    }
  }
  return rows;
}

const honestCalls = ({ target }: Subject, { limit, seconds }: { limit: number; seconds: number }) =>
  offerCalls({ target, number: threeSeconds, callsPerSecond: limit / 2, seconds });

/** Sends INVITEs that nobody follows up, until it is stopped. */
async function startFlood({ target }: Subject, perSecond: number) {
  const [address = '', port = ''] = target.split(':');
  const peer = await RawPeer.open({ protocol: 'udp', address, port: Number(port) }, flooderAddress);
  const uri = `sip:${threeSeconds}@${target}`;
  const begunMs = systemClock.monotonicMs();
  let sent = 0;
  const sendDue = () => {
    for (const due = ((systemClock.monotonicMs() - begunMs) * perSecond) / 1_000; sent < due; sent++) {
      const callId = `flood-${process.pid}-${sent}`;
      peer.send(peer.text('INVITE', { uri, callId, branch: `z9hG4bK${callId}`, ...rawOffer() }));
    }
  };
  const timer = setInterval(sendDue, handfulMs);
  return {
    sent: () => sent,
    stop: () => {
      clearInterval(timer);
      peer.close();
    },
  };
}
