import type { Intake, IntakeOpening } from '../../src/desk/intake.ts';
import { emptyForm } from '../../src/desk/intake.ts';

export const intakeT0 = Date.parse('2026-11-24T10:05:00+09:00');

/** An agent has answered. */
export function opening(more: Partial<IntakeOpening> = {}): IntakeOpening {
  return {
    callId: 'call_1',
    accountId: 'sakura',
    agentId: 'user_hanako',
    queueId: 'desk',
    offerId: 'offer_1',
    callerNumber: '09011112222',
    learned: { order: '1234' },
    atMs: intakeT0,
    ...more,
  };
}

/** An intake as a store keeps it. */
export function intake(intakeId: string, more: Partial<Intake> = {}): Intake {
  return {
    intakeId,
    callId: `call_${intakeId}`,
    accountId: 'sakura',
    agentId: 'user_hanako',
    queueId: 'desk',
    offerId: `offer_${intakeId}`,
    callerNumber: '+819011112222',
    learned: { order: '1234' },
    form: { ...emptyForm, phoneNumber: '+819011112222' },
    version: 1,
    state: 'open',
    openedAtMs: intakeT0,
    answeredAtMs: intakeT0,
    changedAtMs: intakeT0,
    leftAtMs: undefined,
    closedAtMs: undefined,
    ...more,
  };
}
