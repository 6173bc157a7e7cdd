/** When db0's statements run on the database, when on one connection, and when that is given back. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { createDatabase } from 'db0';

import { LIMIT, database, failure, folder, only, open, within } from './support.mjs';

const { default: ubiqlite } = await import('ubiqlite/db0');

/** Returns a database of db0's on a new one of ours with a table, and that. */
async function numbers(t, options = {}) {
  const client = await database(t, options);
  await client.execute('CREATE TABLE t (x INTEGER UNIQUE)');
  return { client, db: createDatabase(ubiqlite({ database: client })) };
}

const insert = (db, x) => db.prepare('INSERT INTO t VALUES (?)').run(x);

const xs = (client) => client.query('SELECT x FROM t ORDER BY x', [], { rows: 'array' }).then((rows) => rows.flat());

/** The option with which a database has one session only: whoever keeps it keeps others from it. */
const ONE = { sessions: 1 };

/** Checks that the only session is free. */
async function isGivenBack(client) {
  (await client.acquire({ timeout: 5000 })).release();
}

test('what others ask while a COMMIT runs is done', async (t) => {
  const { client, db } = await numbers(t);
  for (let round = 0; round < 30; round += 1) {
    await db.exec('BEGIN');
    await insert(db, round * 10);
    const calls = [db.exec('COMMIT'), ...[1, 2, 3].map((it) => insert(db, round * 10 + it))];
    // Some after it has ended, while those are still in progress.
    await calls[0];
    calls.push(insert(db, round * 10 + 4));
    await Promise.all(calls);
  }
  assert.deepEqual(await xs(client), Array.from({ length: 30 }, (_, round) => [0, 1, 2, 3, 4].map((it) => round * 10 + it)).flat());
});

test('a BEGIN asked while the COMMIT or ROLLBACK before it runs begins a transaction', async (t) => {
  const { client, db } = await numbers(t);
  for (const [at, end] of ['COMMIT', 'ROLLBACK', 'COMMIT'].entries()) {
    await db.exec('BEGIN');
    const ended = db.exec(end);
    await Promise.all([ended, db.exec('BEGIN'), insert(db, at)]);
    assert.deepEqual(await xs(client), []);
    await db.exec('ROLLBACK');
    assert.deepEqual(await xs(client), []);
  }
});

test('statements asked with their BEGIN are part of its transaction', async (t) => {
  const { client, db } = await numbers(t);
  const calls = [db.exec('BEGIN'), insert(db, 1), db.exec('ROLLBACK')];
  await Promise.all(calls);
  assert.deepEqual(await xs(client), []);
});

test('the connection is given back at the end of a transaction, and after a BEGIN that fails', async (t) => {
  const { client, db } = await numbers(t, { ...ONE, busyTimeout: 20 });
  await db.exec('BEGIN');
  await Promise.all([db.exec('COMMIT'), insert(db, 1)]);
  await isGivenBack(client);
  await db.exec('BEGIN');
  await db.exec('ROLLBACK');
  await isGivenBack(client);
  await db.exec('BEGIN');
  assert.ok(await failure(db.exec('BEGIN')), 'there is one already');
  await insert(db, 2);
  await db.exec('COMMIT');
  await isGivenBack(client);
  for (const sql of ['BEGIN NONSENSE', 'COMMIT', 'ROLLBACK', 'END', 'RELEASE s', 'ROLLBACK TO s', 'COMMIT; SELECT 1']) {
    const error = await failure(db.exec(sql));
    assert.doesNotMatch(error.message, /transaction\(\)|savepoint\(\)|acquire\(\)/, `${sql}: db0 has no such method`);
    await isGivenBack(client);
  }
  assert.deepEqual(await xs(client), [1, 2]);
});

test('a ROLLBACK TO that fails leaves the transaction', async (t) => {
  const { client, db } = await numbers(t);
  for (const sql of ['ROLLBACK TO none', 'ROLLBACK TRANSACTION TO SAVEPOINT none', '-- back\nROLLBACK /* all? */ TO "none"']) {
    await db.exec('BEGIN');
    await insert(db, 1);
    assert.ok(await failure(db.exec(sql)), sql);
    await insert(db, 2);
    assert.deepEqual(await xs(client), [], sql);
    await db.exec('ROLLBACK');
    assert.deepEqual(await xs(client), [], sql);
  }
});

