/** The native engine: several processes and programs share one file through SQLite's own locks. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Child, database, failure, filesBeside, folder, installed, only, outside, pause, ubiqlite } from './support.mjs';

const skip = only('native', 'the other has no file locks');
const noPython = skip || ((await installed('python3')) ? false : 'python3 is not installed');
const SCHEMA = 'CREATE TABLE written(by TEXT, number INTEGER)';

/** Starts writers that begin together. */
async function writers(t, path, names, count, way = '') {
  const children = names.map((name) => new Child('writer.mjs', [path, name, String(count), way]));
  t.after(() => Promise.all(children.map((child) => child.kill())));
  await Promise.all(children.map((child) => child.tells('opened native')));
  for (const child of children) child.say('begin');
  return children;
}

const PYTHON = `
import sqlite3, sys
path, name, count = sys.argv[1:]
db = sqlite3.connect(path, timeout=60, isolation_level=None)
for number in range(int(count)):
    db.execute("INSERT INTO written VALUES (?, ?)", (name, number))
db.close()
`;

/** Runs another program's SQLite alongside ours. */
async function python(path, name, count) {
  const child = spawn('python3', ['-c', PYTHON, path, name, String(count)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, 'the other program failed');
}

test('two processes and this one write one file, none is told Busy, and nothing that was acknowledged is lost', { skip, timeout: 120_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 60_000 }, SCHEMA);
  const children = await writers(t, path, ['a', 'b'], 500);
  for (let number = 0; number < 500; number += 1) await db.execute("INSERT INTO written VALUES ('here', ?)", [number]);
  for (const child of children) await child.ends(60_000);
  console.log(`    ${children.map((child) => child.lines.find((line) => line.startsWith('wrote'))).join(', ')} ms`);
  const rows = await db.query('SELECT by, count(DISTINCT number) AS n FROM written GROUP BY by ORDER BY by');
  assert.deepEqual(rows, [{ by: 'a', n: 500 }, { by: 'b', n: 500 }, { by: 'here', n: 500 }]);
});

test('what transactions of several processes read before they write is still so when they write', { skip, timeout: 120_000 }, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const children = await writers(t, path, ['same', 'same'], 200, 'transaction');
  for (const child of children) await child.ends(60_000);
  assert.deepEqual(await db.query('SELECT count(*) AS n, count(DISTINCT number) AS d FROM written'), [{ n: 400, d: 400 }]);
});

test('another program writes the file that is open here, and neither loses anything', { skip: noPython, timeout: 120_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 60_000 }, SCHEMA);
  const other = python(path, 'python', 300);
  for (let number = 0; number < 300; number += 1) await db.execute("INSERT INTO written VALUES ('here', ?)", [number]);
  await other;
  const expected = [['here', 300], ['python', 300]];
  const sql = 'SELECT by, count(DISTINCT number) FROM written GROUP BY by ORDER BY by';
  assert.deepEqual(await outside(path, sql), expected, 'a reader beside us sees all');
  await db.close();
  assert.deepEqual(await outside(path, sql), expected);
});

test('a process that is killed while it writes costs nothing that was acknowledged, and keeps nobody out', { skip, timeout: 120_000 }, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  for (let round = 0; round < 3; round += 1) {
    const [child] = await writers(t, path, [`killed ${round}`], 1_000_000);
    await pause(100);
    await child.kill();
    await db.execute('INSERT INTO written VALUES (?, ?)', ['here', round]);
  }
  assert.equal(await db.queryValue("SELECT count(*) FROM written WHERE by = 'here'"), 3);
  const gaps = 'SELECT by FROM written GROUP BY by HAVING max(number) + 1 <> count(*)';
  assert.deepEqual(await outside(path, gaps), []);
  await db.close();
  assert.deepEqual(filesBeside(path), ['app.db']);
});

test('from a database in memory files are attached, made and exported', { skip }, async (t) => {
  const path = join(folder(t), 'saved.db');
  const db = await ubiqlite.open(':memory:');
  await db.batch('CREATE TABLE t(a); INSERT INTO t VALUES (7)');
  await db.execute(`VACUUM INTO '${path}'`);
  assert.deepEqual(await outside(path, 'SELECT a FROM t'), [[7]]);
  const session = await db.acquire();
  await session.execute(`ATTACH '${path}' AS saved`);
  assert.equal(await session.queryValue('SELECT a FROM saved.t'), 7);
  session.release();
  await db.close();
});

test('an attached file that is open elsewhere loses nothing', { skip, timeout: 60_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 30_000 }, SCHEMA);
  const beside = await ubiqlite.open(':memory:', { busyTimeout: 30_000 });
  t.after(() => beside.close());
  const session = await beside.acquire();
  // A different spelling of the same path.
  await session.execute('ATTACH ? AS other', [join(path, '..', '.', 'app.db')]);
  const write = async (to, table, by) => {
    for (let number = 0; number < 200; number += 1) await to.execute(`INSERT INTO ${table} VALUES (?, ?)`, [by, number]);
  };
  await Promise.all([write(db, 'written', 'db'), write(session, 'other.written', 'session')]);
  assert.equal(await db.queryValue('SELECT count(*) FROM written'), 400);
  session.release();
});

