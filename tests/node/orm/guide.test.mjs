/** The guide's programs for Kysely and Drizzle, as they are there. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { LIMIT, database, failure, folder, within } from './support.mjs';

const { kysely, publish, watchTitles } = await import('./guide/kysely.mjs');
const drizzle = await import('./guide/drizzle.mjs');
const { UbiqliteDialect } = await import('ubiqlite/kysely');
const { Kysely } = await import('kysely');

const TABLES = 'CREATE TABLE authors (id INTEGER PRIMARY KEY, name TEXT UNIQUE); CREATE TABLE books (author INTEGER REFERENCES authors, title TEXT)';

/** Collects what a subscription renders, to be waited for. */
function rendered() {
  const seen = [];
  let arrived = () => {};
  return {
    render: (titles) => {
      seen.push(titles);
      arrived();
    },
    async until(wanted) {
      while (JSON.stringify(seen.at(-1)) !== JSON.stringify(wanted)) await within(LIMIT, new Promise((resolve) => (arrived = resolve)), wanted.join());
    },
  };
}

test('Kysely: both or neither, and a live query', async (t) => {
  const client = await database(t);
  await client.batch(TABLES);
  const db = new Kysely({ dialect: new UbiqliteDialect({ database: client }) });
  const { render, until } = rendered();
  const stop = watchTitles(db, client, render);
  await until([]);
  assert.deepEqual(await publish(db, 'Ann', 'One'), ['One']);
  await until(['One']);
  assert.equal((await failure(publish(db, 'Ann', 'Two'))).kind, 'UniqueViolation');
  assert.deepEqual(await publish(db, 'Bob', 'Three'), ['One', 'Three']);
  await until(['One', 'Three']);
  stop();
});

test('Kysely: what opens the database itself', async (t) => {
  const db = kysely(join(folder(t), 'app.db'));
  t.after(() => db.destroy());
  await db.schema.createTable('authors').addColumn('id', 'integer', (it) => it.primaryKey()).addColumn('name', 'text').execute();
  await db.schema.createTable('books').addColumn('author', 'integer').addColumn('title', 'text').execute();
  assert.deepEqual(await publish(db, 'Ann', 'One'), ['One']);
});

test('Drizzle: a folder of migrations, both or neither, and a live query', async (t) => {
  const db = await drizzle.library(join(folder(t), 'app.db'), fileURLToPath(new URL('guide/drizzle', import.meta.url)));
  t.after(() => db.$client.close());
  const { render, until } = rendered();
  const stop = drizzle.watchTitles(db, render);
  await until([]);
  assert.deepEqual(await drizzle.publish(db, 'Ann', 'One'), [{ name: 'Ann', books: [{ title: 'One' }] }]);
  await until(['One']);
  assert.equal((await failure(drizzle.publish(db, 'Ann', 'Two'))).cause.kind, 'UniqueViolation');
  stop();
});
