import { randomBytes } from 'node:crypto';
import type { PhoneCredential, PhoneRegistrations, PhoneSource } from '../call/phones.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorMessage } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { ChallengeChoice } from './challenge-choice.ts';
import { challenges, type DigestAlgorithm, type DigestAnswer, findDigest, isRightDigest } from './digest.ts';
import { Nonces } from './nonces.ts';
import { isUsableWay, readPath } from './path.ts';
import { contactValue, type ExpiryRules, requestedContacts } from './register-contacts.ts';
import { parseAddress, parseSipUri, splitList } from './sip-values.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

const transports = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;
const nonceLifetimeMs = 300_000;
/** The shared secret is asked for again after this: it changes when Redis has lost it. */
const secretLifetimeMs = 30_000;
/** REGISTERs in work at once; more are told to come back. */
const maxInWork = 500;
const busySeconds = 5;
const longestAwaySeconds = 15;

/** A REGISTER as it came in. */
export interface RegisterRequest {
  source: PhoneSource;
  /** All headers of a name, joined by commas; undefined where there is none. */
  header(name: string): string | undefined;
}

export interface RegisterAnswer {
  status: number;
  reason?: string;
  /** Several values: several header lines. */
  headers: Record<string, string | string[]>;
}

/** The registrar of agents' phones (RFC 3261, 10.3), with digest authentication (RFC 8760) and Path (RFC 3327). */
export class Registrar {
  readonly #phones: PhoneRegistrations;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #nonces: Nonces;
  readonly #choice: ChallengeChoice;
  readonly #expiry: ExpiryRules;
  /** Checked in place of an unknown name's hash, so that it takes the same time. */
  readonly #decoy: PhoneCredential;
  #secret: { value: string; readAtMs: number } | undefined;
  #inWork = 0;
  /** Since when a store is away, by the monotonic clock. */
  #awaySinceMs: number | undefined;

  constructor({ phones, clock, logger }: { phones: PhoneRegistrations; clock: Clock; logger: Logger }) {
    this.#phones = phones;
    this.#clock = clock;
    this.#logger = logger;
    this.#nonces = new Nonces(clock, nonceLifetimeMs);
    this.#choice = new ChallengeChoice(clock);
    const { minExpiresSeconds = 60, maxExpiresSeconds = 600, maxNatExpiresSeconds = 60 } = phones;
    this.#expiry = { min: minExpiresSeconds, max: maxExpiresSeconds, maxNat: maxNatExpiresSeconds };
    const [ha1Md5, ha1Sha256] = [randomBytes(16).toString('hex'), randomBytes(32).toString('hex')];
    this.#decoy = { agentId: '', realm: phones.realm, ha1Md5, ha1Sha256 };
  }

  /** Answers a REGISTER from drachtio. */
  async answer(req: SrfRequest, res: SrfResponse): Promise<void> {
    const transport = transports.find((name) => name === req.protocol?.toLowerCase());
    const { status, reason, headers } = transport
      ? await this.handle({
          source: { transport, address: req.source_address.replace(/[[\]]/g, ''), port: req.source_port },
          header: (name) => req.get(name),
        })
      : refusal(400);
    res.send(status, reason, { headers: asLines(headers) });
  }

