import { createServer, type Server } from 'node:net';
import { type EslBackend, EslConnection } from './esl-connection.ts';
import type { EventBus } from './events.ts';

const MAX_CONNECTIONS = 256;

/** The event socket's listening side. A client that goes away changes nothing for the calls. */
export class EslServer {
  readonly #bus: EventBus;
  readonly #backend: EslBackend;
  readonly #tcp: Server;
  readonly #connections = new Set<EslConnection>();

  constructor(bus: EventBus, backend: EslBackend) {
    this.#bus = bus;
    this.#backend = backend;
    this.#tcp = createServer({ allowHalfOpen: true }, (socket) => {
      const connection = new EslConnection(socket, backend, (closed) => {
        this.#connections.delete(closed);
        this.#bus.remove(closed);
      });
      this.#connections.add(connection);
      this.#bus.add(connection);
    });
    this.#tcp.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws Error when the address is taken. */
  async start(address: string, port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#tcp.once('error', reject);
      this.#tcp.listen(port, address, () => {
        this.#tcp.off('error', reject);
        resolve();
      });
    });
    this.#tcp.on('error', (error) => this.#backend.logger.warn({ error: error.message }, 'event socket'));
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.close();
    await closed;
  }

  get address(): { address: string; port: number } {
    const bound = this.#tcp.address();
    if (!bound || typeof bound === 'string') throw new Error('event socket is not open');
    return { address: bound.address, port: bound.port };
  }
}
