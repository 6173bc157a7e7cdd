/** Live queries: what a watch returns, what ends it, and what is refused. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, subscribed, ubiqlite } from './support.mjs';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, status TEXT);
  CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
  CREATE TABLE notes_of (id INTEGER PRIMARY KEY, item INT REFERENCES items (id) ON DELETE CASCADE);
  CREATE VIRTUAL TABLE found USING fts5(body);
  INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'new'), (3, 'pen', 'done');
  INSERT INTO kv VALUES ('a', '1');
  INSERT INTO notes_of VALUES (1, 1), (2, 2);`;

/** The next update, which must come. */
async function next(watch) {
  const { done, value } = await watch.next();
  assert.equal(done, false);
  return value;
}

/** Whether nothing comes until another call on the database is done. */
async function isQuiet(db, watch) {
  const waiting = watch.next();
  let came = false;
  void waiting.then(
    () => (came = true),
    () => (came = true),
  );
  for (let turn = 0; turn < 5; turn += 1) {
    await db.query('SELECT 1');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { quiet: !came, waiting };
}

test('each kind of change is seen, and the difference is told by key', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  for (const [query, change] of [
    ['SELECT * FROM items', "INSERT INTO items VALUES (4, 'cup', 'new')"],
    ['SELECT * FROM items WHERE id = 2', "REPLACE INTO items VALUES (9, 'sofa', 'new')"],
    ['SELECT * FROM kv', "UPDATE kv SET v = '2' WHERE k = 'a'"],
    ['SELECT count(*) FROM kv', 'DELETE FROM kv'],
    ['SELECT id FROM notes_of', 'DELETE FROM items WHERE id = 1'],
    ["SELECT rowid FROM found WHERE found MATCH 'two'", "INSERT INTO found VALUES ('one two')"],
    ['SELECT * FROM kv', 'ALTER TABLE kv ADD COLUMN more'],
  ]) {
    const watch = db.watch(query);
    const first = await next(watch);
    assert.deepEqual(first.rows, await db.query(query), query);
    await db.execute(change);
    const second = query === 'SELECT * FROM kv' && change.startsWith('ALTER') ? undefined : await next(watch);
    if (second !== undefined) assert.deepEqual(second.rows, await db.query(query), query);
    await watch.return();
  }
  const watch = db.watch('SELECT id, status FROM items ORDER BY id', [], { key: 'id' });
  const { rows, diff, reset } = await next(watch);
  assert.equal(reset, true);
  assert.deepEqual(diff.added, [...rows.keys()]);
  await db.batch([
    ['UPDATE items SET status = ? WHERE id = 4', ['old']],
    ['DELETE FROM items WHERE id = 3'],
    ["INSERT INTO items VALUES (0, 'first', 'new')"],
  ]);
  const update = await next(watch);
  assert.equal(update.reset, false);
  assert.deepEqual(update.diff, { added: [0], removed: [rows.findIndex(({ id }) => id === 3)], updated: [update.rows.findIndex(({ id }) => id === 4)] });
  const same = rows.find(({ id }) => id === 9);
  assert.equal(update.rows.find(({ id }) => id === 9), same, 'a row that stayed is the same object');
});

test('what changes nothing tells nobody', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const watch = db.watch('SELECT id, name FROM items');
  await next(watch);
  await db.execute('UPDATE items SET name = name');
  await db.execute("UPDATE items SET status = 'other'");
  await db.execute("INSERT INTO kv VALUES ('b', '2')");
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.execute('DELETE FROM items');
      throw new Error('undone');
    }),
    /undone/,
  );
  const { quiet, waiting } = await isQuiet(db, watch);
  assert.equal(quiet, true);
  await db.execute("UPDATE items SET name = 'desk' WHERE id = 1");
  assert.equal((await waiting).value.rows[0].name, 'desk');
});

test('a selection is watched by its rows, and touched tables run again', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const watch = db.table('items').select().where('status', '=', 'done').watch();
  assert.deepEqual((await next(watch)).rows.map(({ id }) => id), [3]);
  await db.execute("UPDATE items SET status = 'done' WHERE id = 1");
  const { rows, diff } = await next(watch);
  assert.deepEqual(rows.map(({ id }) => id), [1, 3]);
  assert.deepEqual(diff, { added: [0], removed: [], updated: [] });
  const random = db.watch('SELECT random() AS r FROM items WHERE id = 1', [], { rows: 'array' });
  const [[before]] = (await next(random)).rows;
  await db.touch(['items']);
  const [[after]] = (await next(random)).rows;
  assert.notEqual(after, before);
  const { watches, rowChanges } = await db.capabilities();
  assert.deepEqual({ watches, rowChanges }, { watches: true, rowChanges: true });
});

