import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { OutboundRules } from '../accounts/accounts.ts';
import type { AccountsStores } from '../accounts/accounts-data.ts';
import type { QueueSettings } from '../accounts/queues.ts';
import { mayDial } from '../call/outbound-rules.ts';
import type { House } from '../flow/house.ts';
import { isCalendarDay } from '../flow/shape-words.ts';
import { DenwabanError } from '../kernel/errors.ts';
import { readDialledNumber } from '../kernel/phone-number.ts';
import type { PromptChecks } from '../speech/prompt-checks.ts';

/** What this machine has for flows and queues: prompt files, voices, a way out. */
export interface HouseParts {
  /** Where prompt files are looked for. */
  flowFolder: string;
  prompts: PromptChecks;
  /** Whether outgoing calls go anywhere. */
  hasTrunk: boolean;
}

/** What is known beside the machine; what is left out is not checked. */
export interface KnownFacts {
  queues?: readonly string[];
  /** Of the account whose flow it is. */
  outbound?: OutboundRules;
}

/** The house as the check of a flow asks it. */
export function houseOf({ flowFolder, prompts, hasTrunk }: HouseParts, { queues, outbound }: KnownFacts): House {
  return {
    fileExists: (path) => existsSync(join(flowFolder, path)),
    promptFault: (prompt) => prompts.faultOf(prompt),
    hasTrunk,
    ...(queues ? { queues } : {}),
    ...(outbound ? { numberFault: (number) => numberFault(outbound, number) } : {}),
  };
}

function numberFault(outbound: OutboundRules, number: string) {
  if (mayDial(outbound, number)) return undefined;
  const allowed = outbound.allow.join(', ');
  const denied = outbound.deny.length > 0 ? ` but not ${outbound.deny.join(', ')}` : '';
  const deniedJa = outbound.deny.length > 0 ? `（${outbound.deny.join('、')} を除く）` : '';
  return {
    en: `the account may not dial ${number}: it may dial ${allowed ? allowed + denied : 'no number'}`,
    ja: `この契約者は ${number} へ発信できません。発信できるのは ${allowed ? allowed + deniedJa : 'ありません'}`,
  };
}

/** What the stores know: the queues, and what an account may dial. */
export async function knownFacts(
  { queues, accounts }: Pick<AccountsStores, 'queues' | 'accounts'>,
  accountId?: string,
): Promise<KnownFacts> {
  const account = accountId === undefined ? undefined : await accounts.findAccount(accountId);
  return {
    queues: (await queues.list()).map(({ queueId }) => queueId),
    ...(account ? { outbound: account.outbound } : {}),
  };
}

/** A place of a queue's settings that callers would suffer from. */
export interface QueueFault {
  path: (string | number)[];
  message: string;
  remedy: string;
}

/** What is wrong with a queue in this house: messages no voice says, a transfer without a trunk, days that are none. */
export async function queueFaults({ prompts, hasTrunk }: HouseParts, queue: QueueSettings): Promise<QueueFault[]> {
  const faults: QueueFault[] = [];
  for (const [index, step] of queue.overflow.entries()) {
    // An extension may be for a PBX that is set up later: that nobody is reached there leads to the next step.
    if (step.type === 'transfer' && !hasTrunk && readDialledNumber(step.number).number.startsWith('+')) {
      faults.push({
        path: ['overflow', index, 'number'],
        message: 'nothing can be dialled: no trunk is set / 発信先の回線が設定されていません',
        remedy: 'Set TRUNK_URL / TRUNK_URL を設定してください',
      });
    }
    if (step.type !== 'message') continue;
    for (const language of ['ja', 'en'] as const) {
      const text = step.text[language];
      const fault = text === undefined ? undefined : await prompts.faultOf({ text, language });
      if (!fault) continue;
      faults.push({
        path: ['overflow', index, 'text', language],
        message: `${fault.message} / ${fault.ja.message}`,
        remedy: `${fault.remedy} / ${fault.ja.remedy}`,
      });
    }
  }
  queue.hours.open.forEach(({ dates = [] }, index) => {
    const wrong = dates.findIndex((date) => !isCalendarDay(date));
    if (wrong < 0) return;
    faults.push({
      path: ['hours', 'open', index, 'dates', wrong],
      message: `there is no day "${dates[wrong]}" / 「${dates[wrong]}」という日はありません`,
      remedy: 'Write a day that is in the calendar / 暦にある日付を書いてください',
    });
  });
  return faults;
}

/** @throws DenwabanError `QUEUE_INVALID` that names every place. */
export async function refuseQueue(house: HouseParts, queue: QueueSettings): Promise<void> {
  const faults = await queueFaults(house, queue);
  const [first] = faults;
  if (!first) return;
  throw new DenwabanError(
    'QUEUE_INVALID',
    faults.map(({ path, message }) => `$.${path.join('.')}: ${message}`).join('; '),
    {
      remedy: first.remedy,
    },
  );
}
