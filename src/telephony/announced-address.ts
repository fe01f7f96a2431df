/** As in freeswitch-conf/dialplan.xml, which sees to incoming legs; and the same of IPv6. */
const privateAddress =
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|0\.|f[cd][0-9a-f]{2}:|fe80:)/i;

/**
 * Whether a session announces an address of a private network: then its audio comes from another one, which FreeSWITCH is
 * to follow. From any other it takes what comes from there alone, and no stranger's.
 */
export function isBehindNat(sdp: string): boolean {
  // There is one medium alone (`session-description.ts`): its own line comes last.
  const address = [...sdp.matchAll(/^c=IN IP[46] (\S+)/gm)].at(-1)?.[1] ?? '';
  return privateAddress.test(address);
}
