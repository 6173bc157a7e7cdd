/** Kysely's own Migrator on our dialect. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Kysely, sql } from 'kysely';
import { Migrator, NO_MIGRATIONS } from 'kysely/migration';

import { database, folder, only } from './support.mjs';

const { UbiqliteDialect } = await import('ubiqlite/kysely');

const MIGRATIONS = {
  '1_person': {
    up: async (db) => {
      await db.schema.createTable('person').addColumn('id', 'integer', (column) => column.primaryKey()).addColumn('name', 'text').execute();
      await db.insertInto('person').values({ name: 'Jennifer' }).execute();
    },
    down: (db) => db.schema.dropTable('person').execute(),
  },
  '2_email': {
    up: (db) => db.schema.alterTable('person').addColumn('email', 'text').execute(),
    down: (db) => db.schema.alterTable('person').dropColumn('email').execute(),
  },
};

const kysely = (database) => new Kysely({ dialect: new UbiqliteDialect({ database }) });
const migrator = (db, migrations = MIGRATIONS, more = {}) => new Migrator({ db, provider: { getMigrations: async () => migrations }, ...more });
const outcome = ({ error, results }) => {
  assert.equal(error, undefined);
  return results.map((it) => [it.migrationName, it.direction, it.status]);
};

test('up to the latest, one step at a time, and down to nothing', async (t) => {
  const db = kysely(await database(t));
  assert.deepEqual(outcome(await migrator(db).migrateToLatest()), [['1_person', 'Up', 'Success'], ['2_email', 'Up', 'Success']]);
  assert.deepEqual(outcome(await migrator(db).migrateToLatest()), []);
  assert.deepEqual((await migrator(db).getMigrations()).map((it) => it.executedAt instanceof Date), [true, true]);
  assert.deepEqual(outcome(await migrator(db).migrateDown()), [['2_email', 'Down', 'Success']]);
  assert.deepEqual(outcome(await migrator(db).migrateTo('2_email')), [['2_email', 'Up', 'Success']]);
  assert.deepEqual(outcome(await migrator(db).migrateTo(NO_MIGRATIONS)), [['2_email', 'Down', 'Success'], ['1_person', 'Down', 'Success']]);
  assert.deepEqual(await db.introspection.getTables(), []);
});

test('one that fails undoes those of the same call, since they are one transaction', async (t) => {
  const db = kysely(await database(t));
  const failing = { ...MIGRATIONS, '3_fails': { up: (db) => sql`INSERT INTO missing VALUES (1)`.execute(db) } };
  const { error, results } = await migrator(db, failing).migrateToLatest();
  assert.equal(error.kind, 'NoSuchTable');
  assert.deepEqual(results.map((it) => it.status), ['Success', 'Success', 'Error']);
  assert.deepEqual(await db.introspection.getTables(), []);
  assert.deepEqual(outcome(await migrator(db).migrateToLatest()).length, 2);
});

test('a table is rebuilt with foreign keys off, on the connection that disableTransactions gives', async (t) => {
  const db = kysely(await database(t));
  await sql`CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT)`.execute(db);
  await sql`CREATE TABLE child (parent INTEGER REFERENCES parent ON DELETE CASCADE)`.execute(db);
  await sql`INSERT INTO parent VALUES (1, 'a')`.execute(db);
  await sql`INSERT INTO child VALUES (1), (1)`.execute(db);
  const rebuild = {
    '1_rebuild': {
      up: async (db) => {
        await sql`PRAGMA foreign_keys = OFF`.execute(db);
        await db.transaction().execute(async (trx) => {
          await sql`CREATE TABLE new_parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`.execute(trx);
          await sql`INSERT INTO new_parent SELECT * FROM parent`.execute(trx);
          await sql`DROP TABLE parent`.execute(trx);
          await sql`ALTER TABLE new_parent RENAME TO parent`.execute(trx);
        });
      },
    },
  };
  const { error } = await migrator(db, rebuild).migrateToLatest();
  assert.match(error.message, /only one connection|ignores PRAGMA foreign_keys/, 'in a transaction SQLite would ignore it');
  assert.deepEqual(outcome(await migrator(db, rebuild, { disableTransactions: true }).migrateToLatest()), [['1_rebuild', 'Up', 'Success']]);
  assert.equal((await sql`SELECT * FROM child`.execute(db)).rows.length, 2);
});

test('those who start at the same time run each migration once', { skip: only('native', 'the file is opened several times') }, async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const path = join(folder(t), 'app.db');
    const all = await Promise.all(Array.from({ length: 4 }, () => database(t, {}, path)));
    const ran = await Promise.all(all.map(async (it) => outcome(await migrator(kysely(it)).migrateToLatest())));
    assert.deepEqual(ran.flat().sort(), [['1_person', 'Up', 'Success'], ['2_email', 'Up', 'Success']]);
    assert.equal((await all[0].query('SELECT * FROM person')).length, 1);
  }
});
