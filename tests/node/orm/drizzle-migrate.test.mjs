/** Folders that drizzle-kit generates, run by the migrator for our driver. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';

import { DrizzleQueryError, sql } from 'drizzle-orm';
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core';
import { readMigrationFiles } from 'drizzle-orm/migrator';

import { HERE, database, failure, folder, only } from './support.mjs';

const { drizzle, migrate } = await import('ubiqlite/drizzle');

/** A schema, and a later one: a column that may not be null any more, for which drizzle-kit rebuilds its table. */
const schema = (name) => `
  import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
  export const authors = sqliteTable('authors', { id: integer().primaryKey(), name: ${name} }, (it) => [index('by_name').on(it.name)]);
  export const books = sqliteTable('books', {
    id: integer().primaryKey(), author: integer().references(() => authors.id, { onDelete: 'cascade' }), title: text().notNull(),
  });`;

let project;
let out;

/** Runs drizzle-kit in the project. */
function generate(...args) {
  const kit = join(HERE, 'node_modules/drizzle-kit/bin.cjs');
  return promisify(execFile)(process.execPath, [kit, 'generate', '--dialect', 'sqlite', '--out', 'out', ...args], { cwd: project });
}

before(async () => {
  // Inside of this folder, so that drizzle-kit finds Drizzle.
  mkdirSync(join(HERE, '.work'), { recursive: true });
  project = mkdtempSync(join(HERE, '.work/kit-'));
  process.on('exit', () => rmSync(project, { recursive: true, force: true }));
  out = join(project, 'out');
  writeFileSync(join(project, 'first.mjs'), schema('text()'));
  writeFileSync(join(project, 'second.mjs'), schema('text().notNull()'));
  await generate('--schema', 'first.mjs', '--name', 'first');
  await generate('--schema', 'second.mjs', '--name', 'second');
  await generate('--schema', 'second.mjs', '--name', 'own', '--custom');
  assert.match(readFileSync(join(out, '0001_second.sql'), 'utf8'), /PRAGMA foreign_keys=OFF/);
});

/** Returns the files of the folder, as a bundler gives them. */
const files = () => Object.fromEntries(['meta/_journal.json', ...readdirSync(out).filter((it) => it.endsWith('.sql'))].map((name) => [`./out/${name}`, readFileSync(join(out, name), 'utf8')]));

/** Returns the folder with only its first migrations. */
function begun(count) {
  const all = files();
  const journal = JSON.parse(all['./out/meta/_journal.json']);
  return { ...all, './out/meta/_journal.json': { ...journal, entries: journal.entries.slice(0, count) } };
}

const applied = (client) => client.query('SELECT hash, created_at FROM __drizzle_migrations ORDER BY created_at', [], { rows: 'array' });
const expected = () => readMigrationFiles({ migrationsFolder: out }).map(({ hash, folderMillis }) => [hash, folderMillis]);

test('a folder is run once, and noted as Drizzle notes it', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  for (let time = 0; time < 2; time += 1) {
    await migrate(db, { migrationsFolder: out });
    assert.deepEqual(await applied(client), expected());
  }
  await client.execute("INSERT INTO authors (name) VALUES ('Ann')");
  assert.equal((await failure(client.execute('INSERT INTO authors (name) VALUES (NULL)'))).kind, 'NotNullViolation');
});

test('a table is rebuilt without losing the rows that refer to it', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  await migrate(db, { files: begun(1) });
  await client.batch("INSERT INTO authors VALUES (1, 'Ann'); INSERT INTO books VALUES (1, 1, 'one'), (2, 1, 'two')");
  await migrate(db, { files: files() });
  assert.equal(await client.queryValue('SELECT count(*) FROM books'), 2);
  assert.equal((await failure(client.execute("INSERT INTO books VALUES (3, 9, 'none')"))).kind, 'ForeignKeyViolation', 'foreign keys are on again');
});

