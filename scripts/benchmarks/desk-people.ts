import type { DeskRequestInput } from '../../src/desk/request.ts';
import { newId } from '../../src/kernel/ids.ts';

export const agentCount = 200;

/** Callers differ in language, skill and priority; half need nothing special. */
export function requestOf(index: number): DeskRequestInput {
  const skill = [undefined, undefined, 'billing', 'law'][index % 4];
  return {
    callId: newId('call'),
    account: { accountId: `account-${index % 300}`, name: '株式会社さくら商事', reading: 'さくらしょうじ' },
    queueId: 'front',
    priority: index % 10 === 0 ? 9 : 5,
    language: index % 5 === 0 ? 'en' : 'ja',
    skills: skill ? [{ name: skill, minLevel: 1 + (index % 3) * 3 }] : [],
    learned: { orderNumber: String(1_000_000 + index), choice: '2', language: 'ja' },
  };
}

export function profileOf(index: number) {
  return {
    agentId: `agent-${index}`,
    loginName: `agent-${index}`,
    displayName: `Agent ${index}`,
    active: true,
    skills: { billing: 1 + (index % 10), ...(index % 4 === 0 ? { law: 5 } : {}) },
    languages: index % 3 === 0 ? ['ja', 'en'] : ['ja'],
    queues: ['front'],
    refusedAccounts: index % 10 === 0 ? ['account-7'] : [],
  };
}
export type Profile = ReturnType<typeof profileOf>;
