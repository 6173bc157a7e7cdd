import { DrizzleError, DrizzleQueryError } from 'drizzle-orm';

import type { Session } from '../api/session.js';
import type { Transaction } from '../api/transaction.js';
import type { DrizzleClient } from './database.js';
import { type MigrationSource, type Step, stepsOf } from './migration-files.js';

export type { MigrationJournal, MigrationSource } from './migration-files.js';

/** Where the migrations are that drizzle-kit generated, and where it is noted which have run. */
export type MigrateConfig = MigrationSource & {
  /** The table of notes, which is Drizzle's own. Default: `__drizzle_migrations`. */
  migrationsTable?: string;
};

/**
 * Runs the migrations of a folder that `drizzle-kit generate` made, as far as they have not run.
 *
 * What has run is noted in Drizzle's own table, so that Drizzle's migrators for other drivers go on where this one stopped,
 * and this one where they did. Each migration is one transaction with its note, so that tabs and processes can start at
 * the same time: one runs it, the others wait and find it done. One that says `PRAGMA foreign_keys=OFF`, as those that
 * rebuild a table do, runs with foreign keys off, and is undone if a row's parent is missing at its end which was not
 * missing before.
 *
 * ```ts
 * await migrate(db, { migrationsFolder: './drizzle' }); // Node
 * await migrate(db, { files: import.meta.glob(['./drizzle/*.sql', './drizzle/meta/_journal.json'], { query: '?raw', eager: true, import: 'default' }) });
 * ```
 * @param db what `drizzle()` returned
 * @throws `DrizzleQueryError` whose `cause` is the error of a migration's statement: that migration is undone, and
 * those before it stay. `DrizzleError` if a file is missing, or foreign keys would be violated
 */
export async function migrate(db: { $client: DrizzleClient }, config: MigrateConfig): Promise<void> {
  const steps = await stepsOf(config);
  const { $client: client } = db;
  const table = `"${(config.migrationsTable ?? '__drizzle_migrations').replaceAll('"', '""')}"`;
  const session = 'acquire' in client ? await client.acquire() : client;
  try {
    // As Drizzle declares it.
    await session.run(`CREATE TABLE IF NOT EXISTS ${table} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)`);
    const last = await lastOf(session, table);
    for (const step of steps) if (step.when > last) await apply(session, table, step);
  } finally {
    if (session !== client) session.release();
  }
}

/** Returns the moment of the newest migration that has run. */
async function lastOf(target: Session | Transaction, table: string): Promise<number> {
  const last = await target.queryOptional<[unknown]>(`SELECT created_at FROM ${table} ORDER BY created_at DESC LIMIT 1`, [], { rows: 'array' });
  return last === undefined ? -Infinity : Number(last[0]);
}

async function apply(session: Session, table: string, step: Step): Promise<void> {
  const restore = step.withoutForeignKeys && (await session.queryValue<number>('PRAGMA foreign_keys')) === 1;
  // It has no effect once a transaction has begun.
  if (restore) await session.run('PRAGMA foreign_keys = 0');
  try {
    await session.transaction(async (tx) => {
      // Somebody else may have run it since.
      if (step.when <= (await lastOf(tx, table))) return;
      const before = restore ? await violations(tx) : undefined;
      for (const sql of step.statements) {
        await tx.batch(sql).catch((cause: Error) => Promise.reject(new DrizzleQueryError(sql, [], cause)));
      }
      const fault = before && (await violations(tx)).find((it) => !before.includes(it));
      if (fault !== undefined) throw new DrizzleError({ message: `${step.tag}.sql leaves a row without its parent: ${fault}` });
      await tx.run(`INSERT INTO ${table} (hash, created_at) VALUES (?, ?)`, [step.hash, step.when]);
    });
  } finally {
    if (restore) await session.run('PRAGMA foreign_keys = 1');
  }
}

/** Returns each violation of a foreign key: table, rowid, and the table in which the parent is missing. */
async function violations(tx: Transaction): Promise<string[]> {
  const rows = await tx.query('PRAGMA foreign_key_check', [], { rows: 'array' });
  return rows.map((row) => row.join(', '));
}
