import { withoutHeaders } from '../kernel/sip/uri.ts';
import { firstHop } from './path.ts';
import { splitList } from './sip-values.ts';
import type { SrfDialog, SrfMessage } from './types/srf.ts';

const routeMax = 4_000;

/**
 * What a dialog is known by to the phone (RFC 3261, 12): enough to send a request in it that no drachtio remembers,
 * after a restart. Plain JSON, so that it can be saved with the call.
 */
export interface DialogIdentity {
  callId: string;
  /** Ours and theirs, as From and To of a request that we send, with their tags. */
  from: string;
  to: string;
  /** Where such a request goes: the phone's Contact. */
  target: string;
  /** Sent there instead, the target unchanged: a proxy on the way, or where a phone behind NAT really is. */
  via?: string;
  /** The proxies that want to stay on the way, as a Route names them. */
  route?: string[];
}

/** Undefined where the dialog does not say all that is needed. */
export function identityOf(dialog: SrfDialog): DialogIdentity | undefined {
  const isOurs = dialog.type === 'uac';
  const { callId, localTag, remoteTag } = dialog.sip;
  // Of an INVITE of ours the other side is in To, of one of theirs in From.
  const from = withTag(isOurs ? dialog.req.get('From') : dialog.req.get('To'), localTag);
  const to = withTag(isOurs ? dialog.res.get('To') : dialog.req.get('From'), remoteTag);
  const theirs = isOurs ? dialog.res : dialog.req;
  const target = uriIn(theirs.get('Contact') ?? '');
  if (!callId || !from || !to || !target) return undefined;
  const route = routeOf(theirs, isOurs);
  const via = firstHop(route) ?? nextHop(theirs, target, isOurs);
  return { callId, from, to, target, ...(via && { via }), ...(route.length > 0 && { route }) };
}

/** Reads what {@link identityOf} gave and somebody saved. */
export function savedIdentity(text: unknown): DialogIdentity | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  return JSON.parse(text) as DialogIdentity;
}

function withTag(nameAddr: string | undefined, tag: string | undefined): string | undefined {
  if (!nameAddr || !tag) return undefined;
  return /;\s*tag=/i.test(nameAddr.replace(/^.*>/s, '')) ? nameAddr : `${nameAddr};tag=${tag}`;
}

/** The proxies that want to stay on the way, nearest to us first (RFC 3261, 12.1). */
function routeOf(message: SrfMessage, isOurs: boolean): string[] {
  const hops = splitList([message.get('Record-Route') ?? ''].flat().join(',').slice(0, routeMax));
  return isOurs ? hops.reverse() : hops;
}

/** Where the message came from, if that is not what Contact says. */
function nextHop(message: SourcedMessage, target: string, isOurs: boolean): string | undefined {
  const { source_address: address, source_port: port, protocol = 'udp' } = message;
  if (!address || !port || hostOf(target) === address || isOurs) return undefined;
  // A connection of TCP went with drachtio, and its port with it.
  return protocol === 'udp' ? `sip:${address}:${port};transport=udp` : undefined;
}

type SourcedMessage = SrfMessage & { source_address?: string; source_port?: number; protocol?: string };

/** Without headers: drachtio would make headers of ours of them. */
const uriIn = (nameAddr: string): string | undefined => {
  const uri = /<([^>]+)>/.exec(nameAddr)?.[1] ?? /^\s*(sips?:[^\s;,]+)/.exec(nameAddr)?.[1];
  return uri && withoutHeaders(uri);
};

const hostOf = (uri: string): string | undefined => /^sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?]+)/.exec(uri)?.[1];
