/** Long results, which come in parts while SQLite runs. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, pause, ubiqlite, within } from './support.mjs';

const { CancelledError, TimeoutError } = ubiqlite;

/** An endless query of rows of about 100 bytes. */
const ROWS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i, printf('%060d', i) AS text, i / 2.0 AS half FROM r";

/** Checks that a call that ended in the middle leaves nothing behind. */
async function goesOn(db) {
  await within(2000, db.execute('INSERT INTO t VALUES (1)'), 'the next write');
  const rows = await within(5000, db.query(`${ROWS} LIMIT 20000`), 'the next long query');
  assert.equal(rows.length, 20_000);
  assert.ok(rows.every(({ i, text, half }, index) => i === index + 1 && Number(text) === i && half === i / 2));
}

test('every row of a long result is there once, in its place, wherever it is asked for', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)');
  const words = ['ascii', 'größe', '', null, 2.5, new Uint8Array([1, 2]), 'x'.repeat(300)];
  const value = (a) => words[a % words.length];
  await db.executeMany('INSERT INTO t VALUES (?, ?, ?)', Array.from({ length: 50_000 }, (_, a) => [a, value(a), -a]));
  const right = (rows) => {
    assert.equal(rows.length, 50_000);
    rows.forEach((row, index) => {
      if (row.a !== index || row.c !== -index) assert.fail(`row ${index} is ${JSON.stringify(row)}`);
      if (index < 100) assert.deepEqual(row.b, value(index));
      else if (typeof row.b === 'string') assert.equal(row.b, value(index));
    });
  };
  right(await db.query('SELECT * FROM t'));
  right(await db.table('t').select().orderBy('a').all());
  await db.transaction(async (tx) => right(await tx.query('SELECT * FROM t ORDER BY a')));
  // Several at once share the channel to the engine.
  for (const rows of await Promise.all([1, 2, 3].map(() => db.query('SELECT * FROM t')))) right(rows);
});

test('an error after many rows rejects the query', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  const fails = ROWS.replace('i / 2.0', 'abs(CASE WHEN i = 50000 THEN -9223372036854775807 - 1 ELSE i END)');
  const error = await within(5000, failure(db.query(fails)), 'the query');
  assert.match(error.message, /overflow/);
  await goesOn(db);
});

test('a query that is aborted in its middle rejects at once, and nothing of it stays', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  for (const wait of [5, 40, 120]) {
    const controller = new AbortController();
    const query = failure(db.query(ROWS, [], { signal: controller.signal }));
    await pause(wait);
    controller.abort();
    assert.ok((await within(1000, query, 'the aborted query')) instanceof CancelledError);
    await goesOn(db);
  }
});

test('a time limit that passes in the middle is Timeout, and nothing of the query stays', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  assert.ok((await failure(db.query(ROWS, [], { timeout: 50 }))) instanceof TimeoutError);
  await goesOn(db);
});

test('the process serves others while a long result comes', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  let turns = 0;
  const ticking = setInterval(() => (turns += 1), 1);
  await db.query(`${ROWS} LIMIT 300000`);
  clearInterval(ticking);
  console.log(`    ${turns} turns of a timer while 300,000 rows came`);
  // A query that blocks leaves the timer one turn at most, after it. A busy machine leaves it few.
  assert.ok(turns > 1, `${turns}`);
});

test('closing in the middle of a long result waits for it', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  const query = db.query(`${ROWS} LIMIT 100000`);
  await pause(10);
  const [rows] = await Promise.all([query, db.close()]);
  assert.equal(rows.length, 100_000);
});
