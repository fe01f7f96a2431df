import { isPrivateAddress } from '../kernel/private-address.ts';

/**
 * Whether a session announces an address of a private network: then its audio comes from another one, which FreeSWITCH is
 * to follow. From any other it takes what comes from there alone, and no stranger's.
 */
export function isBehindNat(sdp: string): boolean {
  // There is one medium alone (`session-description.ts`): its own line comes last.
  return isPrivateAddress([...sdp.matchAll(/^c=IN IP[46] (\S+)/gm)].at(-1)?.[1] ?? '');
}
