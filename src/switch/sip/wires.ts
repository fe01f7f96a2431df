import { isIP } from 'node:net';
import type { HostPort } from './api.ts';
import type { Target } from './core.ts';
import { type Envelope, reconnectAddress, replyAddress } from './envelope.ts';
import { resolveTarget } from './resolve.ts';
import type { Wire } from './transaction/machine.ts';
import type { Link } from './transport/link.ts';
import type { Transports } from './transport/transports.ts';

/**
 * The way of a request to its target. A name is looked up once.
 * @param fallback a connection the peer opened: used when its own address can't be connected to.
 */
export function requestWire(transports: Transports, target: Target, fallback: Link | undefined): Wire {
  let found: Promise<HostPort> | undefined;
  const literal = isIP(target.peer.address) !== 0;
  const sendTo = (peer: HostPort, text: string, failed: () => void): void => {
    const retry = (): void => {
      if (fallback?.usable && peer.protocol === 'tcp') fallback.send(text, peer, failed);
      else failed();
    };
    const link = transports.linkTo(peer);
    if (link) link.send(text, peer, retry);
    else process.nextTick(failed);
  };
  return {
    reliable: target.peer.protocol === 'tcp',
    send(text, failed) {
      if (literal) return sendTo(target.peer, text, failed);
      found ??= resolveTarget(target);
      found.then((peer) => sendTo(peer, text, failed), failed);
    },
  };
}

/** The way of the answers to a request (RFC 3261 18.2.2). */
export function replyWire(transports: Transports, envelope: Envelope): Wire {
  const peer = replyAddress(envelope);
  return {
    reliable: peer.protocol === 'tcp',
    send(text, failed) {
      if (envelope.link.usable || peer.protocol === 'udp') return envelope.link.send(text, peer, failed);
      const back = reconnectAddress(envelope);
      const link = transports.linkTo(back);
      if (link) link.send(text, back, failed);
      else process.nextTick(failed);
    },
  };
}
