/** better-auth's suites for adapters, on Kysely with our dialect. Vitest runs this. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { kyselyAdapter } from '@better-auth/kysely-adapter';
import {
  authFlowTestSuite, caseInsensitiveTestSuite, joinsTestSuite, normalTestSuite, numberIdTestSuite, testAdapter, transactionsTestSuite,
  uuidTestSuite,
} from '@better-auth/test-utils/adapter';
import { getMigrations } from 'better-auth/db/migration';
import { Kysely } from 'kysely';
import { open } from 'ubiqlite';
import { UbiqliteDialect } from 'ubiqlite/kysely';

const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-orm-'));
let opened = 0;
let db = await fresh();

async function fresh() {
  opened += 1;
  return new Kysely({ dialect: new UbiqliteDialect({ database: await open(join(folder, `${opened}.db`), { synchronous: 'normal' }) }) });
}

const { execute } = await testAdapter({
  adapter: () => kyselyAdapter(db, { type: 'sqlite', transaction: true, debugLogs: { isRunningAdapterTests: true } }),
  // Each run of the migrations is for other options, on an empty database.
  async runMigrations(options) {
    await db.destroy();
    db = await fresh();
    const { runMigrations } = await getMigrations(Object.assign(options, { database: { db, type: 'sqlite', transaction: true } }));
    await runMigrations();
  },
  tests: [
    normalTestSuite(), transactionsTestSuite(), authFlowTestSuite(), numberIdTestSuite(), joinsTestSuite(), uuidTestSuite(),
    caseInsensitiveTestSuite(),
  ],
  async onFinish() {
    await db.destroy();
    rmSync(folder, { recursive: true, force: true });
  },
});
execute();
