import type { ServerTransaction } from '../sip/api.ts';
import { createApi } from './api-commands.ts';
import { heartbeatHeaders } from './api-status.ts';
import type { EslBackend } from './esl-connection.ts';
import { EslServer } from './esl-server.ts';
import { acceptInvite } from './inbound-leg.ts';
import type { FreeSwitch, FreeSwitchOptions } from './options.ts';
import { SwitchCore } from './switch-core.ts';

export type { FreeSwitch, FreeSwitchOptions } from './options.ts';

const HEARTBEAT_INTERVAL_MS = 20_000;
const KNOWN_METHODS = new Set(['SUBSCRIBE', 'PUBLISH', 'MESSAGE', 'NOTIFY', 'REFER', 'REGISTER']);
const IN_DIALOG_METHODS = new Set(['BYE', 'INFO', 'UPDATE', 'PRACK', 'ACK']);

/** Plays FreeSWITCH 1.11.1 with parked channels: inbound event socket, and a SIP profile that answers and parks. */
export function createFreeSwitch(options: FreeSwitchOptions): FreeSwitch {
  return new EmbeddedFreeSwitch(options);
}

class EmbeddedFreeSwitch implements FreeSwitch {
  readonly #options: FreeSwitchOptions;
  readonly #core: SwitchCore;
  readonly #events: EslServer;
  readonly #onRequest = (transaction: ServerTransaction) => this.#serve(transaction);
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: FreeSwitchOptions) {
    this.#options = options;
    const core = new SwitchCore(options);
    this.#core = core;
    const backend: EslBackend = {
      password: options.eventSocket.password,
      logger: core.logger,
      api: createApi(core),
      sendEvent: (uuid, headers) => {
        const leg = core.legs.get(uuid);
        leg?.session.receiveEvent(headers);
        return leg !== undefined;
      },
      sendMessage: (uuid, command) => core.legs.get(uuid)?.session.enqueue(command) ?? false,
      fire: (name, build, extra) => core.bus.fire(name, build, extra),
    };
    this.#events = new EslServer(core.bus, backend);
  }

  async start(): Promise<void> {
    const { address, port } = this.#options.eventSocket;
    await this.#events.start(address, port);
    this.#core.sip.on('request', this.#onRequest);
    this.#core.counters.sample();
    this.#heartbeat = setInterval(() => {
      this.#core.counters.sample();
      this.#core.bus.fire('HEARTBEAT', () => heartbeatHeaders(this.#core.counters));
    }, this.#options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#core.sip.off('request', this.#onRequest);
    await this.#events.stop();
    this.#core.close();
  }

  hangupAll(cause: string, deadlineMs: number): Promise<void> {
    return this.#core.hangupAll(cause, deadlineMs);
  }

  get eventSocketAddress(): { address: string; port: number } {
    return this.#events.address;
  }

  get channelCount(): number {
    return this.#core.legs.size;
  }

  /** A request outside any dialog. */
  #serve(transaction: ServerTransaction): void {
    try {
      const method = transaction.request.method ?? '';
      if (method === 'INVITE') acceptInvite(this.#core, transaction);
      else if (method === 'OPTIONS') transaction.respond(200);
      else if (IN_DIALOG_METHODS.has(method)) transaction.respond(481);
      else transaction.respond(KNOWN_METHODS.has(method) ? 405 : 501);
    } catch (error) {
      this.#core.logger.warn({ error: String(error) }, 'request failed');
      if (transaction.finalStatus === 0) transaction.respond(500);
    }
  }
}
