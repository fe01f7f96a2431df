import { createHash } from 'node:crypto';
import { describe, expect, it, test } from 'vitest';
import {
  challenges,
  type DigestAnswer,
  digestAlgorithms,
  digestResponse,
  findDigest,
  isRightDigest,
} from '../../src/telephony/digest.ts';
import { Nonces } from '../../src/telephony/nonces.ts';
import { FakeClock } from '../support/fake-clock.ts';

const hash = (algorithm: string, text: string) => createHash(algorithm).update(text).digest('hex');

describe('the examples of the RFCs', () => {
  // RFC 7616, 3.9.1
  const header = (algorithm: string, response: string) =>
    [
      'Digest username="Mufasa"',
      ' realm="http-auth@example.org"',
      ' uri="/dir/index.html"',
      ` algorithm=${algorithm}`,
      ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
      ' nc=00000001',
      ' cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"',
      ' qop=auth',
      ` response="${response}"`,
      ' opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    ].join(',');

  test.each([
    ['SHA-256', 'sha256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
    ['MD5', 'md5', '8ca523f5e9506fed4657c9700eebdbec'],
  ])('RFC 7616, 3.9.1, %s', (algorithm, node, response) => {
    const ha1 = hash(node, 'Mufasa:http-auth@example.org:Circle of Life');
    const answer = findDigest(header(algorithm, response), 'http-auth@example.org');
    expect(answer).toMatchObject({ username: 'Mufasa', algorithm, nc: '00000001', response });
    if (!answer) throw new Error('no answer');
    expect(digestResponse(answer, 'GET', ha1)).toBe(response);
    expect(isRightDigest(answer, 'GET', ha1)).toBe(true);
    expect(isRightDigest(answer, 'POST', ha1)).toBe(false);
    expect(isRightDigest(answer, 'GET', hash(node, 'Mufasa:http-auth@example.org:Circle of life'))).toBe(false);
    expect(isRightDigest({ ...answer, response: response.slice(1) }, 'GET', ha1)).toBe(false);
  });

  test('RFC 2617, 3.5', () => {
    const answer: DigestAnswer = {
      ...{ username: 'Mufasa', realm: 'testrealm@host.com', nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093' },
      ...{ uri: '/dir/index.html', algorithm: 'MD5', cnonce: '0a4f113b', nc: '00000001' },
      response: '6629fae49393a05397450978507c4ef1',
    };
    expect(isRightDigest(answer, 'GET', hash('md5', 'Mufasa:testrealm@host.com:Circle Of Life'))).toBe(true);
  });
});

describe('challenges and answers', () => {
  it('offers SHA-256 before MD5, with one nonce', () => {
    expect(challenges(digestAlgorithms, { realm: 'desk', nonce: 'n1', stale: true })).toEqual([
      'Digest realm="desk", nonce="n1", algorithm=SHA-256, qop="auth", stale=true',
      'Digest realm="desk", nonce="n1", algorithm=MD5, qop="auth", stale=true',
    ]);
    expect(challenges(['MD5'], { realm: 'desk', nonce: 'n1', stale: false })).toEqual([
      'Digest realm="desk", nonce="n1", algorithm=MD5, qop="auth"',
    ]);
  });

  const answer = (more: Record<string, string> = {}) => {
    const params = {
      ...{ username: '"a"', realm: '"desk"', nonce: '"n"', uri: '"sip:h"', response: '"0af"', cnonce: '"c"' },
      ...{ qop: 'auth', nc: '0000000a', algorithm: 'MD5', ...more },
    };
    return `Digest ${Object.entries(params)
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${name}=${value}`)
      .join(', ')}`;
  };

  it('finds the answer for our realm among several, joined by commas', () => {
    const joined = [answer({ realm: '"proxy"' }), answer({ username: '"b, \\"c\\""', algorithm: 'sha-256' })].join(',');
    expect(findDigest(joined, 'desk')).toMatchObject({ username: 'b, "c"', algorithm: 'SHA-256' });
  });

  it('takes MD5 where the algorithm is not named, and quotes where they need not be', () => {
    expect(findDigest(answer({ algorithm: '' }), 'desk')).toMatchObject({ algorithm: 'MD5' });
    expect(findDigest(answer({ algorithm: '"SHA-256"', qop: '"auth"' }), 'desk')).toMatchObject({
      algorithm: 'SHA-256',
    });
  });

  it.each([
    ['nothing', ''],
    ['another scheme', 'Basic YTpi'],
    ['another realm', answer({ realm: '"other"' })],
    ['no qop: a replay could not be told', answer({ qop: '' })],
    ['auth-int', answer({ qop: 'auth-int' })],
    ['an algorithm that was not offered', answer({ algorithm: 'SHA-512-256' })],
    ['no cnonce', answer({ cnonce: '""' })],
    ['a count that is none', answer({ nc: '1' })],
    ['a name beyond measure', answer({ username: `"${'x'.repeat(301)}"` })],
    ['a quote that stays open', answer({ username: '"a' })],
    ['noise', `Digest ${'a'.repeat(60_000)}`],
    ['commas', 'Digest ,,,,'],
  ])('takes no answer from %s', (_what, header) => {
    expect(findDigest(header, 'desk')).toBeUndefined();
  });
});

describe('nonces', () => {
  const clock = new FakeClock();
  const nonces = new Nonces(clock, 300_000);

  it('are good for their time, at their address, with their secret', () => {
    const nonce = nonces.make('s', '192.0.2.1');
    expect(nonces.isFresh(nonce, 's', '192.0.2.1')).toBe(true);
    expect(nonces.isFresh(nonce, 's', '192.0.2.2')).toBe(false);
    expect(nonces.isFresh(nonce, 'other', '192.0.2.1')).toBe(false);
    expect(nonces.make('s', '192.0.2.1')).not.toBe(nonce);
  });

  it('cannot be made younger or up', () => {
    const nonce = nonces.make('s', '192.0.2.1');
    const [time = '', rest = '', mac = ''] = nonce.split('.');
    const younger = (Number.parseInt(time, 36) + 1).toString(36);
    for (const forged of [
      `${younger}.${rest}.${mac}`,
      `${time}.${rest}.`,
      `${time}.${rest}`,
      '',
      '..',
      'x'.repeat(300),
    ]) {
      expect(nonces.isFresh(forged, 's', '192.0.2.1')).toBe(false);
    }
  });

  it('end', async () => {
    const nonce = nonces.make('s', 'a');
    await clock.advance(300_000);
    expect(nonces.isFresh(nonce, 's', 'a')).toBe(true);
    await clock.advance(1);
    expect(nonces.isFresh(nonce, 's', 'a')).toBe(false);
  });
});
