/**
 * Without quotes (RFC 5321 atoms), and with dots where old carriers put them: `a..b@`, `a.@`. A full-width letter is a slip
 * of the keyboard, and would be somebody else's mailbox, or nobody's.
 */
const plainLocal = /^[^\s@<>()[\],;:\\"\p{Cc}\p{Cf}！-～]{1,64}$/u;
/**
 * `"a b"`: anything within quotes but a quote or backslash that is not escaped; nor angle brackets, and blanks at either
 * end, of which mail programs make another mailbox.
 */
const quotedLocal = /^"(?! )(?:[^"\\<>\p{Cc}]|\\[^<>\p{Cc}]){1,62}(?<! )"$/u;
const label = String.raw`[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?`;
const domain = new RegExp(`^${label}(?:\\.${label})*$`, 'u');

/** Whether this is the address of one mailbox, as the card takes it and the outbox delivers to it. */
export function isMailbox(address: string): boolean {
  const at = address.lastIndexOf('@');
  const [local, host] = [address.slice(0, at), address.slice(at + 1)];
  if (at < 1 || address.length > 254 || host.length > 190) return false;
  return (plainLocal.test(local) || quotedLocal.test(local)) && domain.test(host);
}
