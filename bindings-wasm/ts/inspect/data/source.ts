import type { Database } from '../../api/database.js';

/** What the panel uses of a database. */
export type Source = Pick<Database, 'path' | 'engine' | 'query' | 'queryValue' | 'run' | 'batch' | 'stream' | 'watch' | 'commits' | 'check' | 'backupStream' | 'capabilities' | 'migrations'>;

/** A value as the database has it. */
export type Cell = null | number | bigint | string | Uint8Array;

/** Quotes a name for SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What an error says: its kind, where it has one, and its message. */
export interface Fault {
  readonly kind: string;
  readonly message: string;
}

/** Returns what an error says. */
export function faultOf(error: unknown): Fault {
  const { kind, name, message } = (error ?? {}) as { kind?: string; name?: string; message?: string };
  return { kind: kind ?? name ?? 'Error', message: message ?? String(error) };
}