test('what Drizzle\'s own migrator has begun is gone on with, and the other way round', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  const theirs = new SQLiteAsyncDialect();
  const all = readMigrationFiles({ migrationsFolder: out });
  const run = (migrations) => theirs.migrate(migrations, { run: (it) => db.run(it), values: (it) => db.values(it), transaction: (it) => db.transaction(it) });
  await run(all.slice(0, 1));
  await migrate(db, { migrationsFolder: out });
  assert.deepEqual(await applied(client), expected());
  await run(all);
  assert.deepEqual(await applied(client), expected());
  await client.migrations(files_sql()).run();
  assert.deepEqual(await client.migrations(files_sql()).pending(), [], 'our own migrations take over what is noted');
});

/** The files as our own migrations take them. */
function files_sql() {
  return Object.entries(files());
}

test('a migration that fails is undone, and those before it stay', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  const broken = { ...files(), './out/0001_second.sql': "INSERT INTO authors (name) VALUES ('Ann');--> statement-breakpoint\nINSERT INTO missing VALUES (1);" };
  const error = await failure(migrate(db, { files: broken }));
  assert.ok(error instanceof DrizzleQueryError);
  assert.equal(error.cause.kind, 'NoSuchTable');
  assert.deepEqual(await applied(client), expected().slice(0, 1));
  assert.equal(await client.queryValue('SELECT count(*) FROM authors'), 0);
});

test('one that turns foreign keys off and leaves a row without its parent is undone, unless the row had none before', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  await migrate(db, { files: begun(1) });
  await client.batch("INSERT INTO authors VALUES (1, 'Ann'); INSERT INTO books VALUES (1, 1, 'one')");
  const session = await client.acquire();
  await session.execute('PRAGMA foreign_keys = OFF');
  await session.execute("INSERT INTO books VALUES (2, 9, 'stray')");
  session.release();
  const losing = { ...files(), './out/0001_second.sql': 'PRAGMA foreign_keys=OFF;--> statement-breakpoint\nDELETE FROM authors;--> statement-breakpoint\nPRAGMA foreign_keys=ON;' };
  const error = await failure(migrate(db, { files: losing }));
  assert.match(error.message, /^0001_second\.sql leaves a row without its parent: books, 1, authors/);
  assert.equal(await client.queryValue('SELECT count(*) FROM authors'), 1);
  await migrate(db, { files: files() });
  assert.equal(await client.queryValue('SELECT count(*) FROM books'), 2);
});

test('those who start at the same time run each migration once', { skip: only('native', 'the file is opened several times') }, async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const path = join(folder(t), 'app.db');
    const all = await Promise.all(Array.from({ length: 4 }, () => database(t, {}, path)));
    await Promise.all(all.map((it) => migrate(drizzle(it), { migrationsFolder: out })));
    assert.deepEqual(await applied(all[0]), expected());
  }
});

test('statements without breakpoints, another table for the notes, and the form that drizzle-kit writes for Expo', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  const text = 'PRAGMA foreign_keys=OFF;\nCREATE TABLE a (x);\nCREATE TABLE b (y);\nPRAGMA foreign_keys=ON;\n';
  const journal = { entries: [{ idx: 0, when: 1, tag: '0000_a', breakpoints: false }] };
  await migrate(db, { journal, migrations: { m0000: text }, migrationsTable: 'my "notes"' });
  assert.deepEqual(await client.query('SELECT hash FROM "my ""notes"""'), [{ hash: createHash('sha256').update(text).digest('hex') }]);
  assert.equal(await client.queryValue('SELECT count(*) FROM b'), 0);
});

test('a missing journal or file is told before anything is done', async (t) => {
  const client = await database(t);
  const db = drizzle(client);
  assert.match((await failure(migrate(db, { migrationsFolder: join(project, 'none') }))).message, /_journal\.json is missing/);
  assert.match((await failure(migrate(db, { files: { ...files(), './out/0002_own.sql': undefined } }))).message, /0002_own\.sql of the journal is missing/);
  assert.deepEqual(await client.query(`SELECT name FROM sqlite_schema`), []);
  assert.deepEqual(await db.all(sql`SELECT 1 AS one`), [{ one: 1 }]);
});
