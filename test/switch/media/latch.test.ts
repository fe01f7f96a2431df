import { describe, expect, it } from 'vitest';
import { Latch, quietMs } from '../../../src/switch/media/latch.ts';
import { Trickle, tricklePackets } from '../../../src/switch/media/trickle.ts';

describe('the latch', () => {
  const announced = { address: '192.0.2.1', port: 4_000 };
  const stranger = { address: '203.0.113.9', port: 5 };
  const behindNat = { address: '10.1.2.3', port: 4_000 };
  const natted = { address: '198.51.100.7', port: 61_000 };
  const from = (latch: Latch, { address, port }: { address: string; port: number }, ssrc: number, nowMs: number) =>
    latch.accept(address, port, ssrc, nowMs);
  const latchTo = (remote: { address: string; port: number }) => {
    const latch = new Latch();
    latch.announce(remote);
    return latch;
  };

  it('sends to the SDP address, which has not asked for it until something comes from there', () => {
    const latch = new Latch();
    expect(latch.target).toBeUndefined();
    latch.announce(announced);
    expect([latch.target, latch.isAsked]).toEqual([announced, false]);
    expect(from(latch, announced, 1, 0)).toBe(true);
    expect([latch.target, latch.isAsked]).toEqual([announced, true]);
    latch.announce({ ...announced, port: 4_002 });
    expect(latch.isAsked).toBe(false);
    latch.noteSign();
    expect(latch.isAsked).toBe(true);
  });

  it('follows the first packet where the SDP address is a private one: that tells of NAT', () => {
    for (const address of ['10.1.2.3', '172.31.0.1', '192.168.0.9', '100.64.0.1', '169.254.1.1', 'phone.test']) {
      const latch = latchTo({ address, port: 4_000 });
      expect(from(latch, natted, 1, 0)).toBe(true);
      expect([latch.target, latch.isAsked]).toEqual([natted, true]);
    }
  });

  it('believes no other address where the announced one is public, also where that has not been heard', () => {
    const latch = latchTo(announced);
    for (let packet = 0; packet < 500; packet++) expect(from(latch, natted, 1, packet * 20)).toBe(false);
    expect([latch.target, latch.isAsked]).toEqual([announced, false]);
    expect(from(latch, announced, 2, 10_000)).toBe(true);
  });

  it('lets the SDP address have its stream back whenever it sends', () => {
    const latch = latchTo(behindNat);
    for (let packet = 0; packet < 500; packet++) from(latch, stranger, 9, packet * 20);
    expect(latch.target).toEqual(stranger);
    expect(from(latch, behindNat, 1, 10_000)).toBe(true);
    expect(latch.target).toEqual(behindNat);
    expect(from(latch, stranger, 9, 10_020)).toBe(false);
  });

  it('believes no stranger in a pause of one who was heard, however long', () => {
    for (const [remote, source] of [
      [announced, announced],
      [behindNat, natted],
    ] as const) {
      const latch = latchTo(remote);
      expect(from(latch, source, 1, 0)).toBe(true);
      for (let packet = 0; packet < 500; packet++) {
        expect(from(latch, stranger, 9, 60_000 + packet * 20)).toBe(false);
      }
      expect(latch.target).toEqual(source);
      expect(latch.strays).toBe(500);
      expect(from(latch, source, 1, 90_000)).toBe(true);
    }
  });

  it('follows a phone behind NAT whose port changes once it is quiet, by its SSRC', () => {
    const latch = latchTo(behindNat);
    const moved = { ...natted, port: 62_000 };
    from(latch, natted, 1, 1_000);
    expect(from(latch, moved, 1, 1_000 + quietMs - 1)).toBe(false);
    expect(from(latch, moved, 1, 1_000 + quietMs)).toBe(true);
    expect(latch.target).toEqual(moved);
  });

  it('sends nowhere when the SDP address is no address', () => {
    const latch = new Latch();
    for (const remote of [
      { ...announced, port: 0 },
      { ...announced, port: 65_536 },
      { ...announced, address: '0.0.0.0' },
      { address: 'host.test', port: 9 },
    ]) {
      latch.announce(remote);
      expect(latch.target).toBeUndefined();
    }
  });

  it('begins anew with a changed SDP address, and only then', () => {
    const latch = latchTo(behindNat);
    from(latch, natted, 1, 0);
    latch.announce({ ...behindNat });
    expect(latch.target).toEqual(natted);
    latch.announce({ ...behindNat, port: 5_000 });
    expect(latch.target).toEqual({ ...behindNat, port: 5_000 });
  });
});

describe('the trickle', () => {
  it('is a short burst, five packets a second, and a hundred in all', () => {
    const trickle = new Trickle();
    const sent = Array.from({ length: 3_000 }, (_, frame) => trickle.allows(frame));
    expect(sent.slice(0, 25).every(Boolean)).toBe(true);
    expect(sent.slice(100, 150).filter(Boolean)).toHaveLength(5);
    expect(sent.filter(Boolean)).toHaveLength(tricklePackets);
  });
});
