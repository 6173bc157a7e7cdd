// The guide's page about rows.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from 'ubiqlite';

/** Returns a database with the page's table. It is closed and removed when the test ends. */
async function fresh(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  const db = await open(join(folder, 'app.db'));
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  // #region schema
  await db.batch(`
    CREATE TABLE items (
      id     INTEGER PRIMARY KEY,
      name   TEXT NOT NULL,
      status TEXT NOT NULL DEFAULT 'new',
      price  REAL
    );
    CREATE INDEX items_by_status ON items (status);
  `);
  // #endregion schema
  return db;
}

test('one row, by its key', async (t) => {
  const db = await fresh(t);
  let told = '';
  const console = { log: (text) => (told = text) };
  // #region insert
  const items = db.table('items');
  const id = await items.insert({ name: 'lamp', price: 19.9 });

  const lamp = await items.get(id);
  if (lamp) console.log(`${lamp.name} is ${lamp.status}`); // lamp is new
  // #endregion insert
  assert.equal(told, 'lamp is new');
  assert.deepEqual({ ...lamp }, { id: 1, name: 'lamp', status: 'new', price: 19.9 });
  assert.equal(await items.get(999), undefined);

  // #region update
  const found = await items.update(id, { status: 'done' }); // true
  const missing = await items.update(999, { status: 'done' }); // false
  const deleted = await items.delete(id); // true
  // #endregion update
  assert.deepEqual([found, missing, deleted], [true, false, true]);
  assert.equal(await items.delete(id), false);
  await assert.rejects(items.update(1, { nmae: 'x' }), { kind: 'NoSuchColumn' });
  await assert.rejects(db.table('itmes').get(1), { kind: 'NoSuchTable' });
});

test('upsert inserts or updates', async (t) => {
  const db = await fresh(t);
  const items = db.table('items');
  // #region upsert
  await items.upsert({ id: 7, name: 'lamp', price: 19.9 }); // inserted
  await items.upsert({ id: 7, name: 'floor lamp' }); // updated
  // #endregion upsert
  const row = await db.queryOne('SELECT id, name, price FROM items');
  assert.deepEqual({ ...row }, { id: 7, name: 'floor lamp', price: 19.9 });

  await db.batch('CREATE TABLE stock (place TEXT, shelf INTEGER, amount INTEGER, PRIMARY KEY (place, shelf))');
  const stock = db.table('stock');
  assert.deepEqual(await stock.insert({ place: 'eu', shelf: 7, amount: 3 }), ['eu', 7]);
  assert.equal((await stock.get(['eu', 7])).amount, 3);
});

test('rows are selected', async (t) => {
  const db = await fresh(t);
  const items = db.table('items');
  await items.insert({ name: 'lamp', price: 19.9 });
  await items.insert({ name: 'chair', price: 49.5, status: 'done' });
  await items.insert({ name: 'nail', price: 0.1 });
  await items.insert({ name: 'table', price: 99, status: 'gone' });
  // #region select
  const found = await items
    .select()
    .whereIn('status', ['new', 'done'])
    .where('price', '>=', 10)
    .orderBy('price', 'desc')
    .limit(20)
    .all();
  const unsold = await items.select().where('status', 'new').count();
  // #endregion select
  assert.deepEqual([found.map((row) => row.name), unsold], [['chair', 'lamp'], 2]);
});

test('SQL has parameters', async (t) => {
  const db = await fresh(t);
  const id = await db.table('items').insert({ name: 'lamp', price: 19.9 });
  let told = '';
  const console = { log: (text) => (told = text) };
  // #region query
  const sql = 'SELECT id, name FROM items WHERE status = ? AND price < ?';
  const cheap = await db.query(sql, ['new', 50]);
  const lamp = await db.queryOne('SELECT * FROM items WHERE id = ?', [id]);
  const count = await db.queryValue('SELECT count(*) FROM items');
  const done = await db.execute('UPDATE items SET status = :status WHERE id = :id', { status: 'done', id });
  console.log(`${done.rowsChanged} rows changed`);
  // #endregion query
  assert.equal(told, '1 rows changed');
  assert.deepEqual([cheap.length, lamp.name, count], [1, 'lamp', 1]);
  const missing = 'SELECT * FROM items WHERE id = 999';
  await assert.rejects(db.queryOne(missing), { kind: 'NotFound' });
  assert.equal(await db.queryOptional(missing), undefined);
  await assert.rejects(db.query(sql, ['new']), { kind: 'InvalidArgument' });
  await assert.rejects(db.execute('DELETE FROM items; DELETE FROM items'), { kind: 'InvalidArgument' });
});

// #region type
/** @typedef {{ id: number, name: string, status: string, price: number | null }} Item */
// #endregion type

test('rows are plain objects', async (t) => {
  const db = await fresh(t);
  // #region into
  /** @type {import('ubiqlite').Table<Item>} */
  const items = db.table('items');
  const id = await items.insert({ name: 'chair' }); // a checker refuses { nmae: 'chair' }

  const read = await items.get(id);
  /** @type {Item[]} */
  const unsold = await db.query('SELECT * FROM items WHERE status = ?', ['new']);
  const pairs = await db.query('SELECT id, name FROM items', [], { rows: 'array' });
  // #endregion into
  assert.deepEqual({ ...read }, { id: 1, name: 'chair', status: 'new', price: null });
  assert.equal(unsold.length, 1);
  assert.deepEqual(pairs, [[1, 'chair']]);
});

test('many rows, all or none', async (t) => {
  const db = await fresh(t);
  const items = db.table('items');
  // #region many
  const records = Array.from({ length: 1000 }, (_, index) => ({ name: `item ${index + 1}` }));
  const inserted = await items.insertMany(records); // 1000
  const updated = await items.updateMany([1, 2, 5000], { status: 'done' }); // 2

  function* parts() {
    for (let number = 1; number <= 1000; number += 1) yield [`part ${number}`, 0.5];
  }
  await db.executeMany('INSERT INTO items (name, price) VALUES (?, ?)', parts());
  // #endregion many
  assert.deepEqual([inserted, updated, await items.count()], [1000, 2, 2000]);

  let told = '';
  const console = { log: (text) => (told = text) };
  // #region index
  try {
    await items.insertMany([{ name: 'fine' }, { name: null }]);
  } catch (error) {
    console.log(`${error.kind} at index ${error.index}`); // NotNullViolation at index 1
  }
  // #endregion index
  assert.equal(told, 'NotNullViolation at index 1');
  assert.equal(await items.count(), 2000);
});

test('a large result is streamed', async (t) => {
  const db = await fresh(t);
  function* parts() {
    for (let number = 1; number <= 100_000; number += 1) yield [`item ${number}`, 0.5];
  }
  await db.executeMany('INSERT INTO items (name, price) VALUES (?, ?)', parts());
  let total = 0;
  // #region stream
  for await (const row of db.stream('SELECT * FROM items WHERE status = ?', ['new'])) {
    total += row.price;
    if (total >= 1000) break; // the query stops with the loop
  }
  // #endregion stream
  assert.equal(total, 1000);
  const keys = [];
  for await (const row of db.table('items').stream()) keys.push(row.id);
  assert.deepEqual(keys, Array.from({ length: 100_000 }, (_, index) => index + 1));
});
