import type { Role } from '../accounts/users.ts';

/**
 * Who may do what. `all`: to anybody's; `own`: to one's own only, which is the user's own self, or for role `account`
 * the user's own account. Missing: not at all. Another's is answered as if it did not exist (service-rules.md, Calls 9).
 */
export type Scope = 'all' | 'own';

type Rights = Partial<Record<Role, Scope>>;

const everyoneOwn: Rights = { operator: 'own', supervisor: 'own', agent: 'own', account: 'own' };
const operators: Rights = { operator: 'all' };
const desk: Rights = { operator: 'all', supervisor: 'all' };

/** The table. Every route names one row; the server does not start with a route that names none. */
export const permissions = {
  /** Who am I, sign out, change my password: all that is possible with a temporary one. */
  self: everyoneOwn,
  'users.list': operators,
  'users.read': { operator: 'all', supervisor: 'own', agent: 'own', account: 'own' },
  'users.write': operators,
  'sessions.read': { operator: 'all', supervisor: 'own', agent: 'own', account: 'own' },
  'sessions.revoke': { operator: 'all', supervisor: 'own', agent: 'own', account: 'own' },
  'agents.list': desk,
  'agents.read': { ...desk, agent: 'own' },
  'agents.write': desk,
  'agents.state': { ...desk, agent: 'own' },
  'agents.history': desk,
  /** The desk as it changes; `own`: as far as it concerns the agent. */
  'desk.live': { ...desk, agent: 'own' },
  /** Hold, transfer, pause the recording, end; `own`: the call that the agent talks on. */
  'calls.control': { ...desk, agent: 'own' },
  /** Waiting callers to other queues, or to the head of the line. */
  'calls.move': desk,
  /** With a phone of their own, which rings. */
  'calls.listen': { supervisor: 'all' },
  'phones.read': { ...desk, agent: 'own' },
  'phones.write': { ...desk, agent: 'own' },
  'queues.read': { ...desk, agent: 'all' },
  'queues.write': desk,
  'queues.remove': operators,
  'accounts.list': { ...desk, account: 'own' },
  'accounts.read': { ...desk, account: 'own' },
  'accounts.write': operators,
  'numbers.list': operators,
  'numbers.read': { ...desk, account: 'own' },
  'numbers.write': operators,
  'cards.read': { operator: 'all', account: 'own' },
  'cards.write': { operator: 'all', account: 'own' },
  /** The part of the card that agents see; of accounts that they may serve. */
  'cards.desk': { ...desk, agent: 'all' },
  'cards.rules': operators,
  'outbox.read': { operator: 'all', account: 'own' },
  'outbox.retry': operators,
  'webhooks.secret': { operator: 'all', account: 'own' },
  /** The form of a call: the agent's who answered it. */
  'intakes.write': { ...desk, agent: 'own' },
  'intakes.list': desk,
  'reports.read': { ...desk, account: 'own' },
  /** The call log. */
  'calls.log': { ...desk, account: 'own' },
  /** Messages that callers left, and the sound of recordings. */
  'recordings.hear': { ...desk, account: 'own' },
  'recordings.end-links': { operator: 'all', account: 'own' },
  'flows.read': operators,
  'flows.write': operators,
  'refusals.read': operators,
  'audit.read': { operator: 'all', account: 'own' },
} as const satisfies Record<string, Rights>;

export type Permission = keyof typeof permissions;

/** What a role may do. */
export function scopeOf(permission: Permission, role: Role): Scope | undefined {
  const rights: Rights = permissions[permission];
  return rights[role];
}
