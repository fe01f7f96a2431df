import { beforeEach, expect, it } from 'vitest';
import { emptyForm } from '../../../src/desk/intake.ts';
import { ApiFailure } from '../../../src/web/console/api.ts';
import { Drafts } from '../../../src/web/console/drafts.ts';
import type { IntakeView } from '../../../src/web/console/intake-types.ts';
import { Keepers } from '../../../src/web/console/keepers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeIntakeServer, hints, offline } from './fake-intake-server.ts';

/** What `sessionStorage` is. */
class FakeStorage {
  readonly #items = new Map<string, string>();
  get length(): number {
    return this.#items.size;
  }
  key = (index: number) => [...this.#items.keys()][index] ?? null;
  getItem = (key: string) => this.#items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#items.set(key, value);
  removeItem = (key: string) => void this.#items.delete(key);
}

let clock: FakeClock;
let storage: FakeStorage;
let servers: Map<string, FakeIntakeServer>;
let done: string[];
beforeEach(() => {
  clock = new FakeClock();
  storage = new FakeStorage();
  servers = new Map();
  done = [];
});

const serverOf = (intakeId: string) => {
  const server = servers.get(intakeId) ?? new FakeIntakeServer();
  servers.set(intakeId, server);
  return server;
};
const pageOf = (userId: string) =>
  new Keepers({
    ...{ clock, serverOf, drafts: new Drafts(storage, userId) },
    onDone: ({ intakeId, state }) => void done.push(`${intakeId} ${state.state}`),
  });
const view = (intakeId: string, more: Partial<IntakeView> = {}): IntakeView => ({
  ...{ intakeId, callId: `call_${intakeId}`, accountId: 'sakura', version: 1, state: 'open', answeredAtMs: 1 },
  ...{ form: { ...emptyForm }, account: { name: 'さくら歯科', nameReading: '' }, caller: { number: null } },
  ...{ earlierCalls: [], learned: {}, hints },
  ...more,
});
const shown = (keepers: Keepers) => keepers.others.map(({ intakeId, state }) => `${intakeId} ${state.state}`);

it('the form of the former call is reported while the agent has the next one, and seen until then', async () => {
  const keepers = pageOf('hanako');
  const first = keepers.of(view('a'));
  const leaveFirst = keepers.show(first);
  first.type({ outcome: 'message', business: '至急' });
  await clock.advance(300);
  serverOf('a').away = offline();
  await first.report();
  expect(shown(keepers)).toEqual([]);
  leaveFirst();
  const second = keepers.of(view('b'));
  keepers.show(second);
  second.type({ callerName: '次の方' });
  await clock.advance(10_000);
  expect([shown(keepers), keepers.isUnsafe]).toEqual([['a report-failed'], true]);
  expect(serverOf('b').form.callerName).toBe('次の方');
  serverOf('a').away = undefined;
  await clock.advance(2_000);
  expect([shown(keepers), done, serverOf('a').reports]).toEqual([[], ['a reported'], 1]);
  expect([keepers.isUnsafe, storage.length, clock.pendingTimers]).toEqual([false, 0, 0]);
});

it('refused in the background: seen until the agent says so', async () => {
  const keepers = pageOf('hanako');
  const keeper = keepers.of(view('a'));
  const leave = keepers.show(keeper);
  serverOf('a').away = offline();
  await keeper.report();
  leave();
  await clock.advance(5_000);
  serverOf('a').away = undefined;
  await clock.advance(2_000);
  expect([shown(keepers), keeper.state.fault]).toEqual([['a kept'], 'outcome']);
  keeper.dismiss();
  expect(shown(keepers)).toEqual([]);
});

it('the page loaded again: goes on with what this user had, and with nothing of another', async () => {
  const keepers = pageOf('hanako');
  serverOf('a').away = offline();
  keepers.of(view('a')).type({ business: '見積もり' });
  await clock.advance(300);
  keepers.stop();
  const other = pageOf('taro');
  other.start();
  await clock.advance(10_000);
  expect([shown(other), serverOf('a').form.business]).toEqual([[], '']);
  other.forget();
  const again = pageOf('hanako');
  again.start();
  expect(again.others.map(({ state }) => state.form.business)).toEqual(['見積もり']);
  // The page may show the form before the server has been reached.
  expect(again.of(view('a')).state.form.business).toBe('見積もり');
  serverOf('a').away = undefined;
  await clock.advance(2_000);
  expect([serverOf('a').form.business, storage.length]).toEqual(['見積もり', 0]);
});

it('the caller handed on and back: a new keeper, with what the agent has not seen of the old one', async () => {
  const keepers = pageOf('hanako');
  const keeper = keepers.of(view('a'));
  serverOf('a').failures.push(new ApiFailure(404, { code: 'NOT_FOUND' }));
  keeper.type({ business: '追伸' });
  await clock.advance(300);
  expect(keepers.of(view('a'))).toBe(keeper);
  const back = keepers.of(view('a', { version: 3, answeredAtMs: 5, form: { ...emptyForm, callerName: '伊藤' } }));
  expect(back.state).toMatchObject({ state: 'kept', form: { callerName: '伊藤' }, lost: { business: '追伸' } });
});

it('signing out waits for what is not kept, says when it cannot be, and leaves nothing on the machine', async () => {
  const keepers = pageOf('hanako');
  keepers.of(view('a')).type({ business: '見積もり' });
  expect(await keepers.settle(3_000)).toBe(true);
  expect(serverOf('a').form.business).toBe('見積もり');
  serverOf('b').away = offline();
  keepers.of(view('b')).type({ business: '納期' });
  const settled = keepers.settle(3_000);
  await clock.advance(3_000);
  expect([await settled, storage.length]).toEqual([false, 1]);
  keepers.forget();
  expect([storage.length, clock.pendingTimers]).toEqual([0, 0]);
});
