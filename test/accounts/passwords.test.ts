import { describe, expect, it } from 'vitest';
import { createPasswordJudge } from '../../src/accounts/password-strength.ts';
import { createPasswords, generatePassword, strongParameters } from '../../src/accounts/passwords.ts';
import { systemClock } from '../../src/kernel/clock.ts';
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

  it('that are generated are strong, and read aloud without a mistake', () => {
    expect(generatePassword()).toMatch(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/);
  });
});

describe('a judgement', () => {
  const judge = createPasswordJudge(systemClock);

  it('of passwords that would take a library minutes to look at takes a moment', async () => {
    const startedAtMs = performance.now();
    for (const slow of ['@4{<(369!1|08$5+7%2Z'.repeat(12), '19'.repeat(128), '4@'.repeat(128)]) {
      expect(await judge.weaknessesOf(slow, [])).toBeInstanceOf(Array);
    }
    expect(performance.now() - startedAtMs).toBeLessThan(12_000);
  });

  it('leaves the main thread free', async () => {
    const before = performance.eventLoopUtilization();
    await judge.weaknessesOf('4@'.repeat(128), []);
    expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  });

  it('is refused when too many wait for theirs', async () => {
    const all = await Promise.allSettled(Array.from({ length: 40 }, () => judge.weaknessesOf('hanako-hanako-1', [])));
    const refused = all.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(40 - 16);
    expect(refused[0]?.reason).toMatchObject({ code: 'TOO_BUSY' });
  });

  it('of a user’s own names counts each part of them, with and without spaces, in any width', async () => {
    const own = ['Hanako.Yamada@example.com', '山田　花子', 'さくら歯科'];
    for (const weak of [
      'ｙａｍａｄａ-yamada',
      '山田花子山田花子花子花子',
      'example.example',
      'さくら歯科 さくら歯科 さくら',
    ]) {
      expect(await judge.weaknessesOf(weak, own)).toContain('own');
    }
  });
});
