/** How the adapters are found: by both kinds of modules, apart from the rest, and with other versions of their libraries. */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { Kysely, sql } from 'kysely';
import * as old from 'kysely-028';

import { PACKAGE, database } from './support.mjs';

const require = createRequire(import.meta.url);

test('require() finds them, and they work with what import opened', async (t) => {
  const client = await database(t);
  const { UbiqliteDialect } = require('ubiqlite/kysely');
  const { drizzle } = require('ubiqlite/drizzle');
  const db = new Kysely({ dialect: new UbiqliteDialect({ database: client }) });
  assert.deepEqual((await sql`SELECT 1 AS one`.execute(db)).rows, [{ one: 1 }]);
  assert.deepEqual(await drizzle(client).values('SELECT 1'), [[1]]);
});

test('they import their library and nothing else, and nothing imports them', () => {
  const dist = dirname(PACKAGE);
  const imports = (name) => [...readFileSync(join(dist, name), 'utf8').matchAll(/(?:from|import|require\()\s*"([^"]+)"/g)].map(([, from]) => from);
  assert.deepEqual(new Set(imports('kysely.mjs')), new Set(['kysely']));
  assert.ok(imports('drizzle.mjs').every((from) => from.startsWith('drizzle-orm')), imports('drizzle.mjs').join());
  assert.deepEqual(new Set(imports('tanstack.mjs')), new Set(['@tanstack/db-sqlite-persistence-core']));
  for (const name of ['browser.js', 'worker.js', 'hub.js', 'node.cjs', 'node.mjs']) {
    assert.doesNotMatch(readFileSync(join(dist, name), 'utf8'), /UbiqliteDialect|UbiqliteSession|applied_tx/, name);
  }
});

test('the dialect works with Kysely 0.28', async (t) => {
  const client = await database(t);
  const { UbiqliteDialect } = await import('ubiqlite/kysely');
  const db = new old.Kysely({ dialect: new UbiqliteDialect({ database: client }) });
  await db.schema.createTable('items').addColumn('id', 'integer', (column) => column.primaryKey()).execute();
  await db.transaction().execute((trx) => trx.insertInto('items').values({ id: 1 }).execute());
  const trx = await db.startTransaction().execute();
  const inner = await trx.savepoint('one').execute();
  await inner.insertInto('items').values({ id: 2 }).execute();
  await inner.rollbackToSavepoint('one').execute();
  await inner.commit().execute();
  const ids = [];
  for await (const row of db.selectFrom('items').select('id').stream()) ids.push(row.id);
  assert.deepEqual(ids, [1]);
  const migrator = new old.Migrator({ db, provider: { getMigrations: async () => ({ '1_more': { up: (it) => it.schema.alterTable('items').addColumn('name', 'text').execute() } }) } });
  assert.equal((await migrator.migrateToLatest()).error, undefined);
});
