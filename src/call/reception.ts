import type { Account, AccountStore } from '../accounts/accounts.ts';
import type { FlowStore, StoredFlow } from '../flow/flow-store.ts';
import type { EndCause } from '../kernel/call-fact.ts';
import { type Clock, deadlinePassed, withDeadline } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { normalizePhoneNumber } from '../kernel/phone-number.ts';
import type { FlowRunner } from './flow-runner.ts';

const lookUpDeadlineMs = 3_000;
const notNow = { cause: 'failed', sipStatus: 503, accountId: null, retryAfterSeconds: 5 } as const;

/** Whom a dialled number belongs to and what answers there. */
export interface Destination {
  account: Account;
  stored: StoredFlow;
  flow: FlowRunner;
}

/** Why a call is not answered, and what the caller is told. `fault` goes on record as well. */
export interface Refusal {
  cause: EndCause;
  sipStatus: number;
  accountId: string | null;
  fault?: string;
  /** It may work then. */
  retryAfterSeconds?: number;
}

export interface ReceptionOptions {
  accounts: Pick<AccountStore, 'findNumber' | 'findAccount'>;
  flows: Pick<FlowStore, 'findFlow'>;
  /** Makes a stored version ready to run; throws when its definition is not a valid flow. */
  loadFlow(stored: StoredFlow): FlowRunner;
  clock: Clock;
  logger: Logger;
}

/** For so long what was found for a number is found again without asking the database. */
const rememberMs = 1_000;
const rememberedMost = 10_000;

/** Finds destinations as {@link findDestination} does; a change of number, account or flow counts a second later. */
export class Reception {
  readonly #options: ReceptionOptions;
  readonly #found = new Map<string, { destination: Destination; untilMs: number }>();

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  async find(toNumber: string): Promise<Destination | Refusal> {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#found.get(toNumber);
    if (known && nowMs < known.untilMs) return known.destination;
    const found = await findDestination(this.#options, toNumber);
    if (isRefusal(found)) this.#found.delete(toNumber);
    else {
      if (this.#found.size >= rememberedMost) this.#found.clear();
      this.#found.set(toNumber, { destination: found, untilMs: nowMs + rememberMs });
    }
    return found;
  }
}

/** Finds account and flow of a dialled number. Never rejects: a store that fails or hangs is a refusal too. */
export async function findDestination(options: ReceptionOptions, toNumber: string): Promise<Destination | Refusal> {
  try {
    const found = await withDeadline(options.clock, lookUp(options, toNumber), lookUpDeadlineMs);
    if (found !== deadlinePassed) return found;
    return { ...notNow, fault: 'the number could not be looked up in time' };
  } catch (error) {
    options.logger.error({ err: errorMessage(error) }, 'a dialled number could not be looked up');
    return { ...notNow, fault: 'the number could not be looked up' };
  }
}

export function isRefusal(found: Destination | Refusal): found is Refusal {
  return 'cause' in found;
}

async function lookUp(options: ReceptionOptions, toNumber: string): Promise<Destination | Refusal> {
  const { accounts, flows, loadFlow, logger } = options;
  const dialled = normalizedOrUndefined(toNumber);
  const assigned = dialled === undefined ? undefined : await accounts.findNumber(dialled);
  if (!assigned) return { cause: 'not-found', sipStatus: 404, accountId: null };
  const { accountId, flowId } = assigned;
  const account = await accounts.findAccount(accountId);
  if (!account) return { cause: 'not-found', sipStatus: 404, accountId: null };
  if (account.status !== 'active') return { cause: 'suspended', sipStatus: 603, accountId };
  const stored = await flows.findFlow(flowId);
  if (stored?.accountId !== accountId) {
    return { cause: 'flow-fault', sipStatus: 480, accountId, fault: `there is no flow "${flowId}"` };
  }
  try {
    return { account, stored, flow: loadFlow(stored) };
  } catch (error) {
    logger.error({ flowId, version: stored.version, err: errorMessage(error) }, 'a stored flow cannot be run');
    return { cause: 'flow-fault', sipStatus: 500, accountId, fault: `flow "${flowId}" cannot be run` };
  }
}

function normalizedOrUndefined(toNumber: string): string | undefined {
  try {
    return normalizePhoneNumber(toNumber);
  } catch {
    return undefined; // Characters that no assigned number can have.
  }
}
