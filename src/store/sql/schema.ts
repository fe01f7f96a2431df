import type { Generated } from 'kysely';

/** Tables as Kysely sees them. Times are ms since the epoch; `*_json` and `body` are JSON text in both databases. */
export interface Schema {
  schema_migrations: { version: number; name: string; applied_at_ms: number };
  accounts: {
    account_id: string;
    name: string;
    name_reading: string;
    status: string;
    answering_service: Generated<string>;
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
  /** One row for each channel that a FreeSWITCH has ended. */
  channel_records: {
    leg_id: string;
    server: string;
    created_at_ms: number;
    answered_at_ms: number | null;
    ended_at_ms: number;
    hangup_cause: string;
  };
  outbox: OutboxTable;
  outbox_attempts: OutboxAttemptsTable;
  webhook_secrets: {
    account_id: string;
    secret: string;
    created_at_ms: number;
    retires_at_ms: number | null;
  };
  users: {
    user_id: string;
    login_name: string;
    display_name: string;
    role: string;
    account_id: string | null;
    status: string;
    password_hash: string;
    password_temporary: number;
    password_set_at_ms: number;
    created_at_ms: number;
  };
  sessions: {
    session_id: string;
    user_id: string;
    token_hash: string;
    created_at_ms: number;
    last_seen_at_ms: number;
    expires_at_ms: number;
    address: string;
    user_agent: string;
  };
  sign_in_attempts: { key: string; count: number; ends_at_ms: number };
  agents: { agent_id: string; settings_json: string };
  queues: { queue_id: string; settings_json: string };
  account_cards: { account_id: string; card_json: string | null; rules_json: string | null };
  phone_credentials: {
    username: string;
    agent_id: string;
    realm: string;
    label: string;
    ha1_md5: string;
    ha1_sha256: string;
    created_at_ms: number;
  };
  agent_changes: {
    change_id: string;
    agent_id: string;
    from_state: string;
    state: string;
    reason: string;
    at_ms: number;
    call_id: string | null;
    by_user_id: string | null;
  };
  /** Triggers refuse update and delete. */
  audit_record: {
    seq: Generated<number>;
    at_ms: number;
    actor_json: string;
    action: string;
    subject_kind: string;
    subject_id: string;
    account_id: string | null;
    before_json: string | null;
    after_json: string | null;
  };
  intakes: IntakesTable;
  voicemails: VoicemailsTable;
  reports: {
    seq: Generated<number>;
    report_id: string;
    intake_id: string;
    account_id: string;
    call_id: string;
    created_at_ms: number;
    complete: number;
    outcome: string | null;
    urgency: string;
    language: string;
    /** Personal data. */
    content_json: string;
    /** Where it was sent, and to how many places; null: reported before that was kept. */
    destinations_json: string | null;
    deliveries: number | null;
  };
}

interface IntakesTable {
  intake_id: string;
  call_id: string;
  account_id: string;
  agent_id: string;
  queue_id: string;
  offer_id: string;
  /** Normalised; null where withheld. Personal data, as are the two below. */
  caller_number: string | null;
  learned_json: string;
  form_json: string;
  version: number;
  state: string;
  opened_at_ms: number;
  answered_at_ms: number;
  changed_at_ms: number;
  left_at_ms: number | null;
  closed_at_ms: number | null;
  /** What counts are made of; null while open. */
  outcome: string | null;
  direct_requests: number | null;
}

/** Messages that callers leave. */
interface VoicemailsTable {
  recording_id: string;
  account_id: string;
  call_id: string;
  at_ms: number;
  duration_ms: number;
  /** 1: the flow took it for a message. */
  is_taken: number;
  state: string;
  reported_at_ms: number | null;
  /** Personal data. */
  report_json: string | null;
  /** To how many places it was sent. */
  deliveries: number | null;
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
