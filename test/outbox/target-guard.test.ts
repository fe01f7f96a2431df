import { describe, expect, it } from 'vitest';
import type { Resolve } from '../../src/outbox/resolve.ts';
import { createTargetGuard, isPublicAddress, targetFault } from '../../src/outbox/target-guard.ts';

const guard = createTargetGuard({ allowInsecureTargets: false });
const lenient = createTargetGuard({ allowInsecureTargets: true });

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '192.0.0.8',
    '198.19.0.1',
    '203.0.113.9',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fe80::1%lo',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '4000::1',
    'localhost',
    '',
  ])('%s is none of the internet', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    '1.1.1.1',
    '172.15.255.255',
    '172.32.0.1',
    '100.63.255.255',
    '192.167.255.255',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2400:cb00::1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
  ])('%s is', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

describe('targets', () => {
  it.each([
    ['http://hooks.example.com/', 'must begin with https://'],
    ['ftp://example.com/', 'is not a web address'],
    ['file:///etc/passwd', 'is not a web address'],
    ['hooks.example.com', 'is not a web address'],
    ['', 'is not a web address'],
    ['https://user:secret@example.com/', 'no user name or password'],
    ['https://127.0.0.1/', 'may not be reached'],
    ['https://2130706433/', 'may not be reached'],
    ['https://0x7f.1/', 'may not be reached'],
    ['https://0177.0.0.1/', 'may not be reached'],
    ['https://１２７.0.0.1/', 'may not be reached'],
    ['https://[::1]:8443/', 'may not be reached'],
    ['https://[::ffff:169.254.169.254]/', 'may not be reached'],
  ])('%s is refused', (target, why) => {
    expect(targetFault(guard, 'webhook', target)).toContain(why);
    expect(targetFault(guard, 'slack', target)).toContain(why);
  });

  it('are taken when they are on the internet, or when insecure ones are allowed', () => {
    expect(guard.fault('https://hooks.slack.com/services/T0/B0/x')).toBeUndefined();
    expect(guard.fault('https://1.1.1.1:8443/')).toBeUndefined();
    expect(lenient.fault('https://10.0.0.5/')).toBeUndefined();
    expect(lenient.fault('http://127.0.0.1:9000/')).toBeUndefined();
    expect(lenient.fault('http://[::1]:9000/')).toBeUndefined();
    expect(lenient.fault('http://10.0.0.5/')).toContain('may not be reached');
  });

  it.each(['a@example.com', 'ほうこく@例え.jp', "o'hara+tag@sub.example.co.jp"])('%s is a mailbox', (address) => {
    expect(targetFault(guard, 'mail', address)).toBeUndefined();
  });

  it.each(['', 'a', 'a@', '@b', 'a@b@c', 'a@b.jp, c@d.jp', 'A <a@b.jp>', 'a@b.jp\r\nBcc: c@d.jp'])(
    '"%s" is not',
    (address) => {
      expect(targetFault(guard, 'mail', address)).toBe('is not one mail address');
    },
  );
});

describe('names', () => {
  const resolvingTo = (...addresses: string[]): Resolve => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    return (_hostname, callback) => callback(null, found);
  };
  const ask = (
    resolve: Resolve,
    { allowInsecureTargets = false, url = 'https://hooks.example.com/', all = true } = {},
  ) =>
    new Promise<unknown>((done) => {
      const lookup = createTargetGuard({ allowInsecureTargets, resolve }).lookupFor(new URL(url));
      lookup('hooks.example.com', { all }, (error, address) => done(error ? error.code : address));
    });

  it('are followed to public addresses', async () => {
    expect(await ask(resolvingTo('1.1.1.1', '2606:4700::1'))).toEqual([
      { address: '1.1.1.1', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
    expect(await ask(resolvingTo('1.1.1.1'), { all: false })).toBe('1.1.1.1');
  });

  it('are refused when one of their addresses is inside', async () => {
    expect(await ask(resolvingTo('1.1.1.1', '127.0.0.1'))).toBe('FORBIDDEN_TARGET');
    expect(await ask(resolvingTo('fd00::1'))).toBe('FORBIDDEN_TARGET');
    expect(await ask(resolvingTo('10.0.0.1'), { all: false })).toBe('FORBIDDEN_TARGET');
  });

  it('in plain HTTP must lead to loopback', async () => {
    const insecure = { allowInsecureTargets: true, url: 'http://hooks.example.com/' };
    expect(await ask(resolvingTo('127.0.0.1'), insecure)).toHaveLength(1);
    expect(await ask(resolvingTo('1.1.1.1'), insecure)).toBe('FORBIDDEN_TARGET');
    expect(await ask(resolvingTo('10.0.0.1'), { allowInsecureTargets: true })).toHaveLength(1);
  });

  it('that lead nowhere are said to', async () => {
    expect(await ask(resolvingTo())).toBe('ENOTFOUND');
    const fails: Resolve = (_hostname, callback) =>
      callback(Object.assign(new Error('try again'), { code: 'EAI_AGAIN' }), []);
    expect(await ask(fails)).toBe('EAI_AGAIN');
  });
});