test('a reader of a file that grows elsewhere sees what was added', { skip, timeout: 60_000 }, async (t) => {
  const { path } = await database(t, {}, SCHEMA);
  const reader = await ubiqlite.open(path, { readOnly: true });
  t.after(() => reader.close());
  const [child] = await writers(t, path, ['child'], 1000);
  await child.ends(60_000);
  assert.equal(await reader.queryValue('SELECT count(*) FROM written'), 1000);
});

const NATIVE_PEER = fileURLToPath(new URL('../bench/node/node_modules/better-sqlite3', import.meta.url));
const OWN_NODE = fileURLToPath(new URL(`../bench/node/node_modules/node-${process.platform}-${process.arch}/bin/node`, import.meta.url));
const noPeer = skip || (existsSync(NATIVE_PEER) && existsSync(OWN_NODE) ? false : 'better-sqlite3 is not installed in tests/bench/node');

for (const peer of ['better-sqlite3', 'node:sqlite']) {
  test(`${peer} in this very process shares the file, and its end costs us no lock`, { skip: noPeer, timeout: 120_000 }, async (t) => {
    const path = join(folder(t), 'app.db');
    const child = new Child('peer.mjs', [path, peer], { program: OWN_NODE, input: false, env: { PEER: NATIVE_PEER } });
    t.after(() => child.kill());
    await child.ends(100_000);
    if (child.lines.includes('missing')) return t.skip(`this Node has no ${peer}`);
    assert.ok(child.lines.includes('all are there'), child.output);
  });
}

for (const [first, second] of [['native', 'wasm'], ['wasm', 'native']]) {
  test(`while the ${first} engine has a file, the ${second} one is told Busy, and by whom`, { skip, timeout: 60_000 }, async (t) => {
    const path = join(folder(t), 'app.db');
    const holder = new Child('holder.mjs', [path], { env: { UBIQLITE_ENGINE: first } });
    t.after(() => holder.kill());
    await holder.tells('holds');
    const error = await failure(ubiqlite.open(path, { engine: second, busyTimeout: 100 }));
    assert.ok(error instanceof ubiqlite.BusyError, `${error}`);
    assert.match(error.message, new RegExp(`\\b${holder.pid}\\b`), 'the message names the process');
    assert.match(error.message, new RegExp(`with the ${first} engine`), error.message);
    assert.deepEqual([error.kind, error.path], ['Busy', path]);

    // It waits as it does for its own kind of engine.
    const opening = ubiqlite.open(path, { engine: second, busyTimeout: 20_000 });
    await pause(100);
    holder.say('close');
    const db = await opening;
    assert.equal(db.engine, second);
    assert.equal(await db.queryValue('SELECT by FROM held'), holder.pid);
    await db.close();
    await holder.ends();
    assert.deepEqual(filesBeside(path), ['app.db']);
  });

  test(`the ${second} engine opens the file of a ${first} one that was killed`, { skip, timeout: 60_000 }, async (t) => {
    const path = join(folder(t), 'app.db');
    const holder = new Child('holder.mjs', [path], { env: { UBIQLITE_ENGINE: first } });
    await holder.tells('holds');
    await holder.kill();
    const db = await ubiqlite.open(path, { engine: second, busyTimeout: 5000 });
    assert.equal(await db.queryValue('SELECT by FROM held'), holder.pid);
    await db.execute('DELETE FROM held');
    await db.close();
    // The wasm engine has no -shm file, and leaves the killed process's to engines that use one.
    assert.deepEqual(filesBeside(path).filter((name) => name !== 'app.db-shm'), ['app.db']);
    assert.deepEqual(await outside(path, 'SELECT count(*) FROM held'), [[0]]);
  });
}

test('both engines in one process exclude each other, too, and removing a file waits for both', { skip, timeout: 60_000 }, async (t) => {
  const path = join(folder(t), 'app.db');
  const native = await ubiqlite.open(path, { engine: 'native' });
  const refused = await failure(ubiqlite.open(path, { engine: 'wasm', busyTimeout: 50 }));
  assert.match(refused.message, /this very process/);
  assert.equal((await failure(ubiqlite.remove(path))).kind, 'Busy');
  await native.close();
  const wasm = await ubiqlite.open(path, { engine: 'wasm' });
  assert.equal((await failure(ubiqlite.open(path, { engine: 'native', busyTimeout: 50 }))).kind, 'Busy');
  await wasm.close();
  assert.equal(await ubiqlite.remove(path), true);
  assert.deepEqual(filesBeside(path), []);
});

test('of native and wasm engines that come at once again and again, never both have the file', { skip, timeout: 120_000 }, async (t) => {
  const path = join(folder(t), 'app.db');
  const children = ['native', 'wasm', 'native', 'wasm'].map((engine) => new Child('rival.mjs', [path, '20'], { env: { UBIQLITE_ENGINE: engine }, input: false }));
  t.after(() => Promise.all(children.map((child) => child.kill())));
  for (const child of children) await child.ends(100_000);
  const rows = await outside(path, 'SELECT engine, count(*) FROM turns GROUP BY engine ORDER BY engine');
  assert.deepEqual(rows, [['native', 40], ['wasm', 40]]);
  assert.deepEqual(filesBeside(path), ['app.db']);
});
