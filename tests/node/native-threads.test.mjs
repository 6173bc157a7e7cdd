/** The native engine in worker threads and clusters, and in environments that end in the middle of work. */

import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';

import { Child, PACKAGE, database, filesBeside, folder, only, outside, ubiqlite, within } from './support.mjs';

const skip = only('native', 'the other keeps a file for one thread');
const thread = fileURLToPath(new URL('./children/thread.mjs', import.meta.url));
// Threads and clusters inherit the environment of this process.
process.env.UBIQLITE_PACKAGE = PACKAGE;

function worker(data) {
  const it = new Worker(thread, { workerData: data });
  const ended = new Promise((resolve, reject) => it.on('error', reject).on('exit', resolve));
  const said = new Promise((resolve) => it.once('message', resolve));
  return { it, ended, said };
}

test('four threads and this one write one file, and nothing is lost', { skip, timeout: 120_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 60_000 }, 'CREATE TABLE t(by INTEGER, number INTEGER)');
  const workers = [1, 2, 3, 4].map((by) => worker({ path, by, count: 200 }));
  for (let number = 0; number < 200; number += 1) await db.execute('INSERT INTO t VALUES (0, ?)', [number]);
  for (const { ended } of workers) assert.equal(await within(60_000, ended, 'a thread'), 0);
  assert.equal(await db.queryValue('SELECT count(*) FROM (SELECT DISTINCT by, number FROM t)'), 1000);
});

for (const way of ['reads', 'writes', 'transaction', 'stream', 'opens', 'closes', 'endless']) {
  test(`threads that are terminated in mid-call (${way}) crash nothing and hold nothing`, { skip, timeout: 120_000 }, async (t) => {
    const path = join(folder(t), 'app.db');
    // A separate process, whose main thread has not loaded the library, so that its last environment ends.
    const child = new Child('terminate.mjs', [path, way, process.env.ROUNDS ?? '20'], { input: false });
    t.after(() => child.kill());
    await child.ends(100_000);
    assert.ok(child.lines.includes('over'), child.output);
    const db = await ubiqlite.open(path, { busyTimeout: 10_000 });
    await db.execute('CREATE TABLE IF NOT EXISTS after(a)');
    await db.execute('INSERT INTO after VALUES (1)');
    await db.close();
    await outside(path, 'SELECT count(*) FROM after');
    assert.deepEqual(filesBeside(path), ['app.db']);
  });
}

test('what a terminated thread had open is let go while its process lives', { skip, timeout: 60_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 20_000 }, 'CREATE TABLE t(by INTEGER, number INTEGER)');
  const { it, said } = worker({ path, way: 'transaction' });
  assert.equal(await within(20_000, said, 'the thread'), 'begun');
  await it.terminate();
  await within(20_000, db.execute('INSERT INTO t VALUES (0, 0)'), 'a write after it');
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
});

test('a cluster of three shares one file', { skip, timeout: 120_000 }, async (t) => {
  const { db, path } = await database(t, {}, 'CREATE TABLE t(by INTEGER, number INTEGER)');
  cluster.setupPrimary({ exec: thread, args: [path, '200'] });
  const ends = [1, 2, 3].map(() => new Promise((resolve) => cluster.fork().once('exit', resolve)));
  assert.deepEqual(await within(60_000, Promise.all(ends), 'the cluster'), [0, 0, 0]);
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 600);
});

for (const way of ['reads', 'writes', 'transaction', 'stream', 'opens', 'closes', 'endless']) {
  test(`process.exit at any moment (${way}) is an end like any other`, { skip, timeout: 120_000 }, async (t) => {
    const path = join(folder(t), 'app.db');
    const rounds = Number(process.env.ROUNDS ?? 8);
    for (let round = 0; round < rounds; round += 1) {
      const child = new Child('busy.mjs', [path, way, String(round * 7)], { input: false });
      t.after(() => child.kill());
      await child.ends(30_000);
    }
    const db = await ubiqlite.open(path, { busyTimeout: 10_000 });
    assert.equal(await db.queryValue('PRAGMA integrity_check'), 'ok');
    await db.close();
    assert.deepEqual(filesBeside(path), ['app.db']);
  });
}

test('a copy of the package in another realm of this thread has the file open, too', { skip, timeout: 60_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 20_000 }, 'CREATE TABLE t(a)');
  const file = PACKAGE.replace(/\.mjs$/, '.cjs');
  const given = { process, performance, Buffer, TextEncoder, TextDecoder, AbortController, setTimeout, clearTimeout, URL };
  const wrapped = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'utf8')}\n})`;
  const module = { exports: {} };
  runInNewContext(wrapped, given)(module.exports, createRequire(file), module, file, dirname(file));
  const other = await module.exports.open(path, { busyTimeout: 20_000 });
  assert.equal(other.engine, 'native');
  for (let number = 0; number < 100; number += 1) {
    await Promise.all([other.execute('INSERT INTO t VALUES (?)', [new Uint8Array([number])]), db.execute('INSERT INTO t VALUES (?)', [number])]);
  }
  const long = await other.query("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 9999) SELECT i, hex(i) AS h FROM r");
  assert.equal(long.length, 9999);
  await other.close();
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 200);
});
