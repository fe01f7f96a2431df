import type { PhoneCredentials, PhoneRegistry } from '../desk/phone-registry.ts';
import type { RegistrationGuard } from '../desk/registration-guard.ts';

/** The desk's words for agents' phones, as the telephony port uses them. */
export type {
  ContactChange,
  PhoneAddress,
  PhoneContact,
  PhoneCredential,
  PhoneCredentials,
  PhoneRegistry,
  PhoneSource,
  PhoneTransport,
  RegistrationRequest,
} from '../desk/phone-registry.ts';
export type { LastUse, RegistrationAttempt, RegistrationGuard } from '../desk/registration-guard.ts';

/** What telephony needs to take registrations (REGISTER) of agents' phones. */
export interface PhoneRegistrations {
  /** Of the digest: the phones' hashes were made for it. */
  realm: string;
  registry: PhoneRegistry;
  credentials: PhoneCredentials;
  guard: RegistrationGuard;
  /** Asking for less gets 423 with Min-Expires; 60 unless told. */
  minExpiresSeconds?: number;
  /** Whoever asks for more gets this; 600 unless told. */
  maxExpiresSeconds?: number;
  /** The same for a phone behind NAT on UDP, whose way back closes soon when nothing is said; 60 unless told. */
  maxNatExpiresSeconds?: number;
}
