/** A process exits on its own when nothing is pending, whether a database is open or not. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, filesBeside, folder, outside, ubiqlite } from './support.mjs';

/** Milliseconds from the last line of the program to the end of its process. Machines can be slow. */
const MOMENTS = 2000;

async function afterIdling(t, way) {
  const path = join(folder(t), 'app.db');
  const child = new Child('idle.mjs', [path, way], { input: false });
  t.after(() => child.kill());
  await child.tells('idle');
  const since = performance.now();
  await child.ends();
  const taken = performance.now() - since;
  console.log(`    ends ${taken.toFixed(0)} ms after its last line`);
  assert.ok(taken < MOMENTS, `${taken} ms`);
  return { child, path };
}

test('a process with an open database that is idle ends, and leaves the file alone', async (t) => {
  const { path } = await afterIdling(t, 'open');
  assert.deepEqual(filesBeside(path), ['app.db'], 'no lock and no log are left');
  assert.deepEqual(await outside(path, 'SELECT count(*) FROM t'), [[1]]);
});

test('a process with an open transaction ends, and the transaction is rolled back', async (t) => {
  const { path } = await afterIdling(t, 'transaction');
  const db = await ubiqlite.open(path);
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
  await db.close();
});

test('a process with a stream that is not read on ends', async (t) => {
  await afterIdling(t, 'stream');
});

test('a process waits for the call that nobody awaits', async (t) => {
  const { child, path } = await afterIdling(t, 'unawaited');
  assert.ok(child.lines.includes('written'));
  assert.deepEqual(await outside(path, 'SELECT count(*) FROM t'), [[2]]);
});

for (const [way, code] of [['exit', 0], ['throw', 1]]) {
  test(`after process ${way} the next one opens the file at once`, async (t) => {
    const path = join(folder(t), 'app.db');
    const child = new Child('idle.mjs', [path, way], { input: false });
    assert.equal((await child.ended).code, code, child.errors);
    const db = await ubiqlite.open(path, { busyTimeout: 500 });
    assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
    await db.close();
    assert.deepEqual(filesBeside(path), ['app.db']);
  });
}
