/** The commit feed: what each commit is reported as, in order, and what ends it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, pause, within } from './support.mjs';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, data BLOB);
  CREATE TABLE pairs (b INT, a TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
  CREATE TABLE blobs (k BLOB PRIMARY KEY);
  CREATE VIRTUAL TABLE notes USING fts5(body);
  INSERT INTO items VALUES (1, 'lamp', NULL), (2, 'sofa', NULL);`;

/** The next event, which must come. */
async function next(feed) {
  const { done, value } = await feed.next();
  assert.equal(done, false);
  return value;
}

test('each commit is an event with its tables and keys, in order', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const feed = db.commits();
  // It begins with the first call: what is requested after that is in it.
  const first = feed.next();
  await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
  const { value } = await first;
  assert.deepEqual(value.tables, [{ name: 'items', rows: [{ kind: 'update', key: 2 }] }]);
  assert.deepEqual([value.everything, value.schema, value.external, value.reset], [false, false, false, false]);
  let { moment } = value;
  for (const [sql, params, tables] of [
    ["INSERT INTO items (id, name) VALUES (9007199254740993, 'far')", [], [{ name: 'items', rows: [{ kind: 'insert', key: 9007199254740993n }] }]],
    ["INSERT INTO pairs VALUES (1, 'é', 0)", [], [{ name: 'pairs', rows: [{ kind: 'insert', key: ['é', 1] }] }]],
    ['INSERT INTO blobs VALUES (?)', [new Uint8Array([1, 2])], [{ name: 'blobs', rows: [{ kind: 'insert', key: new Uint8Array([1, 2]) }] }]],
    ['UPDATE items SET id = 5 WHERE id = 1', [], [{ name: 'items', rows: [{ kind: 'delete', key: 1 }, { kind: 'insert', key: 5 }] }]],
    ["INSERT INTO notes VALUES ('one')", [], [{ name: 'notes', rows: undefined }]],
    ['DELETE FROM items', [], [{ name: 'items', rows: undefined }]],
  ]) {
    await db.execute(sql, params);
    const event = await next(feed);
    assert.deepEqual(event.tables, tables, sql);
    assert.ok(event.moment > moment);
    ({ moment } = event);
  }
  assert.equal((await db.table('pairs').get(['é', 1])).v, 0);
  await db.execute('CREATE TABLE later (id INTEGER PRIMARY KEY)');
  const made = await next(feed);
  assert.deepEqual([made.everything, made.schema], [true, true]);
  await db.execute('INSERT INTO later VALUES (3)');
  assert.deepEqual((await next(feed)).tables, [{ name: 'later', rows: [{ kind: 'insert', key: 3 }] }]);
  await feed.return();
});

test('a feed of some tables has no others, and what is rolled back is no event', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const feed = db.commits({ tables: 'PAIRS' });
  const first = feed.next();
  await db.execute("INSERT INTO items VALUES (7, 'x', NULL)");
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.execute("INSERT INTO pairs VALUES (1, 'undone', 0)");
      throw new Error('undone');
    }),
    /undone/,
  );
  await db.transaction(async (tx) => {
    await tx.execute('DELETE FROM items WHERE id = 7');
    await tx.execute("INSERT INTO pairs VALUES (1, 'a', 0), (2, 'a', 0)");
  });
  const { value } = await first;
  assert.deepEqual(value.tables, [{ name: 'pairs', rows: [{ kind: 'insert', key: ['a', 1] }, { kind: 'insert', key: ['a', 2] }] }]);
  await feed.return();
});

test('a reader that does not ask loses detail and no change', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const feed = db.commits();
  const first = feed.next();
  for (let id = 1000; id < 1200; id += 1) await db.execute('INSERT INTO items (id) VALUES (?)', [id]);
  const keys = ({ tables }) => tables.flatMap(({ rows }) => rows.map(({ key }) => key));
  const all = keys((await first).value);
  let events = 1;
  while (all.length < 200) {
    all.push(...keys(await next(feed)));
    events += 1;
  }
  assert.deepEqual(all, Array.from({ length: 200 }, (_, at) => 1000 + at));
  assert.ok(events <= 33, `${events} events`);
  await feed.return();
});

