import { errorMessage } from '../kernel/errors.ts';
import { readInfoKey, writeInfoKey } from './info-key.ts';
import { callMethods } from './methods.ts';
import { sessionHeaders } from './session-timers.ts';
import type { SipDialog } from './sip-dialog.ts';
import type { SrfRequest, SrfResponse } from './types/srf.ts';

/** What becomes of the requests of one side: those that are passed on go to the other. */
export interface OtherSide {
  other: SipDialog;
  /** The request is a phone's: of its INFO only keys go on, as we have understood them. */
  isPhone: boolean;
  /** Answers a change of the session. */
  renegotiate(req: SrfRequest, res: SrfResponse): Promise<void>;
}

/**
 * Answers a request that one side of a leg has sent in its dialog: session changes (hold, resume, a moved phone) and
 * INFO digits are passed to the other side, and its answer back; transfers are declined.
 */
export function answerInDialog(req: SrfRequest, res: SrfResponse, { other, isPhone, renegotiate }: OtherSide): void {
  switch (req.method) {
    case 'INVITE':
      settle(res, renegotiate(req, res));
      break;
    case 'UPDATE':
      // Without SDP it only refreshes the session (RFC 4028).
      if (req.body) settle(res, renegotiate(req, res));
      else res.send(200, { headers: sessionHeaders(req) });
      break;
    case 'INFO':
      if (isPhone) takeKey(req, res, other);
      else passOn(req, res, other);
      break;
    case 'REFER':
      res.send(603);
      break;
    case 'NOTIFY':
    case 'OPTIONS':
      res.send(200);
      break;
    default:
      res.send(405, { headers: { Allow: callMethods.join(', ') } });
  }
}

function takeKey(req: SrfRequest, res: SrfResponse, media: SipDialog): void {
  const key = readInfoKey(req.get('Content-Type') ?? '', req.body ?? '');
  if (!key) {
    res.send(200);
    return;
  }
  settle(
    res,
    media.request('INFO', writeInfoKey(key)).then((answer) => res.send(answer.ok ? answer.status : 481)),
  );
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
