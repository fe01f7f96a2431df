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
  outbox: OutboxTable;
  outbox_attempts: OutboxAttemptsTable;
  webhook_secrets: {
    account_id: string;
    secret: string;
    created_at_ms: number;
    retires_at_ms: number | null;
  };
}

interface OutboxTable {
  outbox_id: string;
  account_id: string | null;
  kind: string;
  channel: string;
  /** Personal data. */
  target: string;
  /** What entries share that must not hold each other up: a host. */
  lane: string;
  payload_json: string;
  created_at_ms: number;
  state: string;
  /** Of pending ones; while claimed: when the claim ends. */
  next_attempt_at_ms: number;
  attempts: number;
  failures: number;
  since_ms: number;
  claim_id: string | null;
  ended_at_ms: number | null;
  last_error: string | null;
}

interface OutboxAttemptsTable {
  outbox_id: string;
  attempt: number;
  at_ms: number;
  outcome: string;
  status_code: number | null;
  error: string | null;
  duration_ms: number | null;
}

export type SqlKind = 'sqlite' | 'postgres';
