/** One signal for many calls. */

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';

import { database, failure, pause, ubiqlite } from './support.mjs';

test('a hundred calls of every kind with one signal give no warning, and leave no listener', async (t) => {
  const warnings = [];
  const heard = (warning) => warnings.push(warning);
  process.on('warning', heard);
  t.after(() => process.off('warning', heard));
  const { db } = await database(t, {}, 'CREATE TABLE t(id INTEGER PRIMARY KEY, a)');
  const controller = new AbortController();
  const { signal } = controller;
  const option = { signal };
  await Promise.all(Array.from({ length: 20 }, async (_, index) => {
    await db.execute('INSERT INTO t(a) VALUES (?)', [index], option);
    await db.transaction((tx) => tx.query('SELECT * FROM t', [], option), option);
    await db.table('t').insertMany([{ a: 1 }], option);
    await db.stream('SELECT 1', [], option).toArray();
    const other = await ubiqlite.open(':memory:', option);
    await other.close();
  }));
  const streams = Array.from({ length: 4 }, () => db.stream('SELECT 1 UNION ALL SELECT 2', [], option));
  await Promise.all(streams.map((stream) => stream.next()));
  // Warnings arrive in a separate turn.
  await pause(10);
  assert.deepEqual(warnings, []);
  await Promise.all(streams.map((stream) => stream.return()));
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('a signal that aborts gives up every one of a hundred calls', async (t) => {
  const { db } = await database(t);
  const controller = new AbortController();
  const reason = new Error('enough');
  const calls = Array.from({ length: 100 }, () => failure(db.query('SELECT 1', [], { signal: controller.signal })));
  controller.abort(reason);
  for (const error of await Promise.all(calls)) {
    assert.ok(error instanceof ubiqlite.CancelledError, `${error}`);
    assert.equal(error.cause, reason);
  }
});
