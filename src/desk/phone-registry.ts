/** Which phones of an agent can be rung, and where: the bindings of RFC 3261, 10. */

export const phoneTransports = ['udp', 'tcp', 'tls', 'ws', 'wss'] as const;
export type PhoneTransport = (typeof phoneTransports)[number];

/** Where a phone's REGISTER really came from, whatever the phone believes its address to be (NAT). */
export interface PhoneSource {
  transport: PhoneTransport;
  /** IPv4, or IPv6 without brackets. */
  address: string;
  port: number;
}

/** All that is needed to ring a phone. */
export interface PhoneAddress {
  /** The Contact URI that it registered: the Request-URI of calls to it. */
  uri: string;
  /** Calls to it are sent here, unless it is reached through proxies. */
  source: PhoneSource;
  /** The proxies before it (Path, RFC 3327), nearest to us first, as a Route names them; missing where there is none. */
  path?: readonly string[] | undefined;
}

/** A phone that is registered now. */
export interface PhoneContact extends PhoneAddress {
  /** User name of the phone that registered it. An agent can have several phones, a phone several contacts. */
  phone: string;
  /** Its preference, 0–1000 (thousandths of RFC 3261's q). */
  q: number;
  /** The registration ends after so long, by the store's own clock. */
  expiresInMs: number;
  userAgent: string;
  /** `+sip.instance` (RFC 5626): which device it is; '' where it does not say. */
  instance: string;
  /** `reg-id` (RFC 5626): which of the device's flows; 0 where it does not say. */
  regId: number;
}

/** What a REGISTER asks for one contact. */
export interface ContactChange {
  /** Contacts with the same id are one binding: the newer takes the place of the older. */
  bindingId: string;
  uri: string;
  q: number;
  /** 0 ends the registration. */
  expiresMs: number;
  instance: string;
  regId: number;
}

/** One REGISTER of a phone that has proved who it is. */
export interface RegistrationRequest {
  agentId: string;
  phone: string;
  callId: string;
  /** Number of its CSeq. */
  cseq: number;
  source: PhoneSource;
  /** As in {@link PhoneAddress}; it holds for all contacts of this REGISTER. */
  path?: readonly string[] | undefined;
  userAgent: string;
  /** Empty: only asks what is registered. `all` ends every registration of the phone (`Contact: *`). */
  changes: ContactChange[] | 'all';
}

export type RegistrationOutcome =
  /**
   * `contacts`: of this phone, as they are now. `isAnew`: one of them was not there before, or comes from another life of
   * the device or by another way; a mere refresh says nothing of whether it can be rung.
   */
  | { ok: true; contacts: PhoneContact[]; isAnew: boolean }
  /** `out-of-order`: not newer than the REGISTER of the same Call-ID that made a binding (RFC 3261, 10.3, 7). */
  | { ok: false; why: 'out-of-order' | 'too-many' };

/** So many contacts one agent can have. */
export const maxContactsPerAgent = 10;

/** Where registrations are kept. They end by themselves. */
export interface PhoneRegistry {
  /** Does all that the REGISTER asks, or nothing of it. */
  register(request: RegistrationRequest): Promise<RegistrationOutcome>;
  /** The agent's phones: highest q first, then the newest. */
  contactsOf(agentId: string): Promise<PhoneContact[]>;
  /** Ends the agent's registrations, or those of one phone: its credentials are no longer good (`phone-revocation.ts`). */
  forget(agentId: string, phone?: string): Promise<void>;
}

/** What a phone is known by. The password is nowhere: its hashes are enough to check a digest (RFC 7616, 3.4.2). */
export interface PhoneCredential {
  agentId: string;
  /** The hashes hold for this realm alone. */
  realm: string;
  /** MD5 of `username:realm:password`, lower-case hex. */
  ha1Md5: string;
  /** SHA-256 of the same (RFC 8760). */
  ha1Sha256: string;
}

export interface PhoneCredentials {
  /** Nothing for a name that does not exist or may not register. */
  find(username: string): Promise<PhoneCredential | undefined>;
}