test('comments, semicolons and blanks around the begin and the end of a transaction', async (t) => {
  const { client, db } = await numbers(t, ONE);
  const begins = ['/* a; b */ BEGIN', '-- first;\n  BEGIN IMMEDIATE -- now', '\n;BEGIN;;', 'begin /* ; */ transaction; -- done;', '/* ** / */BEGIN', '/**/BEGIN'];
  const ends = ['/* a */ ROLLBACK', '-- last\nROLLBACK;', ';; rollback', 'ROLLBACK /* TO s */', '/*;*/rollback transaction;', 'ROLLBACK -- TO s'];
  for (const [at, begin] of begins.entries()) {
    await db.exec(begin);
    await insert(db, at);
    assert.deepEqual(await xs(client), [], begin);
    await db.prepare(ends[at]).run();
    await isGivenBack(client);
    assert.deepEqual(await xs(client), [], ends[at]);
  }
});

test('a savepoint outside of a transaction begins one, which its release ends', async (t) => {
  const { client, db } = await numbers(t, ONE);
  await db.exec('SAVEPOINT s');
  await insert(db, 1);
  assert.deepEqual(await xs(client), []);
  await db.exec('ROLLBACK TO s');
  await insert(db, 2);
  await db.exec('RELEASE s');
  await isGivenBack(client);
  assert.deepEqual(await xs(client), [2]);
  // Names may be there twice, and are compared without case.
  for (const sql of ['SAVEPOINT a', 'SAVEPOINT "A"', 'SAVEPOINT b', 'RELEASE SAVEPOINT a']) await db.exec(sql);
  await insert(db, 3);
  assert.deepEqual(await xs(client), [2]);
  await db.exec('/* last */ release savepoint [A];');
  await isGivenBack(client);
  assert.deepEqual(await xs(client), [2, 3]);
  // One inside of a transaction ends nothing else; nor does one whose name is unusual.
  for (const begin of ['BEGIN', "SAVEPOINT 'an é'"]) {
    for (const sql of [begin, 'SAVEPOINT s', 'INSERT INTO t VALUES (4)', 'RELEASE s']) await db.exec(sql);
    assert.deepEqual(await xs(client), [2, 3]);
    await db.exec('ROLLBACK');
    await isGivenBack(client);
  }
  await db.exec('SAVEPOINT "an é"');
  await insert(db, 4);
  await db.exec('RELEASE "an é"');
  assert.deepEqual(await xs(client), [2, 3, 4]);
  await insert(db, 5);
  assert.deepEqual(await xs(client), [2, 3, 4, 5]);
  await db.dispose();
});

test('a savepoint asked while a COMMIT runs begins a transaction', async (t) => {
  const { client, db } = await numbers(t);
  await db.exec('BEGIN');
  await Promise.all([db.exec('COMMIT'), db.exec('SAVEPOINT s')]);
  await insert(db, 1);
  assert.deepEqual(await xs(client), []);
  await db.exec('RELEASE s');
  assert.deepEqual(await xs(client), [1]);
});

test('what a script sets on the connection stays, and its temporary tables', async (t) => {
  const scripts = {
    'PRAGMA foreign_keys = OFF; SELECT 1': ['PRAGMA foreign_keys', { foreign_keys: 0 }],
    'SELECT 1; /* a; */ pragma foreign_keys = off;': ['PRAGMA foreign_keys', { foreign_keys: 0 }],
    'CREATE TEMP TABLE q (x); INSERT INTO q VALUES (1)': ['SELECT x FROM q', { x: 1 }],
    "-- a;\nCREATE TABLE u (x); CREATE TEMPORARY VIEW q AS SELECT ';' AS x": ['SELECT x FROM q', { x: ';' }],
    'CREATE TABLE temp.q (x); INSERT INTO q VALUES (2)': ['SELECT x FROM q', { x: 2 }],
    'CREATE TABLE "temp" . q (x); INSERT INTO q VALUES (3)': ['SELECT x FROM q', { x: 3 }],
    "ATTACH ':memory:' AS other; CREATE TABLE other.q (x); INSERT INTO q VALUES (4)": ['SELECT x FROM other.q', { x: 4 }],
  };
  for (const [script, [sql, row]] of Object.entries(scripts)) {
    const { db } = await numbers(t);
    await db.exec(script);
    assert.deepEqual(await db.prepare(sql).get(), row, script);
    await db.dispose();
  }
});

