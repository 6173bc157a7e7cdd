/** What a statement returns: rows as objects or as lists, and everything that `run` reports. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { ENGINE, PACKAGE, database, failure, ubiqlite } from './support.mjs';

const LIST = { rows: 'array' };
const TWICE = 'SELECT 2 AS "2", 1 AS "1", 3 AS a, 4 AS a';

test('rows as lists have their values in the order of the columns, whatever these are called', async (t) => {
  const { db } = await database(t);
  assert.deepEqual(await db.query(TWICE, [], LIST), [[2, 1, 3, 4]]);
  assert.deepEqual(await db.queryOne(TWICE, undefined, LIST), [2, 1, 3, 4]);
  assert.deepEqual(await db.queryOptional(TWICE, [], LIST), [2, 1, 3, 4]);
  assert.equal(await db.queryOptional('SELECT 1 WHERE 0', [], LIST), undefined);
  assert.deepEqual(await db.stream(TWICE, [], LIST).toArray(), [[2, 1, 3, 4]]);
  assert.deepEqual(await db.query(TWICE, [], { rows: 'object' }), [{ 1: 1, 2: 2, a: 3, 'a:2': 4 }]);
});

test('lists come from everything that runs queries, in many pages, and with BigInt where that is asked for', async (t) => {
  const { db } = await database(t, { bigint: true });
  const many = 'SELECT value, value || \'ü\' FROM generate_series(1, 5000)'.replace('generate_series(1, 5000)',
    '(WITH RECURSIVE r(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM r LIMIT 5000) SELECT value FROM r)');
  const expected = Array.from({ length: 5000 }, (_, index) => [BigInt(index + 1), `${index + 1}ü`]);
  assert.deepEqual(await db.query(many, [], LIST), expected);
  assert.deepEqual(await db.stream(many, [], LIST).toArray(), expected);
  const found = [];
  for await (const [value] of db.stream(many, [], LIST)) found.push(value);
  assert.deepEqual(found, expected.map(([value]) => value));
  const snapshot = await db.snapshot();
  const session = await db.acquire();
  for (const place of [snapshot, session]) assert.deepEqual(await place.query('SELECT 1, 2', [], LIST), [[1n, 2n]]);
  await db.transaction(async (tx) => {
    assert.deepEqual(await tx.query('SELECT 1, 2', [], LIST), [[1n, 2n]]);
    await tx.savepoint(async (sp) => assert.deepEqual(await sp.query('SELECT 1, 2', [], LIST), [[1n, 2n]]));
  });
  snapshot.close();
  session.release();
});

test('a table gives lists too', async (t) => {
  const { db } = await database(t, {}, "CREATE TABLE t(b INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 'x'), (2, 'y')");
  const table = db.table('t');
  assert.deepEqual(await table.select().orderBy('b', 'desc').all(LIST), [[2, 'y'], [1, 'x']]);
  assert.deepEqual(await table.select().where('b', 2).first(LIST), [2, 'y']);
  assert.deepEqual(await table.select().stream(LIST).toArray(), [[1, 'x'], [2, 'y']]);
  assert.deepEqual(await table.stream(LIST).toArray(), [[1, 'x'], [2, 'y']]);
  assert.deepEqual(await table.select().all({ rows: 'object' }), [{ b: 1, a: 'x' }, { b: 2, a: 'y' }]);
});

test('what no row can be is refused, and nothing runs', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  for (const rows of ['list', 'arrays', true, null, 7, {}]) {
    for (const begin of [
      () => db.query('INSERT INTO t VALUES (1) RETURNING a', [], { rows }), () => db.run('INSERT INTO t VALUES (1)', [], { rows }),
      () => db.queryOne('SELECT 1', [], { rows }), () => db.stream('SELECT 1', [], { rows }).next(),
      () => db.table('t').select().all({ rows }), () => db.table('t').select().first({ rows }), () => db.table('t').stream({ rows }).next(),
    ]) {
      const error = await failure(begin());
      assert.ok(error instanceof ubiqlite.InvalidArgumentError && error.message.includes("'array'"), `${error}`);
    }
  }
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 0);
});

test('run tells columns with their declared types, rows, rows changed and the last rowid', async (t) => {
  const { db } = await database(t);
  const none = { columns: [], rows: [], rowsChanged: 0, lastRowId: 0 };
  assert.deepEqual(await db.run('CREATE TABLE items(id INTEGER PRIMARY KEY, name VARCHAR(10), x)'), none);
  assert.deepEqual(await db.run('INSERT INTO items(name) VALUES (?), (:b)', ['lamp', 'chair']), { ...none, rowsChanged: 2, lastRowId: 2 });
  assert.deepEqual(await db.run('INSERT INTO items(name) VALUES (:n) RETURNING id, upper(name) AS loud', { n: 'bed' }), {
    columns: [{ name: 'id', declaredType: 'INTEGER' }, { name: 'loud', declaredType: null }],
    rows: [{ id: 3, loud: 'BED' }], rowsChanged: 1, lastRowId: 3,
  });
  assert.deepEqual(await db.run('SELECT name, x FROM items WHERE 0'), {
    ...none, columns: [{ name: 'name', declaredType: 'VARCHAR(10)' }, { name: 'x', declaredType: null }],
  });
  assert.deepEqual((await db.run('SELECT id, id FROM items ORDER BY id LIMIT 1', [], LIST)).rows, [[1, 1]]);
  assert.deepEqual((await db.run('SELECT id, id FROM items')).columns.map(({ name }) => name), ['id', 'id:2']);
  assert.equal((await db.run('SELECT * FROM items')).rows.length, 3);
  assert.equal((await failure(db.run('SELEC'))).kind, 'Syntax');
});

test('run is there on everything that runs statements', async (t) => {
  const { db } = await database(t, { bigint: true }, 'CREATE TABLE t(a INTEGER PRIMARY KEY)');
  const insert = 'INSERT INTO t DEFAULT VALUES RETURNING a';
  const session = await db.acquire();
  assert.deepEqual((await session.run(insert)).rows, [{ a: 1n }]);
  session.release();
  await db.transaction(async (tx) => {
    assert.equal((await tx.run(insert)).lastRowId, 2n);
    await tx.savepoint(async (sp) => assert.equal((await sp.run(insert)).rowsChanged, 1));
  });
  const snapshot = await db.snapshot();
  assert.deepEqual((await snapshot.run('SELECT a FROM t', [], LIST)).rows, [[1n], [2n], [3n]]);
  assert.equal((await failure(snapshot.run(insert))).kind, 'ReadOnly');
  snapshot.close();
});

test('columns that run was the first to be told are known to whom asks after it', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a, b)');
  await db.execute('INSERT INTO t VALUES (1, 2)');
  const controller = new AbortController();
  // Cancelled, so that nobody reads the reply that contains the names; a call that ended before is as good.
  const ended = db.run('SELECT b, a FROM t', [], { signal: controller.signal }).then(() => {}, () => {});
  await db.queryValue('SELECT 1');
  controller.abort();
  await ended;
  for (let time = 0; time < 3; time += 1) {
    assert.deepEqual((await db.run('SELECT b, a FROM t')).rows, [{ b: 2, a: 1 }]);
    assert.deepEqual(await db.query('SELECT b, a FROM t'), [{ b: 2, a: 1 }]);
  }
  // More statements than the engine remembers having sent the names of.
  for (let index = 0; index < 600; index += 1) {
    const name = `c${index % 300}`;
    assert.deepEqual((await db.run(`SELECT a AS ${name} FROM t`)).rows, [{ [name]: 1 }]);
  }
});

/** Names that would end a string, a line or a program, or that mean something in JavaScript. */
const HOSTILE = ['"', '\\', "'", '`', '${x}', '\u2028', '\n', '*/', '//', '},x:{', 'constructor', 'toString', '0', '-1', 'ü', '🙂', 'get x', '...x', '[x]'];
const named = (names, rows) =>
  `WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT ${rows}) SELECT ${names.map((name, index) => `i + ${index} AS "${name.replaceAll('"', '""')}"`).join()} FROM r`;

