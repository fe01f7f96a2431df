import { addAccountCommands } from './accounts.ts';
import { addAgentCommands } from './agents.ts';
import { addAuditCommand } from './audit.ts';
import { addCallCommand } from './call.ts';
import { addCallsCommand } from './calls.ts';
import { addCardCommands } from './cards.ts';
import type { AddCommand } from './command.ts';
import { addLoadCommand } from './load.ts';
import { addNumberCommands } from './numbers.ts';
import { addOutboxCommands } from './outbox.ts';
import { addPhoneCommands } from './phones.ts';
import { addQueueCommands } from './queues.ts';
import { addReconcileCommand } from './reconcile.ts';
import { addRefusalsCommand } from './refusals.ts';
import { addFlowCommands } from './simulate.ts';
import { addUserCommands } from './users.ts';

/** Every command of `denwaban` but `start`, which `main.ts` is. */
export const commands: readonly AddCommand[] = [
  addLoadCommand,
  addCallsCommand,
  addReconcileCommand,
  addRefusalsCommand,
  addFlowCommands,
  addCallCommand,
  addAccountCommands,
  addNumberCommands,
  addCardCommands,
  addUserCommands,
  addAgentCommands,
  addQueueCommands,
  addPhoneCommands,
  addAuditCommand,
  addOutboxCommands,
];
