/** Damaged files and hostile names: typed errors, and an engine that keeps working. */

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, database, failure, folder, ubiqlite, within, only } from './support.mjs';

/** Kinds that would mean that the engine itself failed or was lost. */
const NEVER = ['Internal', 'OutcomeUnknown', 'Closed'];

/** Returns pseudo-random numbers, the same each time. */
function randomOf(seed) {
  let state = (seed + 1) * 2654435761;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

async function goodFile(t) {
  const { db, path } = await database(t, {}, `
    CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB);
    CREATE INDEX by_a ON t(a);
    CREATE VIRTUAL TABLE docs USING fts5(body);
    WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 800)
      INSERT INTO t SELECT i, 'text ' || i, zeroblob(i % 300) FROM r;
    INSERT INTO docs SELECT a FROM t;`);
  await db.close();
  return path;
}

/** Uses a file that may be damaged; returns the kinds of the errors. */
async function useUp(path) {
  const kinds = new Set();
  const attempt = async (what, begin) => {
    try {
      return await within(20_000, begin(), what);
    } catch (error) {
      assert.ok(error instanceof ubiqlite.UbiqliteError, `${what}: ${error?.stack ?? error}`);
      assert.ok(!NEVER.includes(error.kind), `${what}: ${error.kind}: ${error.message}`);
      kinds.add(error.kind);
      return undefined;
    }
  };
  const db = await attempt('open', () => ubiqlite.open(path));
  if (!db) return kinds;
  await attempt('scan', () => db.query('SELECT * FROM t'));
  await attempt('index', () => db.query("SELECT * FROM t WHERE a = 'text 700'"));
  await attempt('match', () => db.query("SELECT * FROM docs WHERE docs MATCH 'text'"));
  await attempt('stream', () => db.stream('SELECT * FROM t ORDER BY a DESC').toArray());
  await attempt('update', () => db.execute("UPDATE t SET a = a || '!'"));
  await attempt('insert', () => db.table('t').insert({ a: 'new' }));
  await attempt('delete', () => db.execute('DELETE FROM t WHERE id % 2'));
  await attempt('check', () => db.query('PRAGMA integrity_check'));
  await attempt('close', () => db.close());
  return kinds;
}

test('files with wrong bytes give typed errors, and the engine goes on', { timeout: 600_000 }, async (t) => {
  const good = await goodFile(t);
  const content = readFileSync(good);
  const dir = folder(t);
  const witness = await ubiqlite.open(join(dir, 'witness.db'));
  await witness.execute('CREATE TABLE t(a)');
  const seen = new Map();
  const rounds = Number(process.env.ROUNDS ?? 60);
  for (let seed = 0; seed < rounds; seed += 1) {
    const random = randomOf(seed);
    const path = join(dir, `bad${seed}.db`);
    const bytes = Buffer.from(content);
    const flips = 1 + random(40);
    // Half of the files have them in the first page: the header and the schema.
    for (let flip = 0; flip < flips; flip += 1) bytes[random(seed % 2 === 0 ? 4096 : bytes.length)] = random(256);
    writeFileSync(path, bytes);
    for (const kind of await useUp(path)) seen.set(kind, (seen.get(kind) ?? 0) + 1);
    await witness.execute('INSERT INTO t VALUES (?)', [seed]);
  }
  console.log(`    ${rounds} files: ${[...seen].map(([kind, count]) => `${kind} ${count}`).join(', ')}`);
  assert.ok(seen.get('Corrupt') > 0, 'some were noticed');
  assert.equal(await witness.queryValue('SELECT count(*) FROM t'), rounds);
  await witness.close();
});

test('a file that is cut off anywhere gives typed errors', { timeout: 120_000 }, async (t) => {
  const good = await goodFile(t);
  const content = readFileSync(good);
  const dir = folder(t);
  for (const length of [1, 50, 99, 100, 101, 1000, 4095, 4096, 4097, 8192, content.length - 4096, content.length - 1]) {
    const path = join(dir, `cut${length}.db`);
    writeFileSync(path, content.subarray(0, length));
    await useUp(path);
  }
});

test('a log or a journal of nonsense beside a sound file does no harm', async (t) => {
  const good = await goodFile(t);
  for (const [end, make] of [
    ['-wal', () => Buffer.from('not a log at all'.repeat(500))],
    ['-wal', () => Buffer.alloc(5000, 0xff)],
    ['-wal', () => Buffer.alloc(0)],
    ['-journal', () => Buffer.from('not a journal'.repeat(500))],
    ['-journal', () => Buffer.alloc(512)],
  ]) {
    const path = join(folder(t), 'app.db');
    copyFileSync(good, path);
    writeFileSync(path + end, make());
    const db = await ubiqlite.open(path);
    assert.equal(await db.queryValue('SELECT count(*) FROM t'), 800);
    await db.execute("INSERT INTO t(a) VALUES ('new')");
    assert.equal(await db.queryValue('PRAGMA integrity_check'), 'ok');
    await db.close();
    assert.ok(statSync(path).size > 0);
  }
});

test('names that would like to be SQL are names', async (t) => {
  const evil = '"; DROP TABLE t; --';
  const { db } = await database(t, {}, `CREATE TABLE t(a); CREATE TABLE "${evil.replaceAll('"', '""')}"("a""b" TEXT)`);
  assert.equal(await db.table(evil).insert({ 'a"b': "'); DROP TABLE t; --" }), 1);
  for (const begin of [
    () => db.table('t; DROP TABLE t').count(),
    () => db.table('t').insert({ 'a) VALUES (1); DROP TABLE t; --': 1 }),
    () => db.table('t').select().where('1=1; DROP TABLE t; --', 1).all(),
    () => db.table('t').select().orderBy('a; DROP TABLE t; --').all(),
    () => db.table('t').select().orderBy('a', 'desc; DROP TABLE t; --').all(),
    () => db.table('t').select().where('a', '= 1 OR 1 =', 1).all(),
    () => db.table('t').select().limit('1; DROP TABLE t').all(),
    () => db.begin({ mode: 'IMMEDIATE; DROP TABLE t; --' }),
  ]) {
    const error = await failure(Promise.resolve().then(begin));
    assert.ok(['NoSuchTable', 'NoSuchColumn', 'InvalidArgument'].includes(error.kind), `${begin}: ${error}`);
  }
  assert.equal(await db.table('t').count(), 0);
  await db.execute('INSERT INTO t VALUES (1)');
});

test('options that are none are refused, not ignored', async (t) => {
  const path = join(folder(t), 'app.db');
  for (const options of [
    { journalMode: 'WAL; DROP' }, { synchronous: 'perhaps' }, { busyTimeout: -1 }, { busyTimeout: 'long' },
    { cacheKib: Number.NaN }, { readers: 1.5 }, { readOnly: 'yes' }, { busytimeout: 5 },
  ]) {
    const error = await failure(ubiqlite.open(path, options).then((db) => db.close()));
    assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${JSON.stringify(options)}: ${error}`);
  }
  for (const bad of [undefined, null, 7, '', {}]) {
    const error = await failure(Promise.resolve().then(() => ubiqlite.open(bad)).then((db) => db.close()));
    assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${String(bad)}: ${error}`);
  }
});

const port = only('wasm', 'there is no port to the other');

test('malformed messages to the engine harm nobody but their sender', { skip: port, timeout: 120_000 }, async (t) => {
  const child = new Child('junk.mjs', [join(folder(t), 'app.db'), '500'], { input: false });
  t.after(() => child.kill());
  await child.ends(110_000);
  console.log(`    ${child.lines.at(-1)} spoiled messages`);
});
