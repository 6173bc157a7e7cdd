/** Collections of TanStack DB whose database is locked, slow or away for a while: nothing is lost, and all is told in the end. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { createCollection } from '@tanstack/db';
import { createPersistedTableName, persistedCollectionOptions } from '@tanstack/db-sqlite-persistence-core';

import { LIMIT, database, failure, folder, pause, within } from './support.mjs';

const { createUbiqlitePersistence } = await import('ubiqlite/tanstack');

const collection = (db, options = {}) =>
  createCollection(persistedCollectionOptions({ id: 'rows', getKey: (row) => row.id, persistence: createUbiqlitePersistence({ database: db, ...options }) }));
const ready = (rows) => within(LIMIT, rows.stateWhenReady(), 'ready');
const saved = (transaction) => within(LIMIT, transaction.isPersisted.promise, 'persisted');
const keys = (rows) => [...rows.state.keys()].sort().join();
const shows = (rows, wanted) =>
  within(LIMIT, (async () => {
    while (keys(rows) !== wanted) await pause(1);
  })(), `shows ${wanted}`);
const applied = (db) => db.queryValue('SELECT count(*) FROM applied_tx');
const insertOf = (id) => ({ txId: id, term: 1, seq: 1, rowVersion: 1, mutations: [{ type: 'insert', key: id, value: { id } }] });

/** A database whose queries, watches and transactions a test can make fail: `fails` returns the error, or nothing. */
function failing(db, fails) {
  const asked = (name) => ({
    value: (...args) => {
      const error = fails(name, args[0]);
      return error === undefined ? db[name](...args) : Promise.reject(error);
    },
  });
  const watch = (...args) => (async function* () {
    for await (const update of db.watch(...args)) {
      const error = fails('watch', args[0]);
      if (error !== undefined) throw error;
      yield update;
    }
  })();
  return Object.create(db, { query: asked('query'), transaction: asked('transaction'), watch: { value: watch } });
}
const error = (kind) => Object.assign(new Error('injected'), { kind });

test('a write that waits for the tables is stored, although its collection is cleaned up meanwhile', async (t) => {
  const path = join(folder(t), 'app.db');
  const [holder, db] = [await database(t, {}, path), await database(t, {}, path)];
  const lock = await holder.begin();
  const rows = collection(db);
  rows.startSyncImmediate();
  await pause(20);
  const write = rows.insert({ id: 'a' });
  await pause(20);
  const cleaned = rows.cleanup();
  await pause(20);
  await lock.rollback();
  await saved(write);
  await within(LIMIT, cleaned, 'cleanup');
  assert.equal(await db.queryValue(`SELECT count(*) FROM ${createPersistedTableName('rows')}`), 1);
});

test('a call whose last listener leaves is done, whenever that is', async (t) => {
  const db = await database(t);
  for (let steps = 0; steps < 30; steps += 1) {
    const { adapter, coordinator } = createUbiqlitePersistence({ database: db });
    const leave = coordinator.subscribe(`x${steps}`, () => {});
    const call = adapter.applyCommittedTx(`x${steps}`, insertOf('a'));
    for (let step = 0; step < steps; step += 1) await new Promise(setImmediate);
    leave();
    await within(LIMIT, call, `the call, left after ${steps}`);
  }
  assert.equal(await applied(db), 30);
});

test('a database that is locked at the start fails the calls of then, and the collection has all of it once it is not', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await database(t, {}, path), await database(t, { busyTimeout: 50 }, path)];
  const others = collection(one);
  await ready(others);
  await saved(others.insert({ id: 'a' }));
  const said = t.mock.method(console, 'warn', () => {});
  const lock = await one.begin();
  const [rows, quiet] = [collection(two), collection(two)];
  for (const it of [rows, quiet]) await ready(it);
  assert.equal(said.mock.calls[0].arguments[1].kind, 'Busy');
  assert.equal((await failure(saved(rows.insert({ id: 'b' })))).kind, 'Busy');
  await lock.rollback();
  await saved(rows.insert({ id: 'c' }));
  await saved(others.insert({ id: 'd' }));
  for (const it of [rows, quiet, others]) await shows(it, 'a,c,d');
});

test('changes that could not be fetched are fetched later, without a further commit', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await database(t, {}, path), await database(t, {}, path)];
  for (const kind of ['Timeout', 'Busy', 'Io']) {
    const failures = [];
    const rows = collection(failing(two, (_, sql) => (/replay_json/.test(sql) ? failures.shift() : undefined)));
    const others = collection(one);
    for (const it of [rows, others]) await ready(it);
    const before = keys(rows);
    failures.push(error(kind), error(kind));
    await saved(others.insert({ id: kind }));
    await shows(rows, [...before.split(',').filter(Boolean), kind].sort().join());
    for (const it of [rows, others]) await it.cleanup();
  }
});

test('a live query of the version that ends with an error begins anew', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await database(t, {}, path), await database(t, {}, path)];
  const failures = [];
  const [others, rows] = [collection(one), collection(failing(two, (name) => (name === 'watch' ? failures.shift() : undefined)))];
  for (const it of [rows, others]) await ready(it);
  failures.push(error('Io'), error('Timeout'));
  await saved(others.insert({ id: 'a' }));
  await shows(rows, 'a');
  await saved(others.insert({ id: 'b' }));
  await shows(rows, 'a,b');
});

test('a transaction that is no longer kept when the changes are read, a moment after their number, is not missed', async (t) => {
  const path = join(folder(t), 'app.db');
  const keep = { appliedTxPruneMaxRows: 1 };
  const [one, two] = [await database(t, {}, path), await database(t, {}, path)];
  const others = collection(one, keep);
  await ready(others);
  await saved(others.insert({ id: 'a' }));
  // Of what is read for the changes, the oldest transaction that is kept is read first.
  let oldest;
  const slow = Object.create(two, {
    query: {
      value: async (...args) => {
        if (/MIN\(row_version\)/.test(args[0])) return (oldest = two.query(...args));
        if (/replay_json/.test(args[0]) && others.size === 2) {
          while (oldest === undefined) await pause(1);
          await oldest;
          await saved(others.insert({ id: 'c' }));
        }
        return two.query(...args);
      },
    },
  });
  const rows = collection(slow, keep);
  await ready(rows);
  await saved(others.insert({ id: 'b' }));
  await shows(rows, 'a,b,c');
});

test('a listener that throws ends nothing, and the others are told', async (t) => {
  const said = t.mock.method(console, 'warn', () => {});
  const { adapter, coordinator } = createUbiqlitePersistence({ database: await database(t) });
  const thrown = new Error('a bug');
  const told = new Set();
  const leave = [
    coordinator.subscribe('rows', () => {
      throw thrown;
    }),
    coordinator.subscribe('rows', ({ payload }) => payload.changedRows.forEach(({ key }) => told.add(key))),
  ];
  for (const id of ['a', 'b']) {
    await within(LIMIT, adapter.applyCommittedTx('rows', insertOf(id)), 'the call');
    await shows({ state: told }, id === 'a' ? 'a' : 'a,b');
  }
  assert.equal(said.mock.calls[0].arguments[1], thrown);
  leave.forEach((it) => it());
});