  /** Always gives an answer; 503 where a store is away or there is too much to do. */
  async handle(request: RegisterRequest): Promise<RegisterAnswer> {
    if (this.#inWork >= maxInWork) return comeBackLater(busySeconds);
    this.#inWork += 1;
    try {
      const answer = await this.#handle(request);
      this.#awaySinceMs = undefined;
      return answer;
    } catch (error) {
      this.#logger.warn({ err: errorMessage(error) }, 'a registration could not be taken');
      return comeBackLater(this.#secondsUntilBack());
    } finally {
      this.#inWork -= 1;
    }
  }

  /**
   * As long as the store has been away so far: a phone is without registration no longer than twice the outage, one of a
   * second costs a second, and in a long one phones do not ask all the time, nor all at the same moment.
   */
  #secondsUntilBack(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#awaySinceMs ??= nowMs;
    const awaySeconds = Math.min(longestAwaySeconds, (nowMs - this.#awaySinceMs) / 1_000);
    return Math.max(1, Math.round(awaySeconds * (0.5 + Math.random() / 2)));
  }

  async #handle(request: RegisterRequest): Promise<RegisterAnswer> {
    const unsupported = splitList((request.header('Require') ?? '').slice(0, 1_000)).filter(isUnsupported);
    if (unsupported.length > 0) return { status: 420, headers: { Unsupported: unsupported.join(', ') } };
    const { guard, realm } = this.#phones;
    const { address } = request.source;
    const secret = await this.#sharedSecret();
    const phone = `${address} ${(request.header('To') ?? '').slice(0, 200)}`;
    const challenge = (algorithms: readonly DigestAlgorithm[], stale: boolean): RegisterAnswer => {
      const nonce = this.#nonces.make(secret, address);
      return { status: 401, headers: { 'WWW-Authenticate': challenges(algorithms, { realm, nonce, stale }) } };
    };
    const answer = findDigest(request.header('Authorization') ?? '', realm);
    if (!answer) return challenge(await this.#offer(request, phone), false);
    const again = this.#choice.offerAgain(phone, answer.algorithm);
    // Nothing is said about the password of whoever has not received a challenge of ours at this very address.
    if (!this.#nonces.isFresh(answer.nonce, secret, address)) return challenge(again, true);
    const attempt = { username: answer.username, address };
    const waitMs = await guard.waitMs(attempt);
    if (waitMs > 0) {
      this.#logger.info({ phone: answer.username, address, waitMs }, 'a phone has failed too often and has to wait');
      return comeBackLater(Math.ceil(waitMs / 1_000));
    }
    const agentId = await this.#agentOf(answer);
    if (agentId === undefined) {
      await guard.failed(attempt);
      this.#logger.info({ phone: answer.username, address }, 'a phone did not prove who it is');
      // Not another 401: some phones answer that with the same password, at once, ten times over.
      return refusal(403);
    }
    const { nonce, nc, algorithm } = answer;
    const use = { nonce, nonceCount: Number.parseInt(nc, 16), algorithm };
    if (!(await guard.accept(attempt, use))) return challenge(again, true);
    return this.#register(request, agentId, answer.username);
  }

  async #offer(request: RegisterRequest, phone: string): Promise<readonly DigestAlgorithm[]> {
    const to = parseAddress((request.header('To') ?? '').slice(0, 1_000));
    const username = to && parseSipUri(to.uri)?.user;
    const attempt = { username: username ?? '', address: request.source.address };
    const known = await this.#phones.guard.lastUse(attempt);
    const asked = `${request.header('Call-ID') ?? ''} ${request.header('CSeq') ?? ''}`.slice(0, 400);
    return this.#choice.offer(phone, asked, request.header('User-Agent') ?? '', known);
  }

  /** Whose phone it is; undefined for a wrong password, an unknown name, and hashes of another realm alike. */
  async #agentOf(answer: DigestAnswer): Promise<string | undefined> {
    const { credentials, realm } = this.#phones;
    const found = await credentials.find(answer.username);
    if (found && found.realm !== realm) {
      this.#logger.warn({ phone: answer.username }, 'a phone has credentials of another realm and cannot register');
    }
    const known = found?.realm === realm ? found : this.#decoy;
    const right = isRightDigest(answer, 'REGISTER', answer.algorithm === 'MD5' ? known.ha1Md5 : known.ha1Sha256);
    return right && known !== this.#decoy ? known.agentId : undefined;
  }

  async #register(request: RegisterRequest, agentId: string, phone: string): Promise<RegisterAnswer> {
    const to = parseAddress((request.header('To') ?? '').slice(0, 1_000));
    const callId = request.header('Call-ID') ?? '';
    const cseq = Number.parseInt(request.header('CSeq') ?? '', 10);
    if (!to || callId === '' || callId.length > 300 || !Number.isSafeInteger(cseq)) return refusal(400);
    // A phone registers itself, not another (10.3, step 4).
    if (parseSipUri(to.uri)?.user !== phone) return refusal(403);
    const { source } = request;
    // Also of a phone that does not say `Supported: path`: hardly any does, and its proxy knows that it is needed (5.3).
    const path = readPath(request.header('Path'));
    if (!path) return refusal(400, 'Bad Path');
    // What lies between a phone and its proxy, the proxy keeps open.
    const expiry = path.length > 0 ? { ...this.#expiry, maxNat: this.#expiry.max } : this.#expiry;
    const asked = requestedContacts(request.header('Contact') ?? '', request.header('Expires'), source, expiry);
    if (!asked.ok) {
      const headers: RegisterAnswer['headers'] =
        asked.status === 423 ? { 'Min-Expires': String(this.#expiry.min) } : {};
      return { status: asked.status, headers };
    }
    const userAgent = (request.header('User-Agent') ?? '').slice(0, 200);
    const { changes } = asked;
    if (changes !== 'all' && !changes.every(({ uri }) => isUsableWay(uri, path))) return refusal(400, 'Path Too Long');
    const done = await this.#phones.registry.register({
      ...{ agentId, phone, callId, cseq, source, path, userAgent, changes },
    });
    if (!done.ok) return done.why === 'too-many' ? refusal(403, 'Too Many Contacts') : refusal(500, 'Out Of Order');
    const headers: RegisterAnswer['headers'] = { Date: new Date(this.#clock.nowMs()).toUTCString() };
    if (done.contacts.length > 0) headers['Contact'] = done.contacts.map(contactValue);
    // On one line: drachtio turns the order of several around.
    if (path.length > 0) headers['Path'] = path.join(', ');
    return { status: 200, headers };
  }

  async #sharedSecret(): Promise<string> {
    const nowMs = this.#clock.monotonicMs();
    if (!this.#secret || nowMs - this.#secret.readAtMs > secretLifetimeMs) {
      this.#secret = { value: await this.#phones.guard.secret(), readAtMs: nowMs };
    }
    return this.#secret.value;
  }
}

const isUnsupported = (tag: string): boolean => tag.toLowerCase() !== 'path';

/**
 * Headers as srf is to send them. It would join several values by commas, which a challenge cannot bear (RFC 3261,
 * 7.3.1): they are lines.
 *
 * Of a phone that has registered over TCP, drachtio sends all that is for `user@host` of its Contact by that connection
 * until the registration ends, even where the connection has gone; it learns this from the Contact of our 200. A phone
 * behind proxies is reached by Path: its Contact is told by the compact name, which is the same to the phone, and which
 * drachtio does not read. srf would write the name out, so the line stands behind that of another header.
 */
function asLines({ Contact: contact = [], Path: path, ...headers }: RegisterAnswer['headers']): Record<string, string> {
  const compact = [contact].flat().map((value) => `\r\nm: ${value}`);
  const all = path === undefined ? { ...headers, Contact: contact } : { ...headers, Path: [path, ...compact].join('') };
  const lines = Object.entries(all).filter(([, value]) => value.length > 0);
  return Object.fromEntries(lines.map(([name, value]) => [name, [value].flat().join(`\r\n${name}: `)]));
}

function refusal(status: number, reason?: string): RegisterAnswer {
  return { status, ...(reason === undefined ? {} : { reason }), headers: {} };
}

function comeBackLater(seconds: number): RegisterAnswer {
  return { status: 503, headers: { 'Retry-After': String(seconds) } };
}
