/** How databases, transactions, sessions and snapshots end. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, ENDLESS, database, failure, filesBeside, folder, pause, ubiqlite, within } from './support.mjs';

const { UbiqliteError } = ubiqlite;

/** Checks that every call soon rejects with an error of the package. */
async function allRefuse(calls) {
  for (const [name, begin] of Object.entries(calls)) {
    const error = await failure(within(2000, begin(), name));
    assert.ok(error instanceof UbiqliteError, `${name}: ${error}`);
    assert.ok(['Closed', 'Cancelled', 'InvalidArgument'].includes(error.kind), `${name}: ${error.kind}`);
  }
}

test('a transaction that is over takes no call', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  for (const end of ['commit', 'rollback']) {
    const tx = await db.begin();
    await tx.execute('INSERT INTO t VALUES (1)');
    await tx[end]();
    await allRefuse({
      execute: () => tx.execute('INSERT INTO t VALUES (2)'),
      query: () => tx.query('SELECT 1'),
      insert: () => tx.table('t').insert({ a: 2 }),
      commit: () => tx.commit(),
      savepoint: () => tx.savepoint(async () => {}),
      stream: () => tx.stream('SELECT 1').next(),
    });
    await tx[Symbol.asyncDispose]();
  }
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
});

test('the handle of a block is over with its block', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  let [leaked, leakedSavepoint] = [];
  await db.transaction(async (tx) => {
    leaked = tx;
    await tx.savepoint(async (sp) => {
      leakedSavepoint = sp;
    });
    await allRefuse({ 'in a released savepoint': () => leakedSavepoint.execute('INSERT INTO t VALUES (1)') });
  });
  await allRefuse({
    transaction: () => leaked.execute('INSERT INTO t VALUES (1)'),
    savepoint: () => leakedSavepoint.execute('INSERT INTO t VALUES (1)'),
  });
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 0);
});

test('an opening that is given up at any moment leaves nothing open', async (t) => {
  const path = join(folder(t), 'app.db');
  const first = await ubiqlite.open(path);
  await first.batch('CREATE TABLE t(a)');
  await first.close();
  const given = [];
  for (let wait = 0; wait < 60; wait += 1) {
    const stop = new AbortController();
    const opening = ubiqlite.open(path, { signal: stop.signal });
    setTimeout(() => stop.abort(), wait / 4);
    const db = await opening.catch((error) => given.push(error.kind));
    if (typeof db === 'object') await db.close();
    // Whoever has it open has the files of its log beside it.
    await within(10_000, (async () => {
      while (filesBeside(path).length > 1) await pause(2);
    })(), `closing what was given up after ${wait / 4} ms`);
  }
  assert.ok(given.length > 0 && given.every((kind) => kind === 'Cancelled'), String(given));
});

test('sessions and snapshots that were given back take no call', async (t) => {
  const { db } = await database(t);
  const [session, snapshot] = [await db.acquire(), await db.snapshot()];
  await session.release();
  await snapshot.close();
  await allRefuse({
    session: () => session.query('SELECT 1'),
    snapshot: () => snapshot.query('SELECT 1'),
    'a stream of the session': () => session.stream('SELECT 1').next(),
  });
  await session.release();
  await snapshot.close();
});

test('after close every call fails with Closed, and so do the handles', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  const [session, snapshot, tx] = [await db.acquire(), await db.snapshot(), await db.begin()];
  const rows = db.stream(ENDLESS.replace('count(*)', 'i'));
  await rows.next();
  await within(10_000, db.close(), 'close with handles open');
  for (const begin of [
    () => db.query('SELECT 1'), () => db.begin(), () => db.acquire(), () => db.snapshot(), () => db.timeout(100).query('SELECT 1'),
    () => db.transaction(async () => {}), () => db.stream('SELECT 1').next(), () => db.table('t').select().all(),
  ]) {
    assert.equal((await failure(within(2000, begin(), 'a call after close'))).kind, 'Closed', String(begin));
  }
  await allRefuse({
    session: () => session.query('SELECT 1'), snapshot: () => snapshot.query('SELECT 1'), transaction: () => tx.query('SELECT 1'),
  });
  await db.close();
  await db[Symbol.asyncDispose]();
});

test('everything that is open has Symbol.asyncDispose, which ends it', async (t) => {
  const { db } = await database(t, { sessions: 1, acquireTimeout: 500 }, 'CREATE TABLE t(a)');
  const tx = await db.begin();
  await tx.execute('INSERT INTO t VALUES (1)');
  const sp = await tx.beginSavepoint();
  await sp[Symbol.asyncDispose]();
  await tx[Symbol.asyncDispose]();
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 0);
  for (let count = 0; count < 3; count += 1) {
    const session = await db.acquire();
    await session[Symbol.asyncDispose]();
    const snapshot = await db.snapshot();
    await snapshot[Symbol.asyncDispose]();
  }
  await db[Symbol.asyncDispose]();
  assert.equal((await failure(db.query('SELECT 1'))).kind, 'Closed');
});

test('a block that returns a value gives it, and one that does not wait is waited for', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(a)');
  assert.equal(await db.transaction((tx) => tx.queryValue('SELECT 7')), 7);
  assert.equal(await db.transaction(() => 'at once'), 'at once');
  const mine = new Error('mine');
  assert.equal(await failure(db.transaction(() => { throw mine; })), mine);
  // Nobody awaits this call, but it is made inside the block.
  await db.transaction(async (tx) => {
    tx.execute('INSERT INTO t VALUES (1)');
  });
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
});

test('a transaction that was forgotten is rolled back when it is collected, and the writer is free', async (t) => {
  const path = join(folder(t), 'app.db');
  const child = new Child('forgetful.mjs', [path], { flags: ['--expose-gc'] });
  child.process.stdin.end();
  await child.ends(30_000);
  assert.deepEqual(child.lines, ['before Busy', 'after free', 'rows [{"a":3}]']);
});

/** `OPENS=1000` is the long form. */
const OPENS = process.env.OPENS ?? '400';

test(`${OPENS} opens and closes leave no thread, no descriptor, no handle and no memory behind`, { timeout: 300_000 }, async (t) => {
  const path = join(folder(t), 'app.db');
  const child = new Child('opener.mjs', [path, OPENS], { flags: ['--expose-gc'] });
  child.process.stdin.end();
  await child.ends(290_000);
  const { before, after } = JSON.parse(child.lines.at(-1));
  console.log(`    before ${JSON.stringify(before)}\n    after  ${JSON.stringify(after)}`);
  assert.ok(after.threads <= before.threads, 'threads');
  assert.ok(after.descriptors <= before.descriptors, 'descriptors');
  assert.ok(after.resources <= before.resources, 'resources');
  assert.ok(after.heapKib - before.heapKib < 2048, 'the heap');
  assert.ok(after.rssKib - before.rssKib < 65_536, 'the process');
});

test('100 databases are open at once', async (t) => {
  const dir = folder(t);
  const all = await Promise.all(Array.from({ length: 100 }, (_, index) => ubiqlite.open(join(dir, `${index}.db`))));
  await Promise.all(all.map((db) => db.execute('CREATE TABLE t(a)')));
  await Promise.all(all.map((db, index) => db.execute('INSERT INTO t VALUES (?)', [index])));
  const seen = await Promise.all(all.map((db) => db.queryValue('SELECT a FROM t')));
  assert.deepEqual(seen, all.map((_, index) => index));
  await Promise.all(all.map((db) => db.close()));
});
