import { agentSettingsSchema } from '../accounts/agents.ts';
import { refuseStrayQueues, saveAgent } from '../accounts/manage-desk.ts';
import { type AgentSpell, agentSpells } from '../desk/agent-history.ts';
import { toRfc3339 } from '../kernel/clock.ts';
import { DenwabanError } from '../kernel/errors.ts';
import {
  type AddCommand,
  type CommandContext,
  changeByCommand,
  countOption,
  listOption,
  table,
  userNamed,
} from './command.ts';
import { readSince } from './reconcile.ts';

/** `denwaban agent …`: who takes calls, and which. */
export const addAgentCommands: AddCommand = (program, context) => {
  const agent = program.command('agent').description('who takes calls, and which');
  agent
    .command('list')
    .description('all agents')
    .option('--json', 'for machines')
    .action(async ({ json }: { json?: boolean }) => {
      const agents = await context.withStores(({ data }) => data.agents.list());
      const rows = agents.map(({ loginName, displayName, active, queues, languages, skills }) => [
        loginName,
        active ? 'active' : 'disabled',
        queues.join(','),
        languages.join(','),
        Object.entries(skills)
          .map(([skill, level]) => `${skill}=${level}`)
          .join(','),
        displayName,
      ]);
      const head = ['login', 'status', 'queues', 'languages', 'skills', 'name'];
      context.print(json ? JSON.stringify(agents, null, 2) : table([head, ...rows]));
    });
  agent
    .command('set <login-name>')
    .description('make a user an agent, or change what the agent does; what is not named stays')
    .option('--queues <ids>', 'queues served: desk,sales', listOption)
    .option('--skills <levels>', 'billing=5,sales=10 (levels 1 to 10)', listOption)
    .option('--languages <codes>', 'ja,en', listOption)
    .option('--refuse <ids>', 'accounts that the agent may not serve', listOption)
    .action(async (loginName: string, options: AgentOptions) => {
      await changeByCommand(context, async (change) => {
        const { userId } = await userNamed(change.stores, loginName);
        const before = await change.stores.agents.find(userId);
        const settings = agentSettingsSchema.safeParse({
          agentId: userId,
          skills: options.skills ? readSkills(options.skills) : before?.skills,
          languages: options.languages ?? before?.languages,
          queues: options.queues ?? before?.queues,
          refusedAccounts: options.refuse ?? before?.refusedAccounts,
        });
        if (!settings.success) {
          const faults = settings.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
          throw new DenwabanError('ARGUMENT_INVALID', faults.join('; '));
        }
        await saveAgent(change, settings.data);
        await refuseStrayQueues(change);
      });
      context.print(`${loginName} is an agent`);
    });
  agent
    .command('history <login-name>')
    .description('what an agent did when: available, ringing, talking, wrap-up, breaks')
    .option('--since <time>', 'from then on: 2026-01-31T00:00:00Z, or 24h, 90m, 7d ago', '24h')
    .option('--limit <n>', 'at most the latest so many', countOption(1, 100_000), 1_000)
    .option('--json', 'for machines')
    .action((loginName: string, options: HistoryOptions) => printHistory(context, loginName, options));
};

interface HistoryOptions {
  since: string;
  limit: number;
  json?: boolean;
}

async function printHistory(context: CommandContext, loginName: string, options: HistoryOptions): Promise<void> {
  const { limit } = options;
  const fromMs = readSince(options.since, context.clock.nowMs());
  const { spells, names } = await context.withStores(async ({ data }) => {
    const { userId: agentId } = await userNamed(data, loginName);
    const users = await data.users.list();
    return {
      spells: await agentSpells(data.agentHistory, { agentId, fromMs, limit }),
      names: new Map(users.map((user) => [user.userId, user.loginName])),
    };
  });
  const by = ({ byUserId = '' }: AgentSpell) => names.get(byUserId) ?? byUserId;
  if (options.json) {
    const shown = spells.map(({ atMs, byUserId, ...spell }) => ({
      at: toRfc3339(atMs),
      ...spell,
      ...(byUserId === undefined ? {} : { byUserId, by: names.get(byUserId) }),
    }));
    return context.print(JSON.stringify(shown, null, 2));
  }
  const rows = spells.map((spell) => [
    toRfc3339(spell.atMs),
    spell.state,
    spell.forMs === undefined ? '(now)' : (spell.forMs / 1000).toFixed(1),
    spell.reason,
    by(spell),
    spell.callId ?? '',
  ]);
  context.print(table([['at', 'state', 'seconds', 'reason', 'set by', 'call'], ...rows]));
}

interface AgentOptions {
  queues?: string[];
  skills?: string[];
  languages?: string[];
  refuse?: string[];
}

function readSkills(levels: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    levels.map((text) => {
      const [skill = '', level = ''] = text.split('=');
      return [skill, Number(level)];
    }),
  );
}
