/** Tables as Kysely sees them. Times are ms since the epoch; `*_json` and `body` are JSON text in both databases. */
export interface Schema {
  schema_migrations: { version: number; name: string; applied_at_ms: number };
  accounts: {
    account_id: string;
    name: string;
    name_reading: string;
    status: string;
    language: string;
    outbound_json: string;
  };
  /** `number` in normalised form. */
  assigned_numbers: { number: string; account_id: string; flow_id: string };
  flows: { flow_id: string; account_id: string };
  flow_versions: { flow_id: string; version: number; published_at_ms: number; definition_json: string };
  call_facts: {
    fact_id: string;
    call_id: string;
    seq: number;
    type: string;
    at_ms: number;
    leg_id: string;
    account_id: string | null;
    /** 1 on the fact that opens a call: a caller's (or canary's) `offered`. The list of calls is made of these. */
    opens_call: number;
    body: string;
  };
}

export type SqlKind = 'sqlite' | 'postgres';
