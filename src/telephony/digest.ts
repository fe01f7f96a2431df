import { createHash, timingSafeEqual } from 'node:crypto';

/** Digest authentication as SIP uses it (RFC 7616, RFC 8760), qop=auth only: without it a replay cannot be told. */

export const digestAlgorithms = ['SHA-256', 'MD5'] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

const nodeName = { 'SHA-256': 'sha256', MD5: 'md5' } as const;
/** Longest value of an Authorization parameter, and longest header. */
const valueMax = 300;
const headerMax = 4_000;

/** A complete answer to a challenge of ours. */
export interface DigestAnswer {
  username: string;
  realm: string;
  nonce: string;
  /** digest-uri, as the client hashed it. */
  uri: string;
  algorithm: DigestAlgorithm;
  cnonce: string;
  /** Nonce count, as written: 8 hex digits. */
  nc: string;
  /** Lower-case hex. */
  response: string;
}

/**
 * The values of WWW-Authenticate for a 401, the algorithm we like best first (RFC 8760, 2.3). `stale`: the nonce was
 * too old, so the client may try again without asking its user.
 */
export function challenges(
  algorithms: readonly DigestAlgorithm[],
  { realm, nonce, stale }: { realm: string; nonce: string; stale: boolean },
): string[] {
  const more = stale ? ', stale=true' : '';
  return algorithms.map(
    (algorithm) => `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}, qop="auth"${more}`,
  );
}

/** The first answer for our realm in an Authorization header that we can check; several may be joined by commas. */
export function findDigest(authorization: string, realm: string): DigestAnswer | undefined {
  for (const params of digestParams(authorization.slice(0, headerMax))) {
    const answer = answerOf(params);
    if (answer?.realm === realm) return answer;
  }
  return undefined;
}

/** The response that a client with this HA1 gives (RFC 7616, 3.4.1), lower-case hex. */
export function digestResponse(answer: Omit<DigestAnswer, 'response'>, method: string, ha1: string): string {
  const hash = (text: string) => createHash(nodeName[answer.algorithm]).update(text).digest('hex');
  const { nonce, nc, cnonce, uri } = answer;
  return hash(`${ha1}:${nonce}:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`);
}

/** Whether the answer was made with this HA1; takes as long for a wrong one as for a right one. */
export function isRightDigest(answer: DigestAnswer, method: string, ha1: string): boolean {
  const expected = Buffer.from(digestResponse(answer, method, ha1));
  const given = Buffer.from(answer.response);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function answerOf(params: Map<string, string>): DigestAnswer | undefined {
  const get = (name: string) => params.get(name) ?? '';
  const wanted = (params.get('algorithm') ?? 'MD5').toUpperCase();
  const algorithm = digestAlgorithms.find((name) => name === wanted);
  const texts = [get('username'), get('nonce'), get('uri'), get('cnonce')];
  if (!algorithm || texts.some((text) => text === '' || text.length > valueMax)) return undefined;
  if (get('qop').toLowerCase() !== 'auth' || !/^[0-9a-f]{8}$/i.test(get('nc'))) return undefined;
  const response = get('response').toLowerCase();
  if (!/^[0-9a-f]+$/.test(response)) return undefined;
  const [username = '', nonce = '', uri = '', cnonce = ''] = texts;
  return { username, realm: get('realm'), nonce, uri, algorithm, cnonce, nc: get('nc'), response };
}

/** The parameters of each `Digest …` in the header; what follows something unreadable is left out. */
function digestParams(header: string): Map<string, string>[] {
  const found: Map<string, string>[] = [];
  const param = /\s*(?:(Digest)\s+)?([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)/giy;
  for (let match = param.exec(header); match; match = param.exec(header)) {
    const [, scheme, name = '', quoted, plain = ''] = match;
    if (scheme) found.push(new Map());
    found.at(-1)?.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain);
    if (param.lastIndex >= header.length) break;
  }
  return found;
}
