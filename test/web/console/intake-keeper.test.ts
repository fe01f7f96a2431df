import { describe, expect, it } from 'vitest';
import { emptyForm } from '../../../src/desk/intake.ts';
import { ApiFailure } from '../../../src/web/console/api.ts';
import { IntakeKeeper, type KeeperServer } from '../../../src/web/console/intake-keeper.ts';
import type { IntakeForm } from '../../../src/web/console/intake-types.ts';
import { eventually } from '../../support/poll.ts';

const hints = { directTransferRequests: 0, complaints: 0, accountComplaints: 0, warnings: [] };

/** The API's side of one intake: versions as it counts them. */
class FakeServer implements KeeperServer {
  version = 1;
  form: IntakeForm = { ...emptyForm };
  state = 'open';
  readonly changes: Partial<IntakeForm>[] = [];
  /** Thrown by the next requests. */
  readonly failures: ApiFailure[] = [];

  async keep(version: number, change: Partial<IntakeForm>) {
    this.#failIfSo();
    if (version !== this.version) throw new ApiFailure(409, { code: 'INTAKE_CHANGED' });
    this.changes.push(change);
    this.form = { ...this.form, ...change };
    this.version += 1;
    return { version: this.version, hints };
  }

  async read() {
    this.#failIfSo();
    return { version: this.version, form: this.form, state: this.state };
  }

  async report(version: number) {
    this.#failIfSo();
    if (version !== this.version) throw new ApiFailure(409, { code: 'INTAKE_CHANGED' });
    if (this.form.outcome === null) throw new ApiFailure(400, { code: 'INTAKE_UNFIT', path: 'form.outcome' });
    this.state = 'saved';
    return {};
  }

  #failIfSo(): void {
    const failure = this.failures.shift();
    if (failure) throw failure;
  }
}

function open() {
  const server = new FakeServer();
  const keeper = new IntakeKeeper({ version: 1, form: server.form, hints, state: 'open' }, server);
  const kept = () => eventually('all to be kept', () => keeper.state.state === 'kept', { timeoutMs: 6_000 });
  return { server, keeper, kept };
}

describe('a form', () => {
  it('is sent a moment after it was typed, together, and says so', async () => {
    const { server, keeper, kept } = open();
    const states = new Set<string>();
    keeper.subscribe(() => states.add(keeper.state.state));
    for (const callerName of ['伊', '伊藤']) keeper.type({ callerName });
    keeper.type({ company: '青葉商事' });
    expect(keeper.state.form).toMatchObject({ callerName: '伊藤', company: '青葉商事' });
    await kept();
    expect(server.changes).toEqual([{ callerName: '伊藤', company: '青葉商事' }]);
    expect([...states]).toEqual(['typing', 'saving', 'kept']);
  });

  it('is sent again until the server can be reached, with what was typed meanwhile', async () => {
    const { server, keeper, kept } = open();
    server.failures.push(new ApiFailure(0, { code: 'OFFLINE' }));
    keeper.type({ business: '打ち' });
    await keeper.flush();
    expect(keeper.state.state).toBe('failed');
    keeper.type({ business: '打ち合わせ' });
    await kept();
    expect(server.form.business).toBe('打ち合わせ');
  });

  it('keeps what was typed here where another window has typed other fields', async () => {
    const { server, keeper, kept } = open();
    await server.keep(1, { company: '別の窓', callerName: '別' });
    keeper.type({ callerName: '伊藤' });
    await kept();
    expect(server.form).toMatchObject({ company: '別の窓', callerName: '伊藤' });
    expect(keeper.state.form).toMatchObject({ company: '別の窓', callerName: '伊藤' });
  });

  it('is reported with the last words typed; what is missing is named', async () => {
    const { server, keeper } = open();
    keeper.type({ business: '至急' });
    await keeper.report();
    expect(keeper.state).toMatchObject({ state: 'kept', fault: 'outcome' });
    keeper.type({ outcome: 'message' });
    expect(keeper.state.fault).toBeUndefined();
    await keeper.report();
    expect(keeper.state.state).toBe('reported');
    expect(server).toMatchObject({ state: 'saved', form: { business: '至急', outcome: 'message' } });
    keeper.type({ business: 'later' });
    expect(keeper.state.form.business).toBe('至急');
  });

  it('stops where it was taken away', async () => {
    const { server, keeper } = open();
    server.failures.push(new ApiFailure(404, { code: 'NOT_FOUND' }));
    keeper.type({ business: 'x' });
    await keeper.flush();
    expect(keeper.state.state).toBe('closed');
  });
});
