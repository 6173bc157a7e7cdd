/** Streams of rows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDLESS, database, failure, pause, ubiqlite, within } from './support.mjs';

const NUMBERS = ENDLESS.replace('count(*)', "i, 'number ' || i AS t");
const TABLE = 'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3)';

test('leaving the loop ends an endless query', async (t) => {
  const { db } = await database(t, { readers: 1, acquireTimeout: 1000 }, TABLE);
  for (let count = 0; count < 20; count += 1) {
    let rows = 0;
    for await (const row of db.stream(NUMBERS)) {
      rows += 1;
      assert.equal(row.i, rows);
      if (rows === 10) break;
    }
  }
  const since = performance.now();
  await within(2000, db.batch('DROP TABLE t'), 'a write after it');
  console.log(`    the next write: ${(performance.now() - since).toFixed(1)} ms`);
});

test('an error thrown in the loop ends the query, and comes out', async (t) => {
  const { db } = await database(t, {}, TABLE);
  const mine = new Error('mine');
  const error = await failure((async () => {
    for await (const _ of db.stream(NUMBERS)) throw mine;
  })());
  assert.equal(error, mine);
  await within(2000, db.batch('DROP TABLE t'), 'a write after it');
});

test('a stream that is aborted rejects, and the query ends', async (t) => {
  const { db } = await database(t, {}, TABLE);
  const controller = new AbortController();
  const rows = db.stream(NUMBERS, [], { signal: controller.signal });
  assert.equal((await rows.next()).value.i, 1);
  controller.abort();
  const error = await failure((async () => {
    for await (const _ of rows);
  })());
  assert.ok(error instanceof ubiqlite.CancelledError, `${error}`);
  await within(2000, db.batch('DROP TABLE t'), 'a write after it');
});

test('a consumer that is slow makes nothing grow', async (t) => {
  const { db } = await database(t);
  const rows = db.stream(NUMBERS);
  await rows.next();
  await pause(100);
  const before = process.memoryUsage();
  await pause(700);
  const after = process.memoryUsage();
  await rows.return();
  const grown = (after.rss - before.rss) / 2 ** 20;
  console.log(`    grown by ${grown.toFixed(1)} MiB in 0.7 s`);
  assert.ok(grown < 32, `${grown} MiB`);
});

test('a million rows stream with bounded memory', async (t) => {
  const { db } = await database(t);
  const before = process.memoryUsage.rss();
  let [rows, peak] = [0, 0];
  const since = performance.now();
  for await (const row of db.stream(`${NUMBERS} LIMIT 1000000`)) {
    rows += 1;
    if (rows % 50_000 === 0) peak = Math.max(peak, process.memoryUsage.rss());
    assert.equal(row.i, rows);
  }
  const grown = (peak - before) / 2 ** 20;
  console.log(`    ${rows} rows, ${((performance.now() - since) * 1000 / rows).toFixed(2)} µs a row, at most ${grown.toFixed(0)} MiB more`);
  assert.equal(rows, 1_000_000);
  assert.ok(grown < 150, `${grown} MiB`);
});

test('rows are asked for in order, however many calls of next are under way', async (t) => {
  const { db } = await database(t, {}, TABLE);
  const rows = db.stream('SELECT a FROM t ORDER BY a');
  const seen = await Promise.all(Array.from({ length: 5 }, () => rows.next()));
  assert.deepEqual(seen.map(({ done, value }) => (done ? 'done' : value.a)), [1, 2, 3, 'done', 'done']);
});

test('a stream that was returned is done, and returning again is no error', async (t) => {
  const { db } = await database(t, {}, TABLE);
  const rows = db.stream('SELECT a FROM t');
  await rows.next();
  await rows.return();
  await rows.return();
  assert.equal((await rows.next()).done, true);
  const never = db.stream('SELECT a FROM t');
  await never.return();
  assert.equal((await never.next()).done, true);
  await rows[Symbol.asyncDispose]();
});

test('an error ends a stream, and is told once', async (t) => {
  const { db } = await database(t);
  const rows = db.stream('nonsense');
  assert.equal((await failure(rows.next())).kind, 'Syntax');
  assert.equal((await rows.next()).done, true);
});

test('toArray gives all rows, and what is left of a stream that was begun', async (t) => {
  const { db } = await database(t, {}, TABLE);
  assert.deepEqual(await db.stream('SELECT a FROM t ORDER BY a').toArray(), [{ a: 1 }, { a: 2 }, { a: 3 }]);
  const rows = db.table('t').stream();
  await rows.next();
  assert.equal((await rows.toArray()).length, 2);
});

test('rows can be sent while they are read: an async source for insertMany', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a); CREATE TABLE copy(a)');
  await db.executeMany('INSERT INTO t VALUES (?)', Array.from({ length: 20_000 }, (_, index) => [index]));
  async function* doubled() {
    for await (const { a } of db.stream('SELECT a FROM t ORDER BY a')) yield { a: a * 2 };
  }
  assert.equal(await db.table('copy').insertMany(doubled()), 20_000);
  assert.equal(await db.queryValue('SELECT sum(a) FROM copy'), 20_000 * 19_999);
});

test('a source that fails in the middle leaves nothing, and its error comes out', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  const mine = new Error('no more');
  async function* failing() {
    for (let count = 0; count < 5000; count += 1) yield { a: count };
    throw mine;
  }
  assert.equal(await failure(db.table('t').insertMany(failing())), mine);
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 0);
  await db.execute('INSERT INTO t VALUES (1)');
});

test('a source is taken as fast as it is used, and closed when the call fails', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a UNIQUE)');
  let [taken, closed] = [0, false];
  function* endless() {
    try {
      for (;;) {
        taken += 1;
        yield [taken === 1000 ? 1 : taken];
      }
    } finally {
      closed = true;
    }
  }
  const error = await failure(within(10_000, db.executeMany('INSERT INTO t VALUES (?)', endless()), 'the refused row'));
  assert.equal(error.kind, 'UniqueViolation');
  assert.equal(error.index, 999);
  assert.equal(closed, true);
  console.log(`    ${taken} rows taken of an endless source whose 1000th row is wrong`);
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 0);
});
