// Statistics, and the calls that are traced, with both engines.
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ubiqlite } from './support.mjs';

const { open } = ubiqlite;

async function items(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-stats-'));
  const path = join(folder, 'app.db');
  const db = await open(path, { busyTimeout: 20_000 });
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  await db.execute('CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)');
  return { db, path };
}

const INSERT = 'INSERT INTO items (name) VALUES (?)';
const LONG = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT count(*) FROM n';
/** Of which a page is far less than all. */
const ROWS = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n';

/** Collects the calls of a database that are over. */
function listen(t, db, options) {
  const calls = [];
  const stop = db.trace((call) => calls.push(call), options);
  t.after(stop);
  return { calls, stop };
}

test('statistics show who waits, and for how long', async (t) => {
  const { db } = await items(t);
  const tx = await db.begin();
  const write = db.execute(INSERT, ['one']);
  while ((await db.stats()).waitingWrites === 0) await sleep(2);
  const during = await db.stats();
  assert.equal(during.waitingWrites, 1);
  assert.ok(during.transactionAge > 0);
  await sleep(30);
  await tx.commit();
  await write;
  const after = await db.stats();
  assert.equal(after.waitingWrites, 0);
  assert.equal(after.transactionAge, undefined);
  assert.ok(after.writeWaits.longest >= 25, JSON.stringify(after));
  assert.ok(after.transactions.longest >= 25, JSON.stringify(after));
  assert.ok(after.commits >= during.commits + 2, 'the transaction, and the write');
  assert.equal(after.pageSize, 4096);
  for (const [name, value] of Object.entries(after)) {
    if (['transactionAge', 'oldestReader'].includes(name)) continue;
    const numbers = typeof value === 'object' ? [value.count, value.total, value.longest] : [value];
    assert.ok(numbers.every((number) => Number.isFinite(number) && number >= 0), `${name}: ${JSON.stringify(value)}`);
  }
});

test('a snapshot is the oldest reader until it ends', async (t) => {
  const { db } = await items(t);
  assert.equal((await db.stats()).oldestReader, undefined);
  const snapshot = await db.snapshot();
  await sleep(20);
  assert.ok((await db.stats()).oldestReader >= 15);
  snapshot.close();
  while ((await db.stats()).oldestReader !== undefined) await sleep(2);
});

test('a write behind a transaction waits and does not run; a long query runs and does not wait', async (t) => {
  const { db, path } = await items(t);
  const tx = await db.begin();
  const { calls } = listen(t, db);
  const write = db.execute(INSERT, ['secret']);
  await sleep(60);
  await tx.commit();
  await write;
  await db.queryValue(LONG);
  const told = calls.find(({ summary }) => summary === 'INSERT items');
  assert.ok(told.queueWait >= 50 && told.run < 50, JSON.stringify(told));
  assert.deepEqual([told.sql, told.operation, told.namespace, told.error], [INSERT, 'INSERT', path, undefined]);
  assert.ok(!JSON.stringify(told).includes('secret'));
  assert.ok(calls.some(({ summary }) => summary === 'COMMIT'));
  const long = calls.at(-1);
  assert.deepEqual([long.summary, long.rows], ['SELECT n', 1]);
  assert.ok(long.run > 5 && long.queueWait < long.run && long.duration >= long.run, JSON.stringify(long));
});

test('an error and a cancelled call say so', async (t) => {
  const { db } = await items(t);
  const { calls } = listen(t, db);
  await assert.rejects(db.query('SELECT nothing'));
  assert.equal(calls.at(-1).error.kind, 'Syntax');
  const tx = await db.begin();
  const cancel = new AbortController();
  const write = db.execute(INSERT, ['one'], { signal: cancel.signal });
  await sleep(20);
  cancel.abort();
  await assert.rejects(write, { kind: 'Cancelled' });
  assert.equal(calls.at(-1).error.kind, 'Cancelled');
  assert.equal(calls.at(-1).sql, INSERT);
  await tx.rollback();
});

