/**
 * Collections of TanStack DB on our persistence: with the packages as they are published, and several handles of one
 * database in place of tabs. (Tabs are in tests/browser/bundlers.)
 */

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { createCollection, createTransaction } from '@tanstack/db';
import { createPersistedTableName, persistedCollectionOptions } from '@tanstack/db-sqlite-persistence-core';

import { Child } from '../support.mjs';
import { LIMIT, database, failure, folder, only, open, pause, within } from './support.mjs';

const { add, todosOf, watchTexts } = await import('./guide/tanstack.mjs');
const { UbiqliteDriver, createUbiqlitePersistence } = await import('ubiqlite/tanstack');

/** Waits until it is so; `what` is what did not happen. */
const until = (it, what) =>
  within(LIMIT, (async () => {
    while (!(await it())) await pause(1);
  })(), what);

/** A collection of rows `{ id, n }`, on a handle of its own. */
async function tab(t, path, { persistence = {}, ...options } = {}, opening = {}) {
  const db = await database(t, opening, path);
  const config = { id: 'rows', getKey: (row) => row.id, persistence: createUbiqlitePersistence({ database: db, ...persistence }), ...options };
  const rows = createCollection(persistedCollectionOptions(config));
  await within(LIMIT, rows.stateWhenReady(), 'ready');
  return { db, rows };
}

const content = (rows) => Object.fromEntries(rows.toArray.map(({ id, n }) => [id, n]).sort());
const stored = async (db, id = 'rows') =>
  Object.fromEntries((await db.query(`SELECT value FROM ${createPersistedTableName(id)} ORDER BY key`)).map(({ value }) => JSON.parse(value)).map(({ id: key, n }) => [key, n]));
const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);
const shows = (rows, wanted) => until(() => same(content(rows), wanted), `shows ${JSON.stringify(wanted)}`);
const saved = (transaction) => within(LIMIT, transaction.isPersisted.promise, 'persisted');

test('the guide: what one adds another sees, and it is there the next time', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await database(t, {}, path), await database(t, {}, path)];
  const [mine, theirs] = [todosOf(one), todosOf(two)];
  const seen = [];
  const stop = watchTexts(theirs, (texts) => seen.push(texts.join()));
  await theirs.stateWhenReady();
  await add(mine, 'a', 'milk');
  await until(() => seen.at(-1) === 'milk', 'milk');
  await add(theirs, 'b', 'bread');
  await until(() => mine.size === 2, 'bread');
  stop();
  await one.close();
  const again = todosOf(await database(t, {}, path));
  await within(LIMIT, again.stateWhenReady(), 'ready');
  assert.deepEqual([...again.state.keys()].sort(), ['a', 'b']);
});

test('inserts, updates and deletes of one are shown by the other, also more than it reads one by one', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await tab(t, path), await tab(t, path)];
  await saved(one.rows.insert([{ id: 'a', n: 1 }, { id: 'b', n: 1 }]));
  await saved(one.rows.update('a', (row) => void (row.n = 2)));
  await saved(one.rows.delete('b'));
  await shows(two.rows, { a: 2 });
  await saved(two.rows.insert(Array.from({ length: 500 }, (_, i) => ({ id: `x${i}`, n: i }))));
  await until(() => one.rows.size === 501, '500 more');
  await saved(one.rows.delete(Array.from({ length: 500 }, (_, i) => `x${i}`)));
  await shows(two.rows, { a: 2 });
});

test('of many that write at the same time no write is lost, and all show the same', async (t) => {
  const path = join(folder(t), 'app.db');
  const tabs = await Promise.all([0, 1, 2].map(() => tab(t, path)));
  await Promise.all(tabs.flatMap(({ rows }, at) => Array.from({ length: 40 }, (_, n) => saved(rows.insert({ id: `${at}.${n}`, n })))));
  const all = await stored(tabs[0].db);
  assert.equal(Object.keys(all).length, 120);
  assert.ok(tabs.every(({ rows }) => rows.utils.getLeadershipState().isLeader));
  for (const { rows } of tabs) await shows(rows, all);
});

test('writes of one row by several end as the last of them for all, whoever that was', async (t) => {
  const path = join(folder(t), 'app.db');
  const tabs = await Promise.all([0, 1, 2].map(() => tab(t, path)));
  await saved(tabs[0].rows.insert({ id: 'a', n: -1 }));
  for (const { rows } of tabs) await shows(rows, { a: -1 });
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(tabs.flatMap(({ rows }, at) => [0, 1].map((n) => saved(rows.update('a', (row) => void (row.n = 100 * round + 10 * at + n))))));
    const all = await stored(tabs[0].db);
    for (const { rows } of tabs) await shows(rows, all);
  }
});

