/** Several queries that are watched together: their results are of one moment. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, subscribed } from './support.mjs';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, status TEXT);
  CREATE TABLE kv (k TEXT PRIMARY KEY, v TEXT) WITHOUT ROWID;
  INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'new'), (3, 'pen', 'done');
  INSERT INTO kv VALUES ('a', '1');`;

const ITEMS = 'SELECT id, name FROM items ORDER BY id';
const COUNT = 'SELECT count(*) AS n FROM items';

/** The next results, which must come. */
async function next(watch) {
  const { done, value } = await watch.next();
  assert.equal(done, false);
  return value;
}

test('the results are of one moment, also while others write', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE a (v INT); CREATE TABLE b (v INT); INSERT INTO a VALUES (0); INSERT INTO b VALUES (0)');
  const write = async () => {
    for (let value = 1; value <= 200; value += 1) {
      await db.transaction(async (tx) => {
        await tx.execute('UPDATE a SET v = ?', [value]);
        await tx.execute('UPDATE b SET v = ?', [value]);
      });
    }
  };
  const writing = write();
  let last = -1;
  for await (const [a, b] of db.watchAll(['SELECT v FROM a', 'SELECT v FROM b'])) {
    const { v } = a.rows[0];
    assert.equal(v, b.rows[0].v);
    assert.equal(a.moment, b.moment);
    assert.equal(a.reset, last === -1);
    assert.ok(v > last, `${v} came after ${last}`);
    last = v;
    if (v === 200) break;
  }
  await writing;
});

test('each query has its own key and its own form of rows, and rows that stay are the same objects', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const watch = db.watchAll([
    [ITEMS, [], { key: 'id' }],
    [ITEMS],
    ['SELECT id, name FROM items WHERE id < ? ORDER BY id', [3], { key: ['id'], rows: 'array' }],
    COUNT,
  ]);
  const first = await next(watch);
  assert.deepEqual(first.map(({ reset }) => reset), [true, true, true, true]);
  assert.deepEqual(first.map(({ diff }) => diff.added), [[0, 1, 2], [0, 1, 2], [0, 1], [0]]);
  assert.deepEqual(first[0].rows, await db.query(ITEMS));
  assert.deepEqual(first[2].rows, [[1, 'lamp'], [2, 'sofa']]);
  await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
  const second = await next(watch);
  assert.deepEqual(second.map(({ reset }) => reset), [false, false, false, false]);
  assert.deepEqual(second.map(({ diff }) => diff), [
    { added: [], removed: [], updated: [1] },
    { added: [1], removed: [1], updated: [] },
    { added: [], removed: [], updated: [1] },
    { added: [], removed: [], updated: [] },
  ]);
  assert.equal(new Set(second.map(({ moment }) => moment)).size, 1);
  assert.ok(second[0].moment > first[0].moment);
  for (const [query, { rows }] of second.entries()) assert.equal(rows[0], first[query].rows[0], `query ${query}`);
  assert.deepEqual(second[2].rows[1], [2, 'desk']);
  await db.execute('DELETE FROM items WHERE id = 1');
  const third = await next(watch);
  assert.deepEqual(third.map(({ rows }) => rows.length), [2, 2, 1, 1]);
  assert.equal(third[0].rows[0], second[0].rows[1]);
  assert.deepEqual(third[3].rows, [{ n: 2 }]);
});

test('what changes none of the results tells nobody', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const watch = db.watchAll([ITEMS, 'SELECT v FROM kv']);
  await next(watch);
  const waiting = next(watch);
  await db.execute('UPDATE items SET name = name');
  await db.execute("UPDATE items SET status = 'other'");
  // It is of now, so the queries have run since: had one of them been told, that would have come.
  await next(db.watchAll([ITEMS, 'SELECT v FROM kv']));
  await db.execute("UPDATE kv SET v = '2'");
  const [items, kv] = await waiting;
  assert.deepEqual(items.diff, { added: [], removed: [], updated: [] });
  assert.deepEqual(kv.rows, [{ v: '2' }]);
});

test('the columns of each query are known after any number of others', async (t) => {
  // After 512 lists of columns the engine begins anew, which may be between two results of one reply.
  const { db } = await database(t, {}, SCHEMA);
  for (let at = 0; at < 505; at += 1) await db.query(`SELECT ${at} AS c${at}`);
  for (let at = 505; at < 516; at += 1) {
    const watch = db.watchAll([`SELECT id AS a${at} FROM items`, `SELECT v AS b${at} FROM kv`, `SELECT name AS d${at} FROM items`]);
    await next(watch);
    await db.batch(["INSERT INTO items (name) VALUES ('x')", ['UPDATE kv SET v = ?', [`v${at}`]]]);
    const [a, b, d] = await next(watch);
    assert.deepEqual(Object.keys(a.rows.at(-1)), [`a${at}`]);
    assert.deepEqual(b.rows, [{ [`b${at}`]: `v${at}` }]);
    assert.deepEqual(d.rows.at(-1), { [`d${at}`]: 'x' });
    await watch.return();
  }
  assert.deepEqual(await db.query('SELECT 3 AS c3'), [{ c3: 3 }]);
});

