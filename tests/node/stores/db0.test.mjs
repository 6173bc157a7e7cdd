/** What db0 documents of databases, on our connector. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { createDatabase } from 'db0';
import { kysely } from 'db0/integrations/kysely';
import { createStorage } from 'unstorage';
import db0Driver from 'unstorage/drivers/db0';

import { database, failure, folder, open } from './support.mjs';

const { default: ubiqlite } = await import('ubiqlite/db0');

/** Returns a database of db0's on a new one of ours, and that. */
async function items(t) {
  const client = await database(t);
  const db = createDatabase(ubiqlite({ database: client }));
  await db.exec('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL)');
  return { client, db };
}

test('what it says of itself', async (t) => {
  const { client, db } = await items(t);
  assert.deepEqual([db.connector, db.dialect, db.capabilities.transactions], ['ubiqlite', 'sqlite', true]);
  assert.equal(await db.getInstance(), client);
});

test('tagged templates: rows, what was changed, names in braces', async (t) => {
  const { db } = await items(t);
  assert.deepEqual(await db.sql`INSERT INTO items (name, price) VALUES (${'lamp'}, ${40.5})`, { success: true, changes: 1, lastInsertRowid: 1 });
  assert.deepEqual(await db.sql`INSERT INTO items (name) VALUES (${undefined}) RETURNING id, name`, { rows: [{ id: 2, name: null }], success: true });
  assert.deepEqual(await db.sql`SELECT name, price FROM {${'items'}} WHERE id = ${1}`, { rows: [{ name: 'lamp', price: 40.5 }], success: true });
  assert.equal((await db.sql`UPDATE items SET price = ${true}`).changes, 2);
  assert.equal((await db.sql`DELETE FROM items WHERE id = ${9}`).changes, 0);
});

test('prepared statements, with parameters of the call and bound ones', async (t) => {
  const { db } = await items(t);
  const insert = db.prepare('INSERT INTO items (name, price) VALUES (?, ?)');
  await insert.run('lamp', 40);
  const bound = insert.bind('chair', 20);
  await bound.run();
  await bound.bind('bed', 90).run();
  const select = db.prepare('SELECT name FROM items WHERE price < ? ORDER BY name');
  assert.deepEqual(await select.all(50), [{ name: 'chair' }, { name: 'lamp' }]);
  assert.deepEqual(await select.bind(30).get(), { name: 'chair' });
  assert.equal(await select.get(1), undefined);
  assert.deepEqual(await select.bind(1).bind(100).all(), [{ name: 'bed' }, { name: 'chair' }, { name: 'lamp' }]);
});

test('a script is run whole or not at all', async (t) => {
  const { db } = await items(t);
  await db.exec("INSERT INTO items (name) VALUES ('a'); INSERT INTO items (name) VALUES ('b')");
  assert.equal((await failure(db.exec("INSERT INTO items (name) VALUES ('c'); INSERT INTO items (name) VALUES ('a')"))).kind, 'UniqueViolation');
  assert.equal((await db.prepare('SELECT count(*) AS n FROM items').get()).n, 2);
});

test('a transaction by its statements is committed, or undone', async (t) => {
  const { client, db } = await items(t);
  await db.exec('BEGIN');
  await db.sql`INSERT INTO items (name) VALUES ('a')`;
  assert.equal(await client.queryValue('SELECT count(*) FROM items'), 0, 'others do not see it yet');
  await db.exec('SAVEPOINT s');
  await db.sql`INSERT INTO items (name) VALUES ('b')`;
  await db.exec('ROLLBACK TO s');
  assert.deepEqual((await db.sql`SELECT name FROM items`).rows, [{ name: 'a' }]);
  await db.prepare('COMMIT').run();
  assert.equal(await client.queryValue('SELECT count(*) FROM items'), 1);
  await db.prepare('begin immediate').run();
  await db.sql`DELETE FROM items`;
  await db.exec('ROLLBACK;');
  assert.equal(await client.queryValue('SELECT count(*) FROM items'), 1);
  assert.ok(await failure(db.exec('ROLLBACK')), 'there is none any more');
  await client.execute('DELETE FROM items');
});

test('a commit that fails leaves the transaction, to be rolled back', async (t) => {
  const { client, db } = await items(t);
  await db.exec('CREATE TABLE parts (item INTEGER REFERENCES items DEFERRABLE INITIALLY DEFERRED)');
  await db.exec('BEGIN');
  await db.sql`INSERT INTO parts VALUES (9)`;
  assert.equal((await failure(db.exec('COMMIT'))).kind, 'ForeignKeyViolation');
  assert.deepEqual((await db.sql`SELECT item FROM parts`).rows, [{ item: 9 }]);
  await db.exec('ROLLBACK');
  assert.equal(await client.queryValue('SELECT count(*) FROM parts'), 0);
});

test('what changes a connection has one, and all that follows runs on it', async (t) => {
  const { client, db } = await items(t);
  await db.exec('PRAGMA foreign_keys = OFF');
  assert.deepEqual((await db.prepare('PRAGMA foreign_keys').get()), { foreign_keys: 0 });
  assert.equal(await client.queryValue('PRAGMA foreign_keys'), 1);
  await db.sql`CREATE TEMP TABLE mine (x)`;
  await db.exec('BEGIN');
  await db.sql`INSERT INTO mine VALUES (1)`;
  await db.exec('COMMIT');
  assert.deepEqual((await db.sql`SELECT x FROM mine`).rows, [{ x: 1 }]);
  await db.dispose();
});

test('db0\'s own Kysely, and unstorage\'s driver for db0', async (t) => {
  const { client, db } = await items(t);
  const builder = kysely(db);
  await builder.transaction().execute((trx) => trx.insertInto('items').values({ name: 'lamp', price: 1 }).execute());
  const error = await failure(builder.transaction().execute(async (trx) => {
    await trx.insertInto('items').values({ name: 'chair', price: 1 }).execute();
    throw new Error('no');
  }));
  assert.equal(error.message, 'no');
  assert.deepEqual(await builder.selectFrom('items').select('name').execute(), [{ name: 'lamp' }]);
  t.mock.method(console, 'warn', () => {});
  const storage = createStorage({ driver: db0Driver({ database: db }) });
  await storage.setItem('a', { b: 1 });
  assert.deepEqual(await storage.getItem('a'), { b: 1 });
  assert.equal(await client.queryValue('SELECT value FROM unstorage'), '{"b":1}');
});

test('dispose() closes what was opened for the connector, in the middle of a transaction too', async (t) => {
  const path = join(folder(t), 'app.db');
  const db = createDatabase(ubiqlite({ database: () => open(path) }));
  await db.exec('CREATE TABLE t (x)');
  await db.exec('BEGIN');
  await db.sql`INSERT INTO t VALUES (1)`;
  const client = await db.getInstance();
  await db.dispose();
  assert.equal((await failure(client.query('SELECT 1'))).kind, 'Closed');
  const again = await database(t, {}, path);
  assert.equal(await again.queryValue('SELECT count(*) FROM t'), 0);
});