test('what one writes in a row never goes back to an older value of its own', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await tab(t, path), await tab(t, path)];
  await saved(one.rows.insert({ id: 'a', n: 0 }));
  await shows(two.rows, { a: 0 });
  const seen = [];
  one.rows.subscribeChanges((changes) => seen.push(...changes.filter(({ key }) => key === 'a').map(({ value }) => value.n)));
  const writes = [];
  for (let n = 1; n <= 60; n += 1) {
    writes.push(saved(one.rows.update('a', (row) => void (row.n = n))), saved(two.rows.insert({ id: `x${n}`, n })));
    if (n % 3 === 0) await pause(1);
  }
  await Promise.all(writes);
  await until(() => one.rows.size === 61, 'what the other wrote');
  assert.ok(seen.length >= 60);
  assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
  assert.equal((await stored(one.db)).a, 60);
});

test('a transaction of the collection is one of the database: all of it or nothing', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await tab(t, path), await tab(t, path)];
  await saved(one.rows.insert({ id: 'a', n: 1 }));
  await one.db.batch(`CREATE TRIGGER refuse BEFORE INSERT ON ${createPersistedTableName('rows')} WHEN new.key = 's:bad' BEGIN SELECT raise(ABORT, 'refused'); END`);
  const before = await one.db.query('SELECT * FROM applied_tx');
  const move = createTransaction({ mutationFn: ({ transaction }) => one.rows.utils.acceptMutations(transaction), autoCommit: false });
  move.mutate(() => {
    one.rows.update('a', (row) => void (row.n = 2));
    one.rows.insert({ id: 'b', n: 2 });
    one.rows.insert({ id: 'bad', n: 2 });
  });
  assert.deepEqual(content(one.rows), { a: 2, b: 2, bad: 2 });
  assert.match((await failure(move.commit())).message, /refused/);
  assert.deepEqual(content(one.rows), { a: 1 });
  assert.deepEqual(await stored(one.db), { a: 1 });
  assert.deepEqual(await one.db.query('SELECT * FROM applied_tx'), before);
  // Of several collections, each has its own.
  const other = createCollection(persistedCollectionOptions({ id: 'other', getKey: (row) => row.id, persistence: createUbiqlitePersistence({ database: one.db }) }));
  await within(LIMIT, other.stateWhenReady(), 'ready');
  const both = createTransaction({
    mutationFn: async ({ transaction }) => {
      for (const { utils } of [other, one.rows]) await utils.acceptMutations(transaction);
    },
    autoCommit: false,
  });
  both.mutate(() => [other.insert({ id: 'a', n: 7 }), one.rows.insert({ id: 'bad', n: 7 })]);
  assert.match((await failure(both.commit())).message, /refused/);
  assert.deepEqual([await stored(one.db), await stored(one.db, 'other')], [{ a: 1 }, { a: 7 }]);
  // The next one is not harmed by it.
  await saved(one.rows.insert({ id: 'c', n: 3 }));
  await shows(two.rows, { a: 1, c: 3 });
});

test('work whose engine was lost begins again, and is not done twice if it was committed', async (t) => {
  const path = join(folder(t), 'app.db');
  const db = await database(t, {}, path);
  const losses = [];
  const lost = (kind) => Object.assign(new Error('lost'), { kind });
  const losing = Object.create(db, {
    transaction: {
      value: async (body) => {
        const result = await db.transaction(losses[0] === 'Cancelled' ? () => Promise.reject(lost(losses.shift())) : body);
        if (losses.length > 0) throw lost(losses.shift());
        return result;
      },
    },
  });
  const rows = createCollection(persistedCollectionOptions({ id: 'rows', getKey: (row) => row.id, persistence: createUbiqlitePersistence({ database: losing }) }));
  losses.push('Cancelled', 'OutcomeUnknown');
  await within(LIMIT, rows.stateWhenReady(), 'ready');
  for (const loss of ['Cancelled', 'OutcomeUnknown']) {
    losses.push(loss);
    await saved(rows.insert({ id: loss, n: 1 }));
    assert.deepEqual(losses, []);
  }
  assert.equal(await db.queryValue('SELECT group_concat(seq) FROM applied_tx'), '1,2');
  const two = await tab(t, path);
  await saved(two.rows.insert({ id: 'b', n: 2 }));
  await shows(rows, { Cancelled: 1, OutcomeUnknown: 1, b: 2 });
  losses.push('Busy');
  assert.equal((await failure(saved(rows.insert({ id: 'c', n: 1 })))).kind, 'Busy');
});

