import { describe, expect, it } from 'vitest';
import { createMediaEngine } from '../../../src/switch/media/engine.ts';
import { eventually } from '../../support/poll.ts';
import { connect, Phone, startEngine, temporaryFolder } from './phone.ts';

const recording = {
  recordingId: 'r',
  maxDurationMs: 0,
  silenceMs: 0,
  silenceThreshold: 0,
  terminators: '',
  channels: 'leg',
} as const;

describe('an engine', () => {
  it('refuses legs before it runs and after it stopped', async () => {
    const engine = createMediaEngine({ bindAddress: '127.0.0.1', portMin: 20_000, portMax: 20_100 });
    await expect(engine.openLeg('a')).rejects.toThrow(/not running/);
    await engine.start();
    await engine.start();
    await engine.openLeg('a');
    await engine.stop();
    await engine.stop();
    expect(engine.legCount).toBe(0);
    await expect(engine.openLeg('a')).rejects.toThrow(/not running/);
  });

  it('plays what was asked for before the media were known', async () => {
    const { engine, reported } = await startEngine();
    const phone = await Phone.open();
    try {
      const { rtpPort } = await engine.openLeg('leg');
      engine.play('leg', { playId: 'p', sources: ['tone_stream://%(200,0,500)'], loop: false, terminators: '' });
      expect(rtpPort % 2).toBe(0);
      engine.setMedia('leg', phone.media());
      await eventually('play-done', () => reported.plays[0]);
      expect(reported.plays).toMatchObject([{ outcome: 'finished', playedMs: 200 }]);
    } finally {
      await engine.stop();
      phone.close();
    }
  });

  it('finishes recordings and plays when it is stopped', async () => {
    const { engine, reported } = await startEngine();
    const phone = await Phone.open();
    await connect(engine, 'leg', phone);
    engine.record('leg', { ...recording, file: `${temporaryFolder()}/r.wav` });
    engine.play('leg', { playId: 'p', sources: ['silence_stream://-1'], loop: false, terminators: '' });
    await eventually('packets', () => phone.heard.length > 3);
    await engine.stop();
    expect(reported.plays).toMatchObject([{ outcome: 'stopped' }]);
    expect(reported.recordings).toMatchObject([{ outcome: 'closed' }]);
    phone.close();
  });
});
