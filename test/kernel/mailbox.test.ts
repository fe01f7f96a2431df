import { expect, it } from 'vitest';
import { destinationSchema } from '../../src/accounts/cards.ts';
import { isMailbox } from '../../src/kernel/mailbox.ts';
import { mailAddressFault } from '../../src/outbox/target-guard.ts';

const taken = (address: string) => [
  isMailbox(address),
  destinationSchema.safeParse({ type: 'mail', destinationId: 'office', address }).success,
  mailAddressFault(address) === undefined,
];

it.each([
  'office@example.com',
  'a/b@example.com',
  'a?b@example.com',
  "o'neil+desk@example.co.jp",
  '"a b"@example.com',
  '"a@b"@example.com',
  'a..b@docomo.ne.jp',
  'a.@ezweb.ne.jp',
  '.a@docomo.ne.jp',
  '-a.-.b...@docomo.ne.jp',
  '"a\\"b"@example.com',
  '"a,b;c"@example.com',
  "!#$%&'*+-/=?^_`{|}~@example.com",
  '田中@例え.jp',
  'root@localhost',
])('%s is a mailbox, for the card and for the outbox', (address) => {
  expect(taken(address)).toEqual([true, true, true]);
});

it.each([
  '',
  'office',
  '@example.com',
  'a@',
  'a b@example.com',
  'a@b@example.com',
  'a@example.com,b@example.com',
  'a@example.com\r\nBcc: b@example.com',
  '<a@example.com>',
  '"a"b"@example.com',
  '"a\n"@example.com',
  'a@exa mple.com',
  '"a>b"@example.com',
  '"<a>"@example.com',
  '" "@example.com',
  '" a"@example.com',
  '"a "@example.com',
  'ｏｆｆｉｃｅ@example.com',
  '＠office@example.com',
  'a＠example.com',
  'a@-example.com',
  'a@example..com',
  `${'a'.repeat(65)}@example.com`,
])('%j is none, for either', (address) => {
  expect(taken(address)).toEqual([false, false, false]);
});