test('a collection with a source of its own keeps what came, and its note of how far, for the next start and for others', async (t) => {
  const path = join(folder(t), 'app.db');
  const source = () => {
    const it = { sync: (params) => void (it.params = params, params.markReady()) };
    return it;
  };
  const [mine, theirs] = [source(), source()];
  const [one, two] = [await tab(t, path, { sync: mine }), await tab(t, path, { sync: theirs })];
  const arrives = async ({ params }, body) => {
    params.begin();
    body(params);
    await within(LIMIT, params.commit(), 'committed');
  };
  await arrives(mine, ({ write, metadata }) => {
    for (const id of ['a', 'b']) write({ type: 'insert', value: { id, n: 1 } });
    metadata.collection.set('offset', 7);
  });
  await shows(two.rows, { a: 1, b: 1 });
  await until(() => theirs.params.metadata.collection.get('offset') === 7, 'the note');
  // Nothing but a word that all is there: it has no place among what is stored, and hides nothing after it.
  for (let at = 0; at < 3; at += 1) await arrives(mine, () => {});
  await arrives(theirs, ({ write }) => write({ type: 'update', value: { id: 'b', n: 2 } }));
  await shows(one.rows, { a: 1, b: 2 });
  await arrives(mine, ({ truncate, write }) => {
    truncate();
    write({ type: 'insert', value: { id: 'c', n: 3 } });
  });
  await shows(two.rows, { c: 3 });
  const again = source();
  const three = await tab(t, path, { sync: again });
  assert.deepEqual([content(three.rows), again.params.metadata.collection.get('offset')], [{ c: 3 }, 7]);
});

test('who has not seen what is no longer kept reads all, and misses nothing', async (t) => {
  const path = join(folder(t), 'app.db');
  const keep = { persistence: { appliedTxPruneMaxRows: 1 } };
  const [one, two] = [await tab(t, path, keep), await tab(t, path, keep)];
  await Promise.all(Array.from({ length: 30 }, (_, n) => saved(one.rows.insert({ id: `x${n}`, n }))));
  await saved(one.rows.delete('x3'));
  await shows(two.rows, await stored(one.db));
  assert.equal(await one.db.queryValue('SELECT count(*) FROM applied_tx'), 1);
});

test('rows of another version of the schema are refused, or deleted for all who have them open', async (t) => {
  const path = join(folder(t), 'app.db');
  const one = await tab(t, path, { schemaVersion: 1 });
  await saved(one.rows.insert({ id: 'a', n: 1 }));
  const said = t.mock.method(console, 'warn', () => {});
  const refused = await tab(t, path, { schemaVersion: 2 });
  assert.match(String(said.mock.calls[0].arguments[1]), /Schema version mismatch/);
  assert.equal(refused.rows.size, 0);
  const two = await tab(t, path, { schemaVersion: 2, persistence: { schemaMismatchPolicy: 'reset' } });
  assert.equal(two.rows.size, 0);
  await shows(one.rows, {});
  await saved(two.rows.insert({ id: 'b', n: 2 }));
  await shows(one.rows, { b: 2 });
});

test('only the rows that a query needs are read, and those are followed', async (t) => {
  const path = join(folder(t), 'app.db');
  const { eq, liveQueryCollectionOptions } = await import('@tanstack/db');
  const [one, two] = [await tab(t, path), await tab(t, path, { syncMode: 'on-demand' })];
  await saved(one.rows.insert([{ id: 'a', n: 1 }, { id: 'b', n: 2 }]));
  const twos = createCollection(liveQueryCollectionOptions({ query: (q) => q.from({ it: two.rows }).where(({ it }) => eq(it.n, 2)), startSync: true }));
  await shows(twos, { b: 2 });
  assert.equal(two.rows.has('a'), false);
  await saved(one.rows.insert([{ id: 'c', n: 2 }, { id: 'd', n: 3 }]));
  await saved(one.rows.update('b', (row) => void (row.n = 4)));
  await shows(twos, { c: 2 });
});

test('an index of a collection is one of its table', async (t) => {
  const { BasicIndex } = await import('@tanstack/db');
  const { db, rows } = await tab(t, join(folder(t), 'app.db'));
  rows.createIndex((row) => row.n, { indexType: BasicIndex });
  await until(() => db.queryValue('SELECT count(*) FROM persisted_index_registry').then((count) => count === 1), 'the index');
  assert.equal(await db.queryValue('SELECT count(*) FROM sqlite_schema WHERE type = \'index\' AND name = (SELECT index_name FROM persisted_index_registry)'), 1);
});

