import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What a SIP phone of an agent registers with, without what proves it. */
export const phoneSchema = z.strictObject({
  /** The user part of the phone's address, and its digest user name. */
  username: z.string().regex(/^[a-z0-9][a-z0-9._-]{1,63}$/, 'lower-case letters, digits and . _ -, at least two'),
  agentId: z.string().min(1).max(80),
  /** Of the digest (RFC 8760): the hashes hold for this realm only. */
  realm: z.string().min(1).max(100),
  /** Which phone: "desk", "headset". */
  label: z.string().max(100),
  createdAtMs: z.int(),
});
export type Phone = z.infer<typeof phoneSchema>;

/** H(username:realm:password) as the digest needs it: the password itself is not kept. Lower-case hex. */
export interface PhoneHashes {
  ha1Md5: string;
  /** SHA-256 (RFC 8760, 2.4). */
  ha1Sha256: string;
}

/** Where phones' credentials are kept. */
export interface PhoneCredentialStore {
  /** @throws DenwabanError `PHONE_NAME_TAKEN`, `USER_UNKNOWN`. */
  add(phone: Phone, hashes: PhoneHashes): Promise<void>;
  /** For a registration. Nothing where the agent's user is disabled. */
  findForDigest(username: string): Promise<(Phone & PhoneHashes) | undefined>;
  list(agentId: string): Promise<Phone[]>;
  /** Every phone that may register, by name: those of users who are not disabled. */
  listGood(): Promise<Pick<Phone, 'username' | 'agentId'>[]>;
  /** True when there was one. */
  remove(agentId: string, username: string): Promise<boolean>;
}

/** Both hashes for a phone. MD5 is for phones that know nothing better (RFC 8760, 1). */
export function phoneHashes(username: string, realm: string, password: string): PhoneHashes {
  const digest = (algorithm: 'md5' | 'sha256') =>
    createHash(algorithm).update(`${username}:${realm}:${password}`).digest('hex');
  return { ha1Md5: digest('md5'), ha1Sha256: digest('sha256') };
}