test('what is aborted while it begins leaves nothing open, for which closing would wait', async (t) => {
  const { db } = await database(t, { busyTimeout: 60_000 }, SCHEMA);
  for (const begin of [(signal) => db.commits({ signal }), (signal) => db.watch('SELECT 1', [], { signal })]) {
    const controller = new AbortController();
    const waiting = begin(controller.signal).next();
    controller.abort();
    assert.equal((await failure(waiting)).kind, 'Cancelled');
  }
  const closed = db.close().then(() => 'closed');
  const late = new Promise((resolve) => setTimeout(resolve, 30_000, 'late').unref());
  assert.equal(await Promise.race([closed, late]), 'closed');
});

test('it ends with break, with its signal, and when the database closes', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const controller = new AbortController();
  const aborted = db.commits({ signal: controller.signal });
  const waiting = aborted.next();
  controller.abort(new Error('enough'));
  assert.equal((await failure(waiting)).kind, 'Cancelled');
  assert.equal((await aborted.next()).done, true);
  const late = db.commits({ timeout: 30 });
  assert.equal((await failure(late.next())).kind, 'Timeout');
  // It goes on after a call that only took too long.
  await db.execute("INSERT INTO items VALUES (50, 'x', NULL)");
  assert.deepEqual((await next(late)).tables[0].rows, [{ kind: 'insert', key: 50 }]);
  await late.return();
  const feed = db.commits();
  const first = feed.next();
  await db.execute("INSERT INTO items VALUES (51, 'x', NULL)");
  assert.equal((await first).done, false);
  let seen = 0;
  const loop = (async () => {
    for await (const _ of feed) seen += 1;
  })();
  await db.close();
  await loop;
  assert.equal(seen, 0);
  assert.equal((await failure(db.commits().next())).kind, 'Closed');
});

test('interrupting statements ends no feed and no watch: one that waits runs none', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const feed = db.commits();
  const watch = db.watch('SELECT name FROM items WHERE id = 2');
  await watch.next();
  const [event, result] = [feed.next(), watch.next()];
  await db.queryValue('SELECT 1');
  await db.interrupt();
  await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
  assert.deepEqual((await event).value.tables, [{ name: 'items', rows: [{ kind: 'update', key: 2 }] }]);
  assert.deepEqual((await result).value.rows, [{ name: 'desk' }]);
  await Promise.all([feed.return(), watch.return()]);
});

test('two calls for the next event begin one feed, whenever they come', async (t) => {
  const { db } = await database(t, { busyTimeout: 60_000 }, SCHEMA);
  const feed = db.commits();
  const first = feed.next();
  await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
  const second = feed.next();
  await db.execute("UPDATE items SET name = 'bed' WHERE id = 1");
  assert.deepEqual((await first).value.tables[0].rows, [{ kind: 'update', key: 2 }]);
  assert.deepEqual((await second).value.tables[0].rows, [{ kind: 'update', key: 1 }]);
  await feed.return();
  // A handle that nobody has would be waited for.
  await within(20_000, db.close(), 'close');
});

test('a loop whose wait is too long ends its feed or watch, and leaves nothing open', async (t) => {
  const { db } = await database(t, { busyTimeout: 60_000 }, SCHEMA);
  const watch = db.timeout(300).watch('SELECT name FROM items');
  for (const live of [db.timeout(300).commits(), watch]) {
    const error = await failure((async () => {
      for await (const _ of live);
    })());
    assert.equal(error.kind, 'Timeout');
    assert.equal((await live.next()).done, true);
  }
  await within(20_000, db.close(), 'close');
});

test('a subscription that was ended hears nothing more, whatever had arrived', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const heard = [];
  const stops = [];
  let first;
  const begun = new Promise((resolve) => (first = resolve));
  for (const name of ['a', 'b']) {
    let results = 0;
    stops.push(db.watch('SELECT name FROM items', [], { key: 'name' }).subscribe(() => {
      results += 1;
      heard.push(`${name}${results}`);
      if (heard.includes('a1') && heard.includes('b1')) first();
      if (results === 2) stops.forEach((stop) => stop());
    }));
  }
  await begun;
  await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
  await db.queryValue('SELECT 1');
  await pause(200);
  assert.equal(heard.filter((it) => it.endsWith('2')).length, 1, `${heard}`);
});
