import { describe, expect, it } from 'vitest';
import { givePassword } from '../../src/accounts/manage-users.ts';
import { createPasswords, generatePassword, passwordFault, strongParameters } from '../../src/accounts/passwords.ts';
import { compareEffort } from '../support/effort.ts';

const cheap = { algorithm: 'argon2id', memoryKiB: 64, passes: 1, parallelism: 1 } as const;

describe('passwords', () => {
  it('are argon2id on this Node, with the parameters in the hash', async () => {
    expect(strongParameters).toEqual({ algorithm: 'argon2id', memoryKiB: 19_456, passes: 2, parallelism: 1 });
    const passwords = createPasswords();
    const hash = await passwords.hash('correct horse battery');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    expect(await passwords.check('correct horse battery', hash)).toEqual({ correct: true, stale: false });
    expect(await passwords.check('correct horse batterz', hash)).toEqual({ correct: false, stale: false });
    expect(await passwords.hash('correct horse battery')).not.toBe(hash);
  });

  it.each([
    ['argon2id', cheap],
    ['scrypt', { algorithm: 'scrypt', costLog2: 10, blockSize: 8, parallelism: 1 } as const],
  ])('hashed by other parameters (%s) are still good, and said to be stale', async (_, old) => {
    const hash = await createPasswords(old).hash('correct horse battery');
    const now = createPasswords({ ...cheap, passes: 2 });
    expect(await now.check('correct horse battery', hash)).toEqual({ correct: true, stale: true });
    expect(await now.check('something else', hash)).toEqual({ correct: false, stale: true });
  });

  it('are the same from a full-width keyboard', async () => {
    const passwords = createPasswords(cheap);
    const hash = await passwords.hash('Correct-Horse-2026');
    expect((await passwords.check('Ｃｏｒｒｅｃｔ－Ｈｏｒｓｅ－２０２６', hash)).correct).toBe(true);
  });

  it('of nobody are never right', async () => {
    expect((await createPasswords(cheap).check('', undefined)).correct).toBe(false);
  });

  it('of nobody take as much work as those of somebody', async () => {
    const passwords = createPasswords();
    const hash = await passwords.hash('correct horse battery');
    const check = (stored: string | undefined) => () => passwords.check('wrong', stored);
    const ratio = await compareEffort(check(hash), check(undefined));
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });

  it('wait for their turn, and are refused when too many wait', async () => {
    const passwords = createPasswords(cheap);
    const all = await Promise.allSettled(Array.from({ length: 100 }, () => passwords.check('x', undefined)));
    const refused = all.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(100 - 66);
    expect(refused[0]?.reason).toMatchObject({ code: 'TOO_BUSY' });
    expect((await passwords.check('x', undefined)).correct).toBe(false);
  });

  it.each([
    ['elevenchars', /at least 12/],
    ['x'.repeat(257), /at most 256/],
    ['ababababababab', /5 different/],
    ['my-name-is-Hanako', /login name/],
  ])('%s is refused', (password, fault) => expect(passwordFault(password, 'hanako')).toMatch(fault));

  it('that are long are taken, whatever they are made of', () => {
    expect(passwordFault('電話番はいつでもここにいます', 'hanako')).toBeUndefined();
    expect(passwordFault(generatePassword(), 'hanako')).toBeUndefined();
    expect(generatePassword()).toMatch(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/);
  });
});

it('a password that is drawn by lot is not refused for a short login name that happens to stand in it', async () => {
  const { password } = await givePassword(createPasswords(cheap), '-', undefined);
  expect(password).toContain('-');
  await expect(givePassword(createPasswords(cheap), 'taro', 'here-is-taro-himself')).rejects.toThrow(/login name/);
});