test('a loop ends with break, with its signal, and when the database closes', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  let seen = 0;
  for await (const { rows } of db.watch('SELECT id FROM items')) {
    seen += rows.length;
    break;
  }
  assert.equal(seen, 3);
  const controller = new AbortController();
  const aborted = db.watch('SELECT id FROM items', [], { signal: controller.signal });
  await next(aborted);
  const waiting = aborted.next();
  controller.abort(new Error('enough'));
  const error = await failure(waiting);
  assert.equal(error.kind, 'Cancelled');
  assert.equal(error.cause.message, 'enough');
  assert.equal((await aborted.next()).done, true);
  const closed = db.watch('SELECT id FROM items');
  await next(closed);
  const last = closed.next();
  await db.close();
  assert.equal((await last).done, true);
  assert.equal((await failure(db.watch('SELECT 1').next())).kind, 'Closed');
});

test('what can not be watched is refused by name', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const kindOf = async (watch) => (await failure(watch.next())).kind;
  assert.equal(await kindOf(db.watch('DELETE FROM items')), 'Unsupported');
  assert.equal(await db.queryValue('SELECT count(*) FROM items'), 3);
  assert.equal(await kindOf(db.watch('SELECT * FROM nowhere')), 'NoSuchTable');
  assert.equal(await kindOf(db.watch('SELECT ?', [])), 'InvalidArgument');
  assert.equal(await kindOf(db.watch('SELECT id FROM items', [], { key: 'missing' })), 'InvalidArgument');
  assert.equal(await kindOf(db.watch('SELECT 1', [], { keys: 'id' })), 'InvalidArgument');
  const dropped = db.watch('SELECT * FROM kv');
  await next(dropped);
  await db.execute('DROP TABLE kv');
  assert.equal((await failure(dropped.next())).kind, 'NoSuchTable');
  assert.equal((await dropped.next()).done, true);
});

test('calls that overlap get results in order, and a subscriber each of them', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const watch = db.watch('SELECT name FROM items WHERE id = 1');
  const calls = [watch.next(), watch.next(), watch.next()];
  await calls[0];
  await db.execute("UPDATE items SET name = 'one' WHERE id = 1");
  await calls[1];
  await db.execute("UPDATE items SET name = 'two' WHERE id = 1");
  assert.deepEqual((await Promise.all(calls)).map(({ value }) => value.rows[0].name), ['lamp', 'one', 'two']);
  const again = db.watch('SELECT name FROM items WHERE id = 1');
  const { seen: names, until, stop } = subscribed(again, ({ rows }) => rows[0].name);
  await until(1);
  await db.execute("UPDATE items SET name = 'three' WHERE id = 1");
  await until(2);
  stop();
  await db.execute("UPDATE items SET name = 'four' WHERE id = 1");
  await db.query('SELECT 1');
  assert.deepEqual(names, ['two', 'three']);
});

test('another database of the same file is seen', async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const other = await ubiqlite.open(path);
  t.after(() => other.close());
  const watch = db.watch('SELECT status FROM items WHERE id = 3');
  await next(watch);
  await other.execute("UPDATE items SET status = 'sold' WHERE id = 3");
  assert.equal((await next(watch)).rows[0].status, 'sold');
});

test('for a hook, two queries are the same when the engine is asked the same: as values are bound, so they compare', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const asked = (...params) => db.watch('SELECT ?', params).asked()[1];
  assert.equal(asked(new Date(0)), asked('1970-01-01T00:00:00.000000000Z'));
  assert.equal(asked(1n), asked(1));
  assert.equal(asked(true), asked(1));
  assert.notEqual(asked(-0), asked(0));
  assert.notEqual(asked('1'), asked(1));
  assert.notEqual(asked(new Uint8Array([0x80])), asked(new Uint8Array([0x81])));
  assert.notEqual(asked(new Uint8Array([0x80])), asked(new Uint8Array([0xac])));
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assert.equal(new Set(asked(bytes)).size, 256);
  // What can't be asked leaves nothing behind.
  assert.throws(() => asked('a', undefined), { kind: 'InvalidArgument' });
  assert.equal(asked('b'), asked('b'));
  assert.equal(db.watch('SELECT ?', ['b']).asked()[1].length, asked('c').length);
  assert.ok(asked('x'.repeat(300_000)).length > 300_000);
  assert.equal(asked('b'), asked('b'));
});