test('a slow call that is given up is told as slow', async (t) => {
  const { db } = await items(t);
  const slow = listen(t, db, { slowerThan: 5 }).calls;
  const slower = listen(t, db, { slowerThan: 3_600_000 }).calls;
  const cancel = new AbortController();
  const endless = db.queryValue('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n', [], {
    signal: cancel.signal,
  });
  await sleep(20);
  cancel.abort();
  await assert.rejects(endless, { kind: 'Cancelled' });
  assert.deepEqual(slow.map(({ error, run }) => [error.kind, run]), [['Cancelled', undefined]]);
  assert.deepEqual(slower, []);
});

test('a stream is one call with all its rows', async (t) => {
  const { db } = await items(t);
  const { calls } = listen(t, db);
  const rows = await db.stream(ROWS).toArray();
  assert.equal(rows.length, 50_000);
  assert.deepEqual(calls.map(({ summary, rows, error }) => [summary, rows, error]), [['SELECT n', 50_000, undefined]]);
  assert.ok(calls[0].run > 0.5, JSON.stringify(calls[0]));
  for await (const _ of db.stream(ROWS)) break;
  assert.equal(calls.length, 2);
  assert.equal(calls[1].error, undefined, 'who has read enough has not failed');
  await assert.rejects(db.stream('SELECT nothing').toArray());
  assert.equal(calls.length, 3);
  assert.equal(calls[2].error.kind, 'Syntax');
});

test('operations on tables, and on transactions, are told by what they do', async (t) => {
  const { db } = await items(t);
  const { calls } = listen(t, db);
  await db.table('items').insert({ name: 'one' });
  await db.transaction(async (tx) => {
    await tx.table('items').get(1);
  });
  assert.deepEqual(calls.map(({ summary }) => summary), ['INSERT items', 'BEGIN', 'SELECT items', 'COMMIT']);
  assert.equal(calls[2].rows, 1);
});

test('only slow calls, and none after the end', async (t) => {
  const { db } = await items(t);
  const { calls, stop } = listen(t, db, { slowerThan: 3 });
  await db.query('SELECT 1');
  await db.query('SELECT 2');
  await db.queryValue(LONG);
  assert.ok(calls.every(({ run }) => run >= 3));
  assert.equal(calls.at(-1).summary, 'SELECT n');
  stop();
  const told = calls.length;
  await db.queryValue(LONG);
  assert.equal(calls.length, told);
  assert.throws(() => db.trace('no function'), { kind: 'InvalidArgument' });
  assert.throws(() => db.trace(() => {}, { slowerThan: 'long' }), { kind: 'InvalidArgument' });
});

test('with nobody listening nothing is measured', async (t) => {
  const { db } = await items(t);
  const sent = [];
  const { outbox } = db.target.client;
  const { write } = outbox;
  outbox.write = (...request) => {
    sent.push(request[4] ?? 0);
    return write.apply(outbox, request);
  };
  await db.query('SELECT 1');
  const { stop } = listen(t, db);
  await db.query('SELECT 1');
  stop();
  await db.query('SELECT 1');
  assert.deepEqual(sent.map((flags) => flags & 16), [0, 16, 0]);
});

test("the channel's subscribers are told in the caller's context", async (t) => {
  const { db } = await items(t);
  const context = new AsyncLocalStorage();
  const seen = [];
  const tell = (event) => (call) => seen.push([event, context.getStore(), call.sql, call.error?.kind]);
  const channel = tracingChannel('ubiqlite:call');
  const subscribers = { start: tell('start'), end: tell('end'), asyncEnd: tell('asyncEnd'), error: tell('error') };
  channel.subscribe(subscribers);
  t.after(() => channel.unsubscribe(subscribers));
  await context.run('request 1', () => db.query('SELECT 1'));
  await context.run('request 2', () => db.query('SELECT nothing')).catch(() => {});
  const starts = seen.filter(([event]) => event === 'start');
  assert.deepEqual(starts, [
    ['start', 'request 1', 'SELECT 1', undefined],
    ['start', 'request 2', 'SELECT nothing', undefined],
  ]);
  assert.deepEqual(seen.map(([event]) => event), ['start', 'end', 'asyncEnd', 'start', 'end', 'error', 'asyncEnd']);
  assert.equal(seen.at(-1)[3], 'Syntax');
});
