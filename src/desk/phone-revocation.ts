import type { AgentSettingsStore } from '../accounts/agents.ts';
import type { PhoneCredentialStore } from '../accounts/phone-credentials.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { Rounds } from '../kernel/rounds.ts';
import type { Shutdown } from '../kernel/shutdown.ts';
import type { PhoneRegistry } from './phone-registry.ts';

const defaultEveryMs = 5_000;
/** Every so many looks all registrations are looked at, not only those whose credentials have gone since the last. */
const looksPerWhole = 12;

export interface PhoneRevocationOptions {
  credentials: Pick<PhoneCredentialStore, 'listGood' | 'findForDigest'>;
  agents: Pick<AgentSettingsStore, 'list'>;
  registry: Pick<PhoneRegistry, 'contactsOf' | 'forget'>;
  clock: Clock;
  logger: Logger;
  everyMs?: number;
}

/**
 * Ends the registrations of phones whose credentials are no longer good (removed, or their owner disabled), whoever has
 * seen to that: a stolen phone is not rung until its registration would have ended by itself. Any number of processes may
 * look.
 */
export class PhoneRevocation {
  readonly #options: PhoneRevocationOptions;
  /** Whose each phone was at the last look. */
  #good: ReadonlyMap<string, string> = new Map();
  #looks = 0;
  readonly #rounds: Rounds;
  #running: Promise<void> = Promise.resolve();

  constructor(options: PhoneRevocationOptions) {
    this.#options = options;
    const { clock, everyMs = defaultEveryMs } = options;
    // A look that fails says so itself.
    this.#rounds = new Rounds({ clock, everyMs, work: () => this.look(), onFailed: () => undefined });
  }

  /** Looks now, and then again and again. Resolves after the first look. */
  async start(): Promise<void> {
    await this.look();
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    await this.#rounds.stop();
    await this.#running;
  }

  /** Takes over at once what has changed. Where it cannot, the next look does. */
  look(): Promise<void> {
    this.#running = this.#running
      .then(() => this.#look())
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: errorMessage(error) }, 'phones could not be looked through; tried again');
      });
    return this.#running;
  }

  async #look(): Promise<void> {
    const { credentials } = this.#options;
    const good = new Map((await credentials.listGood()).map(({ username, agentId }) => [username, agentId]));
    for (const [phone, agentId] of this.#good) {
      if (good.get(phone) !== agentId) await this.#revoke(agentId, phone);
    }
    if (this.#looks % looksPerWhole === 0) await this.#lookAtAll(good);
    this.#looks += 1;
    this.#good = good;
  }

  /** What was taken away while no process looked, or while the phone was just registering. */
  async #lookAtAll(good: ReadonlyMap<string, string>): Promise<void> {
    const { agents, registry } = this.#options;
    for (const { agentId } of await agents.list()) {
      const phones = new Set((await registry.contactsOf(agentId)).map(({ phone }) => phone));
      for (const phone of phones) if (good.get(phone) !== agentId) await this.#revoke(agentId, phone);
    }
  }

  /** Unless it has been given credentials since they were listed. */
  async #revoke(agentId: string, phone: string): Promise<void> {
    const { credentials, registry } = this.#options;
    const given = await credentials.findForDigest(phone);
    if (given?.agentId !== agentId) await registry.forget(agentId, phone);
  }
}

/** Looking, until the shutdown. */
export async function startPhoneRevocation(
  options: Omit<PhoneRevocationOptions, 'credentials' | 'agents'> & {
    data: { phones: PhoneRevocationOptions['credentials']; agents: PhoneRevocationOptions['agents'] };
    shutdown: Pick<Shutdown, 'add'>;
  },
): Promise<PhoneRevocation> {
  const { phones: credentials, agents } = options.data;
  const revocation = new PhoneRevocation({ ...options, credentials, agents });
  options.shutdown.add('phone revocation', () => revocation.stop());
  await revocation.start();
  return revocation;
}
