import type { sql, Transaction } from 'kysely';
import type { Schema, SqlKind } from './schema.ts';

/** One step of the schema. Steps are never edited once released: a change is a new step. */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  version: number;
  name: string;
  up(db: Transaction<Schema>, types: ColumnTypes, kind: SqlKind): Promise<void>;
}

/** Column types that differ between the databases. */
export interface ColumnTypes {
  int: 'integer' | 'bigint';
  json: 'text' | 'json';
  /** A primary key that the database counts up. */
  serial: 'integer' | 'bigserial';
  /** Ends `create table`: SQLite checks types only in strict tables. */
  tableEnd: ReturnType<typeof sql>;
}
