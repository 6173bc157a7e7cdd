import type { CommitEvent } from '../../client/commit-event.js';

/** A commit in the log. */
export interface Entry {
  readonly at: Date;
  readonly moment: number;
  /** Each table, and what happened to its rows: `'3 inserted, 1 deleted'`. */
  readonly tables: readonly { readonly name: string; readonly text: string }[];
  /** What else there is to know of it. */
  readonly notes: readonly string[];
}

/** Returns what the log says of a commit. */
export function entryOf(event: CommitEvent, at: Date): Entry {
  const { moment, tables, everything, schema, external, reset } = event;
  const notes = [
    reset && 'another tab leads now',
    schema && 'the schema may have changed',
    external && 'by another engine or with other settings',
    everything && !schema && !external && !reset && 'anything may have changed',
  ];
  return {
    at,
    moment,
    tables: tables.map(({ name, rows }) => ({ name, text: rows === undefined ? 'any row' : counted(rows) })),
    notes: notes.filter((note) => note !== false),
  };
}

const WORDS = { insert: 'inserted', update: 'updated', delete: 'deleted' } as const;

function counted(rows: readonly { readonly kind: 'insert' | 'update' | 'delete' }[]): string {
  const parts = Object.entries(WORDS).map(([kind, word]) => [rows.filter((row) => row.kind === kind).length, word] as const);
  return parts.filter(([count]) => count > 0).map(([count, word]) => `${count.toLocaleString('en')} ${word}`).join(', ');
}