test('results that arrive for nobody leave the columns known', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  for (let turn = 0; turn < 50; turn += 1) {
    const queries = [`SELECT id AS i${turn} FROM items WHERE id = 1`, `SELECT name AS n${turn} FROM items WHERE id = 1`];
    const watch = db.watchAll(queries);
    const gone = watch.next();
    // Requested in the same turn as the end, or in a later one.
    for (let wait = 0; wait < turn % 5; wait += 1) await new Promise((later) => setImmediate(later));
    await watch.return();
    assert.deepEqual(await db.query(queries[0]), [{ [`i${turn}`]: 1 }]);
    assert.deepEqual(await db.query(queries[1]), [{ [`n${turn}`]: 'lamp' }]);
    await gone;
  }
});

test('it ends with break, with its signal and when the database closes, and not with a time limit', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  for await (const [items] of db.watchAll([ITEMS])) {
    assert.equal(items.rows.length, 3);
    break;
  }
  const controller = new AbortController();
  const aborted = db.watchAll([ITEMS, COUNT], { signal: controller.signal });
  await next(aborted);
  const waiting = aborted.next();
  controller.abort(new Error('enough'));
  const error = await failure(waiting);
  assert.equal(error.kind, 'Cancelled');
  assert.equal(error.cause.message, 'enough');
  assert.equal((await aborted.next()).done, true);
  const slow = db.watchAll([ITEMS, COUNT], { timeout: 50 });
  await next(slow);
  assert.equal((await failure(slow.next())).kind, 'Timeout');
  await db.execute('DELETE FROM items WHERE id = 3');
  const [items, count] = await next(slow);
  assert.deepEqual([items.diff.removed, count.rows], [[2], [{ n: 2 }]]);
  const { seen, until, stop } = subscribed(db.watchAll([ITEMS, COUNT]), (results) => results.map(({ rows }) => rows.length));
  await until(1);
  await db.execute('DELETE FROM items WHERE id = 2');
  await until(2);
  stop();
  await db.execute('DELETE FROM items');
  await db.query('SELECT 1');
  assert.deepEqual(seen, [[2, 1], [1, 1]]);
  const closed = db.watchAll([ITEMS, COUNT]);
  await next(closed);
  const last = closed.next();
  await db.close();
  assert.equal((await last).done, true);
  assert.equal((await failure(db.watchAll([ITEMS]).next())).kind, 'Closed');
});

test('what is wrong with one of the queries ends all of it, with its index and its SQL', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const refused = async (kind, queries, index = 1) => {
    const given = [queries[index]].flat()[0];
    const sql = typeof given === 'string' ? given : undefined;
    const watch = db.watchAll(queries);
    const error = await failure(watch.next());
    assert.deepEqual([error.kind, error.index, error.sql], [kind, index, sql], error.message);
    assert.equal((await watch.next()).done, true);
  };
  await refused('NoSuchTable', [ITEMS, 'SELECT * FROM gone']);
  await refused('Unsupported', [ITEMS, ['DELETE FROM items']]);
  await refused('InvalidArgument', [ITEMS, 'SELECT ?']);
  await refused('InvalidArgument', [ITEMS, COUNT, [ITEMS, [], { key: 'missing' }]], 2);
  await refused('InvalidArgument', [ITEMS, ['SELECT ?', [() => {}]]]);
  await refused('InvalidArgument', [ITEMS, [ITEMS, [], { rows: 'map' }]]);
  await refused('InvalidArgument', [ITEMS, [ITEMS, [], { timeout: 5 }]]);
  await refused('InvalidArgument', [ITEMS, [ITEMS, [], 5]]);
  await refused('InvalidArgument', [ITEMS, [5]]);
  await refused('InvalidArgument', [ITEMS, null]);
  assert.equal(await db.queryValue(COUNT), 3);
  for (const watch of [db.watchAll([]), db.watchAll(ITEMS), db.watchAll([ITEMS], { key: 'id' }), db.watchAll([ITEMS], { signal: 5 })]) {
    assert.equal((await failure(watch.next())).kind, 'InvalidArgument');
  }
  const dropped = db.watchAll([ITEMS, 'SELECT * FROM kv']);
  await next(dropped);
  await db.execute('DROP TABLE kv');
  assert.equal((await failure(dropped.next())).kind, 'NoSuchTable');
});
