// The guide's page about values.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from 'ubiqlite';

/** Returns a database with the page's tables. It is closed when the test ends. */
async function fresh(t) {
  const db = await open(':memory:');
  t.after(() => db.close());
  await db.batch(`
    CREATE TABLE items (
      id INTEGER PRIMARY KEY, name TEXT NOT NULL, sold INTEGER NOT NULL DEFAULT 0, price REAL,
      photo BLOB, data TEXT CHECK (json_valid(data)));
    CREATE TABLE payments (id TEXT PRIMARY KEY, amount TEXT NOT NULL);
  `);
  return db;
}

test('each type comes back', async (t) => {
  const db = await fresh(t);
  const items = db.table('items');
  // #region types
  const photo = new Uint8Array([0xff, 0xd8, 0xff]);
  const id = await items.insert({ name: 'lamp', sold: true, price: null, photo });

  const row = await items.get(id);
  const sold = row.sold === 1; // a boolean comes back as 0 or 1
  const price = row.price; // null
  const bytes = row.photo; // a Uint8Array
  const unpriced = await items.select().whereNull('price').count();
  // #endregion types
  assert.deepEqual([sold, price, bytes, unpriced], [true, null, photo, 1]);
  assert.equal(await items.select().where('price', null).count(), 1);
  assert.equal(await db.queryValue('SELECT count(*) FROM items WHERE price = ?', [null]), 0);

  await assert.rejects(items.insert({ name: undefined }), { kind: 'InvalidArgument' });
  await assert.rejects(db.queryValue('SELECT ?', [2n ** 63n]), { kind: 'InvalidArgument' });
  assert.equal(await db.queryValue('SELECT typeof(?)', [NaN]), 'null');
  assert.equal(await db.queryValue('SELECT typeof(?)', [20.0]), 'integer');
  assert.equal(await db.queryValue('SELECT typeof(?)', [2 ** 53]), 'real');
});

test('large integers are bigints', async (t) => {
  const db = await fresh(t);
  // #region bigint
  const small = await db.queryValue('SELECT 40'); // 40
  const large = await db.queryValue('SELECT 9007199254740993'); // 9007199254740993n
  const sent = await db.queryValue('SELECT ?', [9007199254740993n]); // 9007199254740993n

  const exact = await open(':memory:', { bigint: true });
  const always = await exact.queryValue('SELECT 40'); // 40n
  // #endregion bigint
  assert.deepEqual([small, large, sent, always], [40, 9007199254740993n, 9007199254740993n, 40n]);
  await exact.close();
});

test('a JSON column', async (t) => {
  const db = await fresh(t);
  const items = db.table('items');
  // #region json
  const id = await items.insert({ name: 'lamp', data: { watt: 40, colours: ['red'] } });

  const lamp = await items.get(id);
  const details = JSON.parse(lamp.data); // it is read as text
  const watt = await db.queryValue("SELECT data ->> 'watt' FROM items");
  // #endregion json
  assert.deepEqual([details, watt], [{ watt: 40, colours: ['red'] }, 40]);
  assert.equal(lamp.data, '{"watt":40,"colours":["red"]}');
  await assert.rejects(items.insert({ name: 'x', data: { watt: NaN } }), { kind: 'InvalidArgument' });
  await assert.rejects(items.insert({ name: 'x', data: { watt: undefined } }), { kind: 'InvalidArgument' });
});

test('moments sort by time', async (t) => {
  const db = await fresh(t);
  // #region datetable
  await db.batch(`
    CREATE TABLE visits (
      page TEXT NOT NULL,
      at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000000Z', 'now')))
  `);
  // #endregion datetable
  // #region dates
  const visits = db.table('visits');
  await visits.insert({ page: '/', at: new Date('2026-01-31T12:00:00Z') });
  await visits.insert({ page: '/about' }); // now, from the column's default

  const since = new Date('2026-01-31T00:00:00Z');
  const found = await visits.select().where('at', '>=', since).orderBy('at').all();
  const times = found.map((row) => new Date(row.at));
  // #endregion dates
  assert.equal(found.length, times.length);
  const first = found.find((row) => row.page === '/');
  assert.equal(first.at, '2026-01-31T12:00:00.000000000Z');
  assert.equal(new Date(first.at).getTime(), Date.UTC(2026, 0, 31, 12));
  const now = await db.queryValue("SELECT at FROM visits WHERE page = '/about'");
  assert.match(now, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);

  const atNoon = "SELECT '2026-01-31 12:00:00' >= ?1 AS bare, '2026-01-31 12:00:00' >= datetime(?1) AS converted";
  assert.deepEqual({ ...(await db.queryOne(atNoon, [since])) }, { bare: 0, converted: 1 });
});

test('decimals and UUIDs are text', async (t) => {
  const db = await fresh(t);
  // #region exact
  const payments = db.table('payments');
  const id = crypto.randomUUID();
  await payments.insert({ id, amount: '19.90' });

  const row = await payments.get(id);
  // #endregion exact
  assert.deepEqual({ ...row }, { id, amount: '19.90' });
});