test('many rows are objects like few, whatever their columns are called', async (t) => {
  const { db } = await database(t);
  const wide = Array.from({ length: 300 }, (_, index) => `c${index}`);
  for (const names of [HOSTILE, [...HOSTILE, '__proto__'], wide]) {
    const expected = (row) => Object.fromEntries(names.map((name, index) => [name, row + 1 + index]));
    for (const rows of [3, 3000, 3000]) {
      const found = await db.query(named(names, rows));
      assert.equal(found.length, rows);
      for (const row of [0, 1, rows - 1]) {
        assert.deepEqual(found[row], expected(row));
        assert.deepEqual(Object.keys(found[row]), Object.keys(found[0]));
        assert.equal(Object.getPrototypeOf(found[row]), Object.prototype);
      }
    }
  }
});

test('where no program may be made of strings, many rows are the same objects', async () => {
  const script = `
    const { open } = await import(process.argv[1]);
    const db = await open(':memory:', { engine: process.argv[2] });
    const rows = await db.query(${JSON.stringify(named(['a', 'b'], 3000))});
    console.log(rows.length, JSON.stringify(rows[2999]));
    await db.close();`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--disallow-code-generation-from-strings', '--input-type=module', '-e', script, pathToFileURL(PACKAGE).href, ENGINE]);
  assert.equal(stdout.trim(), '3000 {"a":3000,"b":3001}');
});
