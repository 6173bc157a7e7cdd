/** What an error says about its cause: the line that made the call, and its SQL. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';

import { ENDLESS, PACKAGE, database, folder, ubiqlite } from './support.mjs';

const HERE = import.meta.url;

/** Returns the line of the awaiting function, whose call is on the same line as `here()`. */
const here = () => Number(/:(\d+):\d+\)?$/.exec(new Error().stack.split('\n')[2])[1]);

/** Each awaits a failing call, as a program does, and returns the error and the line of the `await`. */
const CALLS = {
  query: async (db) => { try { await db.query('SELEC 1'); } catch (error) { return [error, here()]; } },
  queryOne: async (db) => { try { await db.queryOne('SELECT 1 WHERE 0'); } catch (error) { return [error, here()]; } },
  queryValue: async (db) => { try { await db.queryValue('SELECT nope'); } catch (error) { return [error, here()]; } },
  run: async (db) => { try { await db.run('SELECT nope'); } catch (error) { return [error, here()]; } },
  execute: async (db) => { try { await db.execute('INSERT INTO t VALUES (1)'); } catch (error) { return [error, here()]; } },
  executeMany: async (db) => { try { await db.executeMany('INSERT INTO t VALUES (?)', [[2], [1]]); } catch (error) { return [error, here()]; } },
  batch: async (db) => { try { await db.batch(['SELECT 1', 'INSERT INTO t VALUES (1)']); } catch (error) { return [error, here()]; } },
  stream: async (db) => { try { for await (const row of db.stream('SELECT nope')) void row; } catch (error) { return [error, here()]; } },
  toArray: async (db) => { try { await db.stream('SELECT nope').toArray(); } catch (error) { return [error, here()]; } },
  insert: async (db) => { try { await db.table('t').insert({ a: 1 }); } catch (error) { return [error, here()]; } },
  insertMany: async (db) => { try { await db.table('t').insertMany([{ a: 1 }]); } catch (error) { return [error, here()]; } },
  all: async (db) => { try { await db.table('nope').select().all(); } catch (error) { return [error, here()]; } },
  'a refused argument': async (db) => { try { await db.query('SELECT ?', [undefined]); } catch (error) { return [error, here()]; } },
  'a refused row of many': async (db) => { try { await db.table('t').insertMany([{ a: () => 1 }]); } catch (error) { return [error, here()]; } },
  'a transaction': async (db) => { try { await db.transaction((tx) => tx.execute('INSERT INTO t VALUES (1)')); } catch (error) { return [error, here()]; } },
  'Promise.all': async (db) => { try { await Promise.all([db.query('SELECT nope'), 1]); } catch (error) { return [error, here()]; } },
  'a time limit': async (db) => { try { await db.query(ENDLESS, [], { timeout: 20 }); } catch (error) { return [error, here()]; } },
  'a signal': async (db) => { try { await db.query(ENDLESS, [], { signal: AbortSignal.timeout(20) }); } catch (error) { return [error, here()]; } },
  open: async () => { try { await ubiqlite.open('/nowhere/at/all.db'); } catch (error) { return [error, here()]; } },
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name}: the error tells the line that made the call`, async (t) => {
    const { db } = await database(t, {}, 'CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)');
    const [error, line] = await call(db);
    assert.ok(error instanceof ubiqlite.UbiqliteError, `${error}`);
    assert.ok(error.stack.startsWith(`${error.name}: ${error.message}`), error.stack);
    assert.ok(error.stack.includes(`${HERE}:${line}:`), `${error.stack}\nline ${line}`);
  });
}

test('an error tells its SQL when it is asked, and is printed without it', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)');
  const sql = 'INSERT INTO t VALUES (?)';
  const fails = (call) => call.then(() => assert.fail('it did not fail'), (error) => error);
  for (const error of [
    await fails(db.execute(sql, [1])), await fails(db.executeMany(sql, [[2], [1]])), await fails(db.batch(['SELECT 1', [sql, [1]]])),
    await fails(db.query(sql, [1])), await fails(db.run(sql, [1])), await fails(db.stream(sql, [1]).next()),
    await fails(db.transaction((tx) => tx.execute(sql, [1]))), await fails(db.execute(sql, [Symbol('no')])),
  ]) {
    assert.equal(error.sql, sql);
    assert.ok(!inspect(error).includes(sql) && !JSON.stringify(error).includes(sql) && !Object.keys(error).includes('sql'));
  }
  assert.equal((await fails(db.batch('SELECT 1; SELECT nope'))).sql, 'SELECT 1; SELECT nope');
  assert.equal((await fails(db.table('t').insert({ a: 1 }))).sql, undefined);
});

test('what nobody catches prints the line of the program, and none of the package that is long', (t) => {
  const file = join(folder(t), 'program.mjs');
  writeFileSync(file, `import { open } from ${JSON.stringify(pathToFileURL(PACKAGE).href)};
const db = await open(':memory:');
await db.query('SELECT nope');
`);
  const { stderr, status } = spawnSync(process.execPath, [file], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.ok(stderr.includes('NoSuchColumnError: no such column: nope'), stderr);
  assert.ok(stderr.includes(`${pathToFileURL(file).href}:3:`), stderr);
  assert.ok(stderr.split('\n').every((line) => line.length < 500), stderr);
});

test('with source maps the lines of the package are those of its source', (t) => {
  const file = join(folder(t), 'program.mjs');
  writeFileSync(file, `import { open } from ${JSON.stringify(pathToFileURL(PACKAGE).href)};
const db = await open(':memory:');
db.table('t').select().where('a', 'near', 1);
`);
  const { stderr } = spawnSync(process.execPath, ['--enable-source-maps', file], { encoding: 'utf8' });
  assert.match(stderr, /ts\/api\/select\.ts:\d+:\d+/);
  assert.ok(stderr.includes(`${pathToFileURL(file).href}:3:`), stderr);
});
