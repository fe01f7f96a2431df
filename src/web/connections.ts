import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../kernel/clock.ts';
import { ConnectionLimits, type LimitedConnection } from '../kernel/connection-limits.ts';

/** An office of agents behind one address has some hundred (a page of theirs up to six); one silent stranger a few. */
const connectionLimits = { total: 2_000, perAddress: 600, silentPerAddress: 64 };

/** Bounds the connections of an HTTP server, by address; a trusted proxy brings those of many and counts itself. */
export function limitConnections(server: Server, trustedProxies: readonly string[], clock: Clock): void {
  const limits = new ConnectionLimits(connectionLimits);
  const known = new WeakMap<Socket, { silent: boolean; heardAtMs: number }>();
  server.on('connection', (socket: Socket) => {
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    if (trustedProxies.includes(address)) return;
    const connection: LimitedConnection & { silent: boolean; heardAtMs: number } = {
      ...{ address, silent: true, heardAtMs: clock.monotonicMs() },
      close: () => socket.destroy(),
    };
    known.set(socket, connection);
    limits.add(connection);
    socket.once('close', () => limits.remove(connection));
  });
  server.on('request', ({ socket }) => {
    const connection = known.get(socket);
    if (connection) Object.assign(connection, { silent: false, heardAtMs: clock.monotonicMs() });
  });
}
