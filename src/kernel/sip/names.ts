/** Header names: long spelling of compact and oddly cased ones (RFC 3261 7.3.1, 7.3.3), and reason phrases. */

const compactForms: Record<string, string> = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
};

const knownNames = [
  ...Object.values(compactForms),
  ...['Accept', 'Accept-Encoding', 'Accept-Language', 'Alert-Info', 'Allow', 'Authentication-Info', 'Authorization'],
  ...['CSeq', 'Call-Info', 'Content-Disposition', 'Content-Language', 'Date', 'Diversion', 'Error-Info', 'Expires'],
  ...['History-Info', 'In-Reply-To', 'Join', 'MIME-Version', 'Max-Forwards', 'Min-Expires', 'Min-SE', 'Organization'],
  ...['P-Asserted-Identity', 'P-Preferred-Identity', 'Path', 'Priority', 'Privacy', 'Proxy-Authenticate'],
  ...['Proxy-Authorization', 'Proxy-Require', 'RAck', 'RSeq', 'Reason', 'Record-Route', 'Remote-Party-ID', 'Replaces'],
  ...['Reply-To', 'Require', 'Retry-After', 'Route', 'Server', 'Service-Route', 'Subscription-State', 'Timestamp'],
  ...['Unsupported', 'User-Agent', 'WWW-Authenticate', 'Warning'],
];

/** From every spelling met so far that means a known header to the usual one. Bounded: see `rememberAtMost`. */
const spellings = new Map<string, string>();
for (const name of knownNames) {
  spellings.set(name, name);
  spellings.set(name.toLowerCase(), name);
  spellings.set(name.toUpperCase(), name);
}
for (const [short, long] of Object.entries(compactForms)) {
  spellings.set(short, long);
  spellings.set(short.toUpperCase(), long);
}
const rememberAtMost = 4_096;

/** The usual spelling of a header name: `v` and `VIA` give `Via`. Names not known are given back as they are. */
export function canonicalName(name: string): string {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const usual = spellings.get(name.toLowerCase()) ?? name;
  if (spellings.size < rememberAtMost) spellings.set(name, usual);
  return usual;
}

/** Whether two spellings mean the same header. */
export function sameName(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [canonicalName(one), canonicalName(other)];
  return first === second || (first.length === second.length && first.toLowerCase() === second.toLowerCase());
}

const reasons: Record<number, string> = {
  100: 'Trying',
  180: 'Ringing',
  181: 'Call Is Being Forwarded',
  182: 'Queued',
  183: 'Session Progress',
  199: 'Early Dialog Terminated',
  200: 'OK',
  202: 'Accepted',
  204: 'No Notification',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  305: 'Use Proxy',
  380: 'Alternative Service',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  412: 'Conditional Request Failed',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  421: 'Extension Required',
  422: 'Session Interval Too Small',
  423: 'Interval Too Brief',
  429: 'Provide Referrer Identity',
  433: 'Anonymity Disallowed',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  493: 'Undecipherable',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  505: 'Version Not Supported',
  513: 'Message Too Large',
  580: 'Precondition Failure',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
};

/** The standard phrase for a status (RFC 3261 21). */
export function reasonPhrase(status: number): string {
  return reasons[status] ?? (status < 200 ? 'Progress' : status < 300 ? 'OK' : 'Failure');
}