test('a database whose integers are bigints will do', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await tab(t, path, {}, { bigint: true }), await tab(t, path, {}, { bigint: true })];
  await saved(one.rows.insert({ id: 'a', n: 1 }));
  await saved(two.rows.insert({ id: 'b', n: 2 }));
  for (const { rows } of [one, two]) await shows(rows, { a: 1, b: 2 });
  assert.deepEqual(content((await tab(t, path, {}, { bigint: true })).rows), { a: 1, b: 2 });
});

test('collections that are gone leave no live query behind, and a closed database says so', async (t) => {
  const { db, rows } = await tab(t, join(folder(t), 'app.db'));
  assert.equal((await db.stats()).watchedQueries, 1);
  await rows.cleanup();
  await until(async () => (await db.stats()).watchedQueries === 0, 'no live query');
  const late = createCollection(persistedCollectionOptions({ id: 'late', getKey: (row) => row.id, persistence: createUbiqlitePersistence({ database: db }) }));
  await within(LIMIT, late.stateWhenReady(), 'ready');
  await db.close();
  assert.equal((await failure(saved(late.insert({ id: 'a', n: 1 })))).kind, 'Closed');
});

test('a collection that was cleaned up stays empty when it starts again, as the guide says, and one made anew does not', async (t) => {
  const path = join(folder(t), 'app.db');
  const { db, rows } = await tab(t, path);
  await saved(rows.insert({ id: 'a', n: 1 }));
  await rows.cleanup();
  rows.startSyncImmediate();
  await within(LIMIT, rows.stateWhenReady(), 'ready');
  assert.deepEqual([content(rows), await stored(db)], [{}, { a: 1 }]);
  assert.deepEqual(content((await tab(t, path)).rows), { a: 1 });
});

test('another process shows what is written here, and the other way round', { skip: only('native', 'a file is open in one process with the other') }, async (t) => {
  const path = join(folder(t), 'app.db');
  const child = new Child('../orm/children/tanstack.mjs', [path]);
  t.after(() => child.kill());
  const todos = todosOf(await database(t, {}, path));
  await add(todos, 'a', 'a');
  await child.tells('texts a');
  child.say('b');
  await child.tells('added b');
  await until(() => todos.has('b'), 'what the other process added');
  // Both at once: each has a place of its own.
  for (let at = 0; at < 20; at += 1) child.say(`c${at}`);
  await Promise.all(Array.from({ length: 20 }, (_, at) => add(todos, `d${at}`, 'd')));
  await child.tells('added c19');
  await until(() => todos.size === 42, 'all');
});

test('the driver: scripts, parameters, rows, and transactions within transactions', async (t) => {
  const db = await database(t);
  const driver = new UbiqliteDriver(db);
  await driver.exec('CREATE TABLE t (a, b); INSERT INTO t VALUES (1, NULL)');
  await driver.run('INSERT INTO t VALUES (?, ?)', ['two', 2.5]);
  assert.deepEqual(await driver.query('SELECT * FROM t WHERE a = ?', ['two']), [{ a: 'two', b: 2.5 }]);
  const refused = new Error('refused');
  const told = await driver.transaction(async (outer) => {
    await outer.run('INSERT INTO t VALUES (3, 3)');
    assert.equal(await failure(outer.transaction(async (inner) => {
      await inner.run('DELETE FROM t');
      assert.deepEqual(await inner.query('SELECT * FROM t'), []);
      throw refused;
    })), refused);
    await outer.transactionWithDriver((inner) => inner.exec('INSERT INTO t VALUES (4, 4); INSERT INTO t VALUES (5, 5)'));
    assert.equal((await driver.query('SELECT * FROM t')).length, 2, 'nobody else sees it before the commit');
    return 'told';
  });
  assert.equal(told, 'told');
  assert.deepEqual((await driver.query('SELECT a FROM t ORDER BY rowid')).map(({ a }) => a), [1, 'two', 3, 4, 5]);
  assert.equal(await failure(driver.transaction(async (it) => {
    await it.run('DELETE FROM t');
    throw refused;
  })), refused);
  assert.equal((await driver.query('SELECT * FROM t')).length, 5);
});

test('require() finds it, and it works with what import opened', async (t) => {
  const require = createRequire(import.meta.url);
  const { createUbiqlitePersistence: required } = require('ubiqlite/tanstack');
  const rows = require('@tanstack/db').createCollection(
    require('@tanstack/db-sqlite-persistence-core').persistedCollectionOptions({ id: 'rows', getKey: (row) => row.id, persistence: required({ database: await database(t) }) }),
  );
  await within(LIMIT, rows.stateWhenReady(), 'ready');
  await saved(rows.insert({ id: 'a', n: 1 }));
  assert.deepEqual(content(rows), { a: 1 });
});
