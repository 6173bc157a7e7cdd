/** JavaScript's own values, where they differ from those of other languages. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, ubiqlite } from './support.mjs';

const MOST = 2n ** 63n - 1n;
const LEAST = -(2n ** 63n);

test('integers come as numbers where that is exact, else as BigInt', async (t) => {
  const { db } = await database(t);
  for (const [sent, got] of [
    [MOST, MOST], [LEAST, LEAST], [0n, 0], [-1n, -1], [2n ** 53n, 2n ** 53n], [-(2n ** 53n), -(2n ** 53n)],
    [2n ** 53n - 1n, Number.MAX_SAFE_INTEGER], [Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER], [42, 42],
  ]) {
    assert.equal(await db.queryValue('SELECT ?', [sent]), got);
    assert.equal(await db.queryValue('SELECT typeof(?)', [sent]), 'integer', `${sent}`);
  }
});

test('a BigInt beyond 64 bits is refused, wherever it stands', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(id INTEGER PRIMARY KEY, a)');
  for (const value of [MOST + 1n, LEAST - 1n, 2n ** 200n]) {
    for (const call of [
      db.queryValue('SELECT ?', [value]), db.query('SELECT :a', { a: value }), db.table('t').insert({ a: value }),
      db.table('t').get(value), db.executeMany('INSERT INTO t(a) VALUES (?)', [[1], [value]]),
      db.table('t').select().where('a', value).all(),
    ]) {
      const error = await failure(call);
      assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${error}`);
    }
  }
  assert.equal(await db.table('t').count(), 0);
});

test('with the option every integer is a BigInt', async (t) => {
  const { db } = await database(t, { bigint: true }, 'CREATE TABLE t(id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 2.0)');
  assert.deepEqual(await db.query('SELECT id, a, 1.5 AS r FROM t'), [{ id: 1n, a: 2, r: 1.5 }]);
  assert.equal(await db.table('t').insert({ a: 1 }), 2n);
  assert.equal((await db.execute('INSERT INTO t(a) VALUES (1)')).lastRowId, 3n);
  for await (const row of db.stream('SELECT 7 AS a')) assert.deepEqual(row, { a: 7n });
  const snapshot = await db.snapshot();
  assert.equal(await snapshot.queryValue('SELECT 1'), 1n);
  await snapshot.close();
  assert.equal(await db.transaction((tx) => tx.queryValue('SELECT 1')), 1n);
});

const NO_VALUES = { undefined, 'a function': () => 1, 'a symbol': Symbol('s'), 'an invalid date': new Date(Number.NaN) };
for (const [what, value] of Object.entries(NO_VALUES)) {
  test(`${what} is no value, wherever it stands`, async (t) => {
    const { db } = await database(t, {}, 'CREATE TABLE t(id INTEGER PRIMARY KEY, a)');
    const table = db.table('t');
    await table.insert({ a: 1 });
    const calls = {
      execute: () => db.execute('INSERT INTO t(a) VALUES (?)', [value]),
      'by name': () => db.execute('INSERT INTO t(a) VALUES (:a)', { a: value }),
      query: () => db.query('SELECT ?', [value]),
      stream: () => db.stream('SELECT ?', [value]).next(),
      executeMany: () => db.executeMany('INSERT INTO t(a) VALUES (?)', [[1], [value]]),
      batch: () => db.batch([['INSERT INTO t(a) VALUES (?)', [value]]]),
      insert: () => table.insert({ a: value }),
      upsert: () => table.upsert({ a: value }),
      insertMany: () => table.insertMany([{ a: 1 }, { a: value }]),
      get: () => table.get(value),
      update: () => table.update(1, { a: value }),
      updateMany: () => table.updateMany([1], { a: value }),
      delete: () => table.delete(value),
      where: () => table.select().where('a', value).all(),
      whereIn: () => table.select().whereIn('a', [1, value]).all(),
      transfer: () => table.transfer('a', [{ from: 1, to: 1, amount: value }]),
      'in a transaction': () => db.transaction((tx) => tx.execute('INSERT INTO t(a) VALUES (?)', [value])),
    };
    for (const [name, begin] of Object.entries(calls)) {
      const error = await failure(Promise.resolve().then(begin));
      assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${name}: ${error}`);
    }
    assert.equal(await table.count(), 1);
    assert.equal(await db.queryValue('SELECT 1'), 1, 'the database goes on');
  });
}

test('what stands for no SQL text is refused as an argument, not by a crash', async (t) => {
  const { db } = await database(t);
  for (const sql of [undefined, null, 7, {}, ['SELECT 1']]) {
    const error = await failure(Promise.resolve().then(() => db.query(sql)));
    assert.ok(error instanceof ubiqlite.InvalidArgumentError || error instanceof TypeError, `${String(sql)}: ${error}`);
  }
  assert.equal(await db.queryValue('SELECT 1'), 1);
});

test('bytes are taken of every view as they are, and given as a Uint8Array of their own', async (t) => {
  const { db } = await database(t);
  const whole = Uint8Array.from([9, 1, 2, 3, 9]);
  assert.deepEqual(await db.queryValue('SELECT ?', [whole.subarray(1, 4)]), Uint8Array.from([1, 2, 3]));
  assert.deepEqual(await db.queryValue('SELECT ?', [Buffer.from([1, 2])]), Uint8Array.from([1, 2]));
  assert.deepEqual(whole, Uint8Array.from([9, 1, 2, 3, 9]), 'what was given is still its owner’s');
  const [one, two] = await db.query("SELECT x'0102' AS b UNION ALL SELECT x'0304'");
  one.b[0] = 0xff;
  one.b.fill(0xff);
  assert.deepEqual(two.b, Uint8Array.from([3, 4]), 'one value is not the memory of another');
});

test('a column may be named like a property of every object', async (t) => {
  const { db } = await database(t, {}, `
    CREATE TABLE "__proto__"("__proto__" TEXT, constructor TEXT, "toString" TEXT, "hasOwnProperty" TEXT, "then" TEXT, id INTEGER PRIMARY KEY)`);
  const table = db.table('__proto__');
  const record = JSON.parse('{"__proto__": "a", "constructor": "b", "toString": "c", "hasOwnProperty": "d", "then": "e"}');
  assert.equal(await table.insert(record), 1);
  const row = await table.get(1);
  assert.deepEqual(Object.entries(row), [
    ['__proto__', 'a'], ['constructor', 'b'], ['toString', 'c'], ['hasOwnProperty', 'd'], ['then', 'e'], ['id', 1],
  ]);
  assert.equal(Object.getPrototypeOf(row), Object.prototype);
  assert.equal({}.a, undefined, 'no prototype was touched');
  const named = JSON.parse('{"__proto__": 7}');
  assert.equal(await db.queryValue('SELECT :__proto__', named), 7);
  const [other] = await db.query('SELECT 1 AS a, 2 AS "__proto__", 3 AS b');
  assert.deepEqual(Object.entries(other), [['a', 1], ['__proto__', 2], ['b', 3]]);
});

test('rows of many thousand columns come whole', async (t) => {
  const { db } = await database(t);
  const columns = Array.from({ length: 2000 }, (_, index) => `${index} AS c${index}`).join(', ');
  const row = await db.queryOne(`SELECT ${columns}`);
  assert.equal(Object.keys(row).length, 2000);
  assert.equal(row.c1999, 1999);
});

test('texts of every width come whole in one page', async (t) => {
  const { db } = await database(t);
  const texts = ['', 'ascii', 'größe', '数据', '𝄞𝄞', 'a\u0000b', '\ufeffbom', 'x'.repeat(70_000), 'ü'.repeat(70_000)];
  const rows = await db.query('SELECT value AS a, 7 AS n FROM json_each(?)', [texts]);
  assert.deepEqual(rows, texts.map((a) => ({ a, n: 7 })));
});
