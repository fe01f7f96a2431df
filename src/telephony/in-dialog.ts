import { errorMessage } from '../kernel/errors.ts';
import { callMethods } from './methods.ts';
import { sessionHeaders } from './session-timers.ts';
import type { SipDialog } from './sip-dialog.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** Dialogs with a re-INVITE or UPDATE of theirs under way: a second one meanwhile gets 491 (RFC 3261, 14.2). */
const renegotiating = new WeakSet<SipDialog>();

/**
 * Answers a request that one side of a leg has sent in its dialog: session changes (hold, resume, a moved phone) and
 * INFO digits are passed to the other side, and its answer back; transfers are declined.
 */
export function answerInDialog(req: SrfRequest, res: SrfResponse, other: SipDialog): void {
  switch (req.method) {
    case 'INVITE':
      renegotiate(req, res, other);
      break;
    case 'UPDATE':
      // Without SDP it only refreshes the session (RFC 4028).
      if (req.body) renegotiate(req, res, other);
      else res.send(200, { headers: sessionHeaders(req) });
      break;
    case 'INFO':
      passOn(req, res, other);
      break;
    case 'REFER':
      res.send(603);
      break;
    case 'NOTIFY':
      res.send(200);
      break;
    default:
      res.send(405, { headers: { Allow: callMethods.join(', ') } });
  }
}

function renegotiate(req: SrfRequest, res: SrfResponse, other: SipDialog): void {
  if (renegotiating.has(other)) {
    res.send(491);
    return;
  }
  renegotiating.add(other);
  settle(
    res,
    reinvite(req, res, other).finally(() => renegotiating.delete(other)),
  );
}

async function reinvite(req: SrfRequest, res: SrfResponse, other: SipDialog): Promise<void> {
  const answer = await other.request('INVITE', req.body ? { body: req.body } : {});
  if (!answer.ok) res.send(481);
  else if (answer.status >= 300) res.send(answer.status);
  else res.send(200, { headers: { 'Content-Type': 'application/sdp', ...sessionHeaders(req) }, body: answer.body });
}

function passOn(req: SrfRequest, res: SrfResponse, other: SipDialog): void {
  const contentType = req.get('Content-Type');
  const headers = contentType ? { 'Content-Type': contentType } : {};
  const passed = other.request(req.method, { headers, ...(req.body ? { body: req.body } : {}) });
  settle(
    res,
    passed.then((answer) => res.send(answer.ok ? answer.status : 481)),
  );
}

function settle(res: SrfResponse, work: Promise<void>): void {
  work.catch((error: unknown) => {
    // An answer that srf refuses to send: the dialog or the connection is gone, and with it the one who asked.
    if (!res.finalResponseSent) res.send(500, { headers: { Warning: `399 denwaban "${errorMessage(error)}"` } });
  });
}
