// The guide's page about observing.
import assert from 'node:assert/strict';
import { tracingChannel } from 'node:diagnostics_channel';
import { test } from 'node:test';
import { open } from 'ubiqlite';

test('statistics say who waits', async (t) => {
  const db = await open(':memory:');
  t.after(() => db.close());
  await db.batch('CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)');
  const held = await db.begin();
  // #region stats
  const stats = await db.stats();
  console.log(`${stats.commits} commits; ${stats.waitingWrites} writes wait`);
  console.log(`the longest wait of a write was ${stats.writeWaits.longest} ms`);
  if (stats.transactionAge !== undefined) console.log(`a transaction has been open for ${stats.transactionAge} ms`);
  if (stats.oldestReader !== undefined) {
    console.log(`${stats.logPages} pages in the log; the oldest read began ${stats.oldestReader} ms ago`);
  }
  // #endregion stats
  assert.equal(stats.commits, 1);
  assert.ok(stats.transactionAge >= 0);
  await held.rollback();
  assert.equal((await db.stats()).transactionAge, undefined);
});

const LONG = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT count(*) FROM n';

test('a listener is told of slow calls', async (t) => {
  const db = await open(':memory:');
  t.after(() => db.close());
  const slow = [];
  const console = { warn: (...words) => slow.push(words.join(' ')) };
  // #region listen
  const stop = db.trace(
    ({ summary, sql, run, queueWait }) => {
      console.warn(`${summary} ran for ${run} ms, after waiting for ${queueWait} ms: ${sql}`);
    },
    { slowerThan: 3 },
  );
  // #endregion listen
  await db.queryValue(LONG);
  assert.equal(slow.length, 1);
  assert.match(slow[0], /^SELECT n ran for/);
  stop();
  await db.queryValue(LONG);
  assert.equal(slow.length, 1);
});

test('a channel tells of all calls of the program', async (t) => {
  const db = await open(':memory:');
  t.after(() => db.close());
  const ended = [];
  // #region channel
  const subscribers = {
    start(call) {
      // In the caller's context: here a span would begin.
    },
    asyncEnd({ namespace, summary, sql, queueWait, run, rows, error }) {
      ended.push({ namespace, summary, failed: error?.kind });
    },
  };
  tracingChannel('ubiqlite:call').subscribe(subscribers);
  // #endregion channel
  t.after(() => tracingChannel('ubiqlite:call').unsubscribe(subscribers));
  await db.query('SELECT 1 AS one');
  await assert.rejects(db.query('SELECT nothing'));
  assert.deepEqual(ended, [
    { namespace: ':memory:', summary: 'SELECT', failed: undefined },
    { namespace: ':memory:', summary: 'SELECT', failed: 'Syntax' },
  ]);
});
