import type { InviteOutcome, OutgoingInvite } from './sip-server.ts';

type Refusal = Extract<InviteOutcome, { ok: false }>;

/**
 * Several phones rung at once as if they were one (RFC 3261, 16.7): the first who answers has the call and the ringing
 * of the others stops; who is busy or declines ends only its own ringing, but 6xx ends all. Whoever answers too late
 * is hung up.
 */
export function forkInvites(branches: readonly OutgoingInvite[]): OutgoingInvite {
  const refusals: Refusal[] = [];
  const cancelAll = () => {
    for (const branch of branches) branch.cancel();
  };
  let settled = false;
  const outcome = new Promise<InviteOutcome>((resolve) => {
    const settle = (result: InviteOutcome) => {
      if (settled) return;
      settled = true;
      // Does nothing to the one who has answered or refused.
      cancelAll();
      resolve(result);
    };
    const take = (result: InviteOutcome) => {
      if (result.ok) {
        if (settled) result.dialog.bye();
        else settle(result);
        return;
      }
      refusals.push(result);
      if (result.status >= 600 || refusals.length === branches.length) settle(bestOf(refusals));
    };
    for (const branch of branches) branch.outcome.then(take);
    if (branches.length === 0) settle({ ok: false, status: 480, reason: 'no phone to ring' });
  });
  const transactionIds = () => branches.flatMap((branch) => branch.transactionIds());
  return { outcome, cancel: cancelAll, transactionIds };
}

/** What the caller is told when nobody answers: that a person is busy says more than that a phone is not there. */
function bestOf(refusals: readonly Refusal[]): Refusal {
  const [best = { ok: false, status: 480, reason: 'nobody answered' }] = [...refusals].sort(
    (a, b) => rank(a.status) - rank(b.status),
  );
  return best;
}

function rank(status: number): number {
  if (status >= 600) return 0;
  if (status === 486) return 1;
  // A phone that did not answer in time, or was cancelled, or is switched off.
  if ([408, 480, 487].includes(status)) return 3;
  if (status >= 500) return 4;
  return 2;
}
