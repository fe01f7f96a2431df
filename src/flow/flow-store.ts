/** A flow as it was published: content never changes under a version number. */
export interface StoredFlow {
  flowId: string;
  accountId: string;
  /** 1, 2, 3 … per flow. */
  version: number;
  publishedAtMs: number;
  /** The checked definition. */
  definition: unknown;
}

/** Where flows and all their versions are kept. */
export interface FlowStore {
  /** Adds the next version, unless the newest is equal: then that one is given back. */
  publish(flow: { flowId: string; accountId: string; definition: unknown; atMs: number }): Promise<StoredFlow>;
  /** The newest version, or the named one. */
  findFlow(flowId: string, version?: number): Promise<StoredFlow | undefined>;
  listFlows(accountId?: string): Promise<StoredFlow[]>;
}
