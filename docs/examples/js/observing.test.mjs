// The guide's page about observing.
import assert from 'node:assert/strict';
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
