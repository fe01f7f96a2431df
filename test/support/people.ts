import { accountSchema } from '../../src/accounts/accounts.ts';
import { type AccountCard, cardSchema } from '../../src/accounts/cards.ts';
import { type QueueSettings, queueSettingsSchema } from '../../src/accounts/queues.ts';
import type { User } from '../../src/accounts/users.ts';

/** Accounts, users and settings to fill a store with. */
export const sakura = accountSchema.parse({ accountId: 'sakura', name: 'さくら歯科', nameReading: 'さくらしか' });
export const momo = accountSchema.parse({ accountId: 'momo', name: '桃屋', nameReading: 'ももや' });

export function user(loginName: string, more: Partial<User> = {}): User {
  return {
    userId: `user_${loginName}`,
    loginName,
    displayName: loginName.toUpperCase(),
    role: 'agent',
    status: 'active',
    passwordTemporary: false,
    ...more,
  };
}

export function queue(queueId: string, more: object = {}): QueueSettings {
  return queueSettingsSchema.parse({ queueId, name: `Queue ${queueId}`, ...more });
}

/** One that is sound, as it is written. */
export function flow(flowId: string, more: object = {}): object {
  const end = { type: 'hangup', outcome: 'done', prompt: { ja: { tone: '%(500,0,440)' } } };
  return { flowId, language: 'ja', start: 'end', nodes: { end }, ...more };
}

export function card(accountId: string, more: object = {}): AccountCard {
  return cardSchema.parse({
    accountId,
    announceName: 'さくら歯科 本院',
    announceReading: 'さくらしか ほんいん',
    aliases: [{ name: 'Sakura Dental', reading: 'サクラデンタル' }],
    greeting: { ja: 'お電話ありがとうございます。' },
    persons: [{ personId: 'sato', name: '佐藤', reading: 'さとう', number: '0312345678' }],
    emergency: { number: '09012345678', afterRequests: 3 },
    destinations: [
      { type: 'mail', destinationId: 'office', address: 'office@sakura.example' },
      { type: 'slack', destinationId: 'chat', webhookUrl: 'https://hooks.slack.com/services/T0/B0/secret-part' },
      { type: 'webhook', destinationId: 'crm', url: 'https://crm.sakura.example/calls' },
    ],
    reports: [{ send: ['office'] }, { outcomes: ['complaint'], urgencies: ['urgent'], send: ['chat', 'crm'] }],
    ...more,
  });
}
