import fc from 'fast-check';
import { test } from 'vitest';
import type { DeskListener, DeskTicket } from '../../src/desk/desk.ts';
import { deskRequestSchema } from '../../src/desk/request.ts';
import { settle } from '../support/fake-clock.ts';
import type { FakeDial, FakeLeg } from '../support/fake-telephony.ts';
import { FakeDesk, phone, ring } from './fake-desk.ts';
import { type Harness, harness } from './harness.ts';
import { checkNothingLeft, windUp } from './wind-up.ts';

const request = deskRequestSchema.parse({
  ...{ callId: 'call-first', account: { accountId: 'sakura', name: 'さくら歯科', reading: '' }, queueId: 'front' },
  callBack: { toNumber: '09012345678', fromNumber: '0312345678' },
});

/** One turn, with a desk that keeps the promises that matter here: who rings, and when the turn is over. */
class Turn {
  readonly h: Harness;
  readonly desk = new FakeDesk();
  readonly offers = new Set<string>();
  listener: DeskListener | undefined;
  #rung = 0;
  #isCallBack = true;
  #isOver = false;

  constructor(h: Harness) {
    this.h = h;
  }

  async begin(): Promise<this> {
    const own = this.desk.ticket({} as never);
    const end = (offerId: string) => {
      this.offers.delete(offerId);
      this.#endTurn();
    };
    const ticket: DeskTicket = {
      ...own,
      answered: async (offerId) => this.offers.has(offerId),
      missed: (offerId) => end(offerId),
      notReached: async (offerId) => {
        end(offerId);
        return !this.desk.isLastAttempt;
      },
      connected: (offerId) => {
        if (this.offers.has(offerId)) this.#isCallBack = false;
      },
      parted: (offerId) => void this.offers.delete(offerId),
      leave: () => {
        this.#isOver = true;
      },
    };
    this.listener = await this.h.service.callBack(request, ticket);
    this.ring();
    return this;
  }

  ring(): void {
    if (this.#isOver || this.offers.size > 1) return;
    this.#rung += 1;
    const offerId = `o${this.#rung}`;
    this.offers.add(offerId);
    this.listener?.ring({ ...ring, offerId });
  }

  withdraw(): void {
    const [offerId] = this.offers;
    if (offerId === undefined) return;
    this.offers.delete(offerId);
    this.listener?.stopRinging(offerId);
    this.#endTurn();
  }

  #endTurn(): void {
    if (!this.#isCallBack || this.#isOver || this.offers.size > 0) return;
    this.#isOver = true;
    this.listener?.lost();
  }
}

const dialTo = (turn: Turn, kind: 'agent' | 'caller'): FakeDial | undefined =>
  turn.h.telephony.openDials.find(({ request: { kind: of } }) => of === kind);
const legOf = (turn: Turn, kind: 'agent' | 'caller'): FakeLeg | undefined =>
  turn.h.telephony.openLegs.find((leg) => leg.kind === kind);

/** Everything that agents, the customer, the desk, a switch and time can do, in any order. */
const happenings = {
  agentRings: (turn: Turn) => dialTo(turn, 'agent')?.ring(),
  agentAnswers: (turn: Turn) => dialTo(turn, 'agent')?.answer(),
  agentBusy: (turn: Turn) => dialTo(turn, 'agent')?.fail('busy', 486),
  agentHearsAll: (turn: Turn) => legOf(turn, 'agent')?.finishPlay(),
  agentHangsUp: (turn: Turn) => legOf(turn, 'agent')?.hangUp(),
  agentIsLost: (turn: Turn) => legOf(turn, 'agent')?.hangUp('media-lost'),
  customerRings: (turn: Turn) => dialTo(turn, 'caller')?.ring(),
  customerAnswers: (turn: Turn) => dialTo(turn, 'caller')?.answer(),
  customerBusy: (turn: Turn) => dialTo(turn, 'caller')?.fail('busy', 486),
  customerHearsAll: (turn: Turn) => legOf(turn, 'caller')?.finishPlay(),
  customerHangsUp: (turn: Turn) => legOf(turn, 'caller')?.hangUp(),
  customerPresses: (turn: Turn) => legOf(turn, 'caller')?.press('5'),
  anotherIsRung: (turn: Turn) => turn.ring(),
  offerEnds: (turn: Turn) => turn.withdraw(),
  overflows: (turn: Turn) => turn.listener?.overflow({ type: 'voicemail' }, 'time-out'),
  queueHangsUp: (turn: Turn) => turn.listener?.overflow({ type: 'hang-up' }, 'time-out'),
  isTheLast: (turn: Turn) => {
    turn.desk.isLastAttempt = true;
  },
  bridgesBreak: ({ h }: Turn) => {
    h.telephony.bridgesFail = !h.telephony.bridgesFail;
  },
  cancelsLate: ({ h }: Turn) => {
    h.telephony.cancelsAreLate = !h.telephony.cancelsAreLate;
  },
  slowBye: ({ h }: Turn) => {
    for (const leg of h.telephony.openLegs) leg.slowToEnd = true;
  },
  byeConfirmed: ({ h }: Turn) => {
    for (const leg of h.telephony.openLegs) leg.confirmEnd();
  },
  storeFails: ({ h }: Turn) => {
    h.states.failing = !h.states.failing;
  },
  settles: () => settle(),
  secondPasses: ({ h }: Turn) => h.clock.advance(1_000),
  minutePasses: ({ h }: Turn) => h.clock.advance(60_000),
};
type Happening = keyof typeof happenings;

const answered: Happening[] = ['settles', 'agentRings', 'agentAnswers', 'settles', 'agentHearsAll', 'settles'];
const beginnings: Happening[][] = [
  [],
  ['settles', 'agentRings'],
  answered,
  [...answered, 'customerRings', 'customerAnswers'],
  [...answered, 'customerAnswers', 'settles'],
  [...answered, 'customerAnswers', 'settles', 'agentIsLost', 'settles'],
  [...answered, 'customerBusy'],
  ['cancelsLate', ...answered],
];

test('a call-back, whatever happens in whatever order: nothing is left behind', async () => {
  const names = Object.keys(happenings) as Happening[];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...beginnings),
      fc.array(fc.constantFrom(...names), { maxLength: 30 }),
      async (beginning, sequence) => {
        const desk = new FakeDesk();
        const h = await harness({ overrides: { people: { desk, phonesOf: async () => [phone] } } });
        const turn = await new Turn(h).begin();
        for (const name of [...beginning, ...sequence]) await happenings[name](turn);
        await windUp(h);
        checkNothingLeft(h);
      },
    ),
    { numRuns: 1_000 },
  );
}, 120_000);
