import type { StoredFlow } from '../flow/flow-store.ts';
import type { FlowRunner } from './flow-runner.ts';

const loadedMax = 1_000;

/** Flow versions ready to run. A version never changes, so that what was made of it once is good for ever. */
export class LoadedFlows {
  readonly #load: (stored: StoredFlow) => FlowRunner;
  readonly #flows = new Map<string, FlowRunner>();

  constructor(load: (stored: StoredFlow) => FlowRunner) {
    this.#load = load;
  }

  of(stored: StoredFlow): FlowRunner {
    const key = `${stored.flowId}@${stored.version}`;
    let flow = this.#flows.get(key);
    if (!flow) {
      flow = this.#load(stored);
      if (this.#flows.size >= loadedMax) this.#flows.clear();
      this.#flows.set(key, flow);
    }
    return flow;
  }
}