test('a script may begin a transaction; one that ends its own needs no connection', async (t) => {
  const { client, db } = await numbers(t, ONE);
  await db.exec('BEGIN; INSERT INTO t VALUES (1)');
  await insert(db, 2);
  assert.deepEqual(await xs(client), []);
  assert.ok(await failure(db.exec('INSERT INTO t VALUES (3); COMMIT')), 'it would not be all or nothing');
  assert.deepEqual(await xs(client), []);
  await db.exec('INSERT INTO t VALUES (3); SELECT 1');
  await db.exec('COMMIT');
  assert.deepEqual(await xs(client), [1, 2, 3]);
  await isGivenBack(client);
  assert.ok(await failure(db.exec('BEGIN; INSERT INTO t VALUES (4); INSERT INTO t VALUES (1)')));
  await isGivenBack(client);
  const alone = await client.acquire();
  await db.exec('BEGIN; INSERT INTO t VALUES (5); COMMIT');
  await db.exec('SAVEPOINT s; INSERT INTO t VALUES (7); ROLLBACK TO s; RELEASE s');
  await db.exec("CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET x = x + 10 WHERE x = 6; SELECT CASE 1 WHEN 1 THEN 2 END; END; INSERT INTO t VALUES (6)");
  alone.release();
  assert.deepEqual(await xs(client), [1, 2, 3, 5, 16]);
  // The END of a trigger ends no transaction.
  await db.exec('BEGIN');
  await db.exec('DROP TRIGGER g; CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT 1; END;');
  await db.exec('DELETE FROM t');
  assert.equal((await xs(client)).length, 5);
  await db.exec('ROLLBACK');
  assert.equal((await xs(client)).length, 5);
});

test('on a database with big integers, results are what db0 documents', async (t) => {
  const { db } = await numbers(t, { bigint: true });
  assert.deepEqual(await insert(db, 2n ** 60n), { success: true, changes: 1, lastInsertRowid: 1n });
  assert.deepEqual(await db.prepare('SELECT x FROM t').all(), [{ x: 2n ** 60n }]);
});

/** A statement whose compilation recurses deeper than any stack. */
const POISON = (() => {
  const names = Array.from({ length: 5000 }, (_, i) => `c${i}(a) AS (SELECT a FROM ${i === 0 ? '(SELECT 1 AS a)' : `c${i - 1}`})`);
  return `WITH ${names.join(', ')} SELECT a FROM c4999`;
})();

test('after the loss of its engine the connection is replaced, but no transaction goes on without its begin', { skip: only('wasm', 'the other one runs it') }, async (t) => {
  const { client, db } = await numbers(t);
  const lose = () => within(LIMIT, failure(client.query(POISON)), 'the call that breaks the engine');
  await db.exec('PRAGMA foreign_keys = OFF');
  await lose();
  assert.equal((await failure(db.exec('SELECT 1'))).kind, 'Cancelled', 'its settings are gone');
  await insert(db, 1);
  assert.deepEqual(await db.prepare('PRAGMA foreign_keys').get(), { foreign_keys: 1 });
  for (const end of ['COMMIT', 'ROLLBACK']) {
    await db.exec('BEGIN');
    await insert(db, 2);
    await lose();
    for (let time = 0; time < 2; time += 1) assert.equal((await failure(insert(db, 3))).kind, 'Cancelled');
    assert.equal((await failure(db.exec(end))).kind, 'Cancelled');
    assert.deepEqual((await db.sql`SELECT x FROM t`).rows, [{ x: 1 }]);
  }
  await db.exec('BEGIN');
  await insert(db, 4);
  await db.exec('COMMIT');
  assert.deepEqual(await xs(client), [1, 4]);
});

test('dispose() closes the database though no connection was to be had', async (t) => {
  const path = join(folder(t), 'app.db');
  let client;
  const db = createDatabase(ubiqlite({ database: async () => (client = await open(path, { ...ONE, acquireTimeout: 50 })) }));
  await db.exec('CREATE TABLE t (x)');
  const other = await client.acquire();
  const begun = failure(db.exec('BEGIN')).finally(() => other.release());
  await within(LIMIT, db.dispose(), 'dispose');
  assert.ok(await begun);
  assert.equal((await failure(client.query('SELECT 1'))).kind, 'Closed');
});
