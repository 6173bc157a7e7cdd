/** Change sets: the outbox, applying what comes from elsewhere, conflicts by each policy, and what ends a wait. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { database, failure, folder, pause, ubiqlite, within } from './support.mjs';

const SCHEMA = `
  CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT UNIQUE, updated_at INTEGER, data BLOB);
  CREATE TABLE settings (name TEXT PRIMARY KEY, value ANY);`;

/** What waits, each batch acknowledged once `each` has it. */
async function drain(outbox, each) {
  let count = 0;
  for (let batch; (batch = await outbox.next()) !== undefined; count += 1) {
    await each(batch.bytes);
    await outbox.ack(batch.id);
  }
  return count;
}

/** A device: a database with an outbox of both tables. */
async function device(t, options = {}) {
  const { db, path } = await database(t, options, SCHEMA);
  return { db, path, outbox: await db.outbox(['notes', 'settings']) };
}

/** The changes of these statements, made on another device. */
async function changesOf(t, ...statements) {
  const { db, outbox } = await device(t);
  for (const [at, sql] of statements.entries()) {
    // What comes first was there before, on both sides.
    if (at === statements.length - 1) for (let batch; (batch = await outbox.next()) !== undefined; ) await outbox.ack(batch.id);
    await db.execute(sql);
  }
  return (await outbox.next()).bytes;
}

test('two devices exchange their changes, and what was applied is not sent back', async (t) => {
  const [a, b] = [await device(t), await device(t)];
  assert.equal((await a.db.capabilities()).changesets, true);
  await a.db.execute("INSERT INTO notes VALUES (1, 'é lamp', 10, ?)", [new Uint8Array([1, 0, 255])]);
  await b.db.transaction(async (tx) => {
    await tx.execute('INSERT INTO settings VALUES (?, ?)', ['far', 9007199254740993n]);
    await tx.execute("INSERT INTO settings VALUES ('near', 1.5)");
  });
  assert.equal(await drain(a.outbox, (bytes) => b.db.apply(bytes, 'theirs')), 1);
  assert.equal(await drain(b.outbox, (bytes) => a.db.apply(bytes, 'theirs')), 1);
  for (const { db, outbox } of [a, b]) {
    assert.deepEqual(await db.query('SELECT id, body, data FROM notes'), [{ id: 1, body: 'é lamp', data: new Uint8Array([1, 0, 255]) }]);
    assert.deepEqual(await db.query('SELECT value FROM settings ORDER BY name'), [{ value: 9007199254740993n }, { value: 1.5 }]);
    assert.equal(await outbox.next(), undefined);
  }
  await a.db.execute('UPDATE notes SET body = NULL WHERE id = 1');
  await a.db.execute('DELETE FROM settings');
  assert.equal(await drain(a.outbox, (bytes) => b.db.apply(bytes.buffer, { policy: 'abort' })), 2);
  assert.deepEqual(await b.db.query('SELECT body, (SELECT count(*) FROM settings) AS n FROM notes'), [{ body: null, n: 0 }]);
});

test('a batch stays until it is acknowledged, also when the database is opened again', async (t) => {
  const path = `${folder(t)}/app.db`;
  let db = await ubiqlite.open(path);
  await db.batch(SCHEMA);
  let outbox = await db.outbox('notes');
  await db.execute("INSERT INTO notes (id) VALUES (1)");
  const first = await outbox.next();
  await db.execute("INSERT INTO notes (id) VALUES (2)");
  const second = await outbox.next();
  assert.ok(second.id > first.id && second.bytes instanceof Uint8Array);
  assert.equal(await outbox.next(), undefined);
  await outbox.ack(first.id);
  await db.close();
  db = await ubiqlite.open(path);
  t.after(() => within(10_000, db.close(), 'close'));
  // It records before anybody asks for the outbox.
  await db.execute("INSERT INTO notes (id) VALUES (3)");
  outbox = await db.outbox('notes');
  assert.deepEqual(await outbox.next(), second);
  const third = await outbox.next();
  await outbox.ack(third.id);
  assert.equal(await (await db.outbox('notes')).next(), undefined);
});

test('a conflict is reported as data, and each policy decides it', async (t) => {
  const theirs = await changesOf(t, "INSERT INTO notes VALUES (1, 'first', 1, NULL)", "UPDATE notes SET body = 'theirs', updated_at = 5 WHERE id = 1");
  for (const [policy, updated, body, decision] of [
    ['theirs', 3, 'theirs', 'theirs'],
    ['ours', 3, 'ours', 'ours'],
    [{ newest: 'updated_at' }, 3, 'theirs', 'theirs'],
    [{ newest: 'updated_at' }, 9, 'ours', 'ours'],
    [{ policy: 'ours', tables: { NOTES: { newest: 'updated_at' } } }, 3, 'theirs', 'theirs'],
    [{ policy: 'ours', tables: { settings: 'theirs' } }, 3, 'ours', 'ours'],
  ]) {
    const { db } = await device(t);
    await db.execute("INSERT INTO notes VALUES (1, 'ours', ?, NULL)", [updated]);
    const { conflicts } = await db.apply(theirs, policy);
    assert.deepEqual(conflicts, [{
      table: 'notes', kind: 'data', change: 'updated', decision, key: { id: 1 },
      ours: { id: 1, body: 'ours', updated_at: updated, data: null }, theirs: { id: 1, body: 'theirs', updated_at: 5 },
    }], JSON.stringify(policy));
    assert.equal(await db.queryValue('SELECT body FROM notes'), body, JSON.stringify(policy));
  }
  const { db } = await device(t);
  await db.execute("INSERT INTO notes VALUES (1, 'ours', 3, NULL)");
  assert.equal((await failure(db.apply(theirs, 'abort'))).kind, 'ConstraintViolation');
  assert.equal(await db.queryValue('SELECT body FROM notes'), 'ours');
});

test('each kind of conflict says what was in the way', async (t) => {
  const inserted = await changesOf(t, "INSERT INTO notes VALUES (1, 'x', 2, NULL)");
  const updated = await changesOf(t, "INSERT INTO notes VALUES (1, 'x', 2, NULL)", 'UPDATE notes SET updated_at = 3');
  const { db } = await device(t);
  const gone = (await db.apply(updated, 'theirs')).conflicts;
  assert.deepEqual(gone.map(({ kind, change, ours, theirs }) => [kind, change, ours, theirs]), [['not_found', 'updated', undefined, { id: 1, updated_at: 3 }]]);
  await db.execute("INSERT INTO notes VALUES (1, 'mine', 1, NULL)");
  const exists = (await db.apply(inserted, 'ours')).conflicts;
  assert.deepEqual(exists.map(({ kind, change, ours }) => [kind, change, ours.body]), [['exists', 'inserted', 'mine']]);
  await db.execute("UPDATE notes SET id = 7, body = 'x'");
  const constraint = (await db.apply(inserted, 'theirs')).conflicts;
  assert.deepEqual(constraint.map(({ kind, theirs, decision }) => [kind, theirs.body, decision]), [['constraint', 'x', 'ours']]);
});

test('what waits is made to stand on what was applied, and says so', async (t) => {
  const inserted = await changesOf(t, "INSERT INTO notes VALUES (1, 'theirs', 2, NULL)");
  const { db, outbox } = await device(t);
  await db.execute("INSERT INTO notes VALUES (1, 'ours', 1, NULL)");
  const before = await outbox.next();
  assert.equal((await db.apply(inserted, 'ours')).rebased, true);
  const after = await outbox.next();
  assert.ok(after.id > before.id);
  const other = await device(t);
  await other.db.apply(inserted, 'theirs');
  assert.deepEqual(await other.db.apply(after.bytes, 'abort'), { conflicts: [], rebased: false });
  assert.equal(await other.db.queryValue('SELECT body FROM notes'), 'ours');
});

test('a transaction has its changes as one batch, or none, and applies as a part of it', async (t) => {
  const { db, outbox } = await device(t);
  const other = await device(t);
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.execute("INSERT INTO notes (id) VALUES (1)");
      throw new Error('undone');
    }),
    /undone/,
  );
  assert.equal(await outbox.next(), undefined);
  await db.transaction(async (tx) => {
    await tx.execute("INSERT INTO notes (id) VALUES (1)");
    await tx.savepoint(async (inner) => {
      await inner.execute("INSERT INTO notes (id) VALUES (2)");
    });
  });
  const { bytes } = await outbox.next();
  assert.equal(await outbox.next(), undefined);
  await assert.rejects(
    other.db.transaction(async (tx) => {
      await tx.apply(bytes, 'abort');
      assert.equal(await tx.queryValue('SELECT count(*) FROM notes'), 2);
      throw new Error('undone');
    }),
    /undone/,
  );
  assert.equal(await other.db.queryValue('SELECT count(*) FROM notes'), 0);
  await other.db.transaction(async (tx) => {
    await tx.apply(bytes, 'abort');
    await tx.execute('CREATE TABLE received (id)');
  });
  assert.equal(await other.db.queryValue('SELECT count(*) FROM notes'), 2);
  // What it has changed itself would be lost to the outbox.
  const late = other.db.transaction(async (tx) => {
    await tx.execute('DELETE FROM notes');
    await tx.apply(bytes, 'theirs');
  });
  assert.equal((await failure(late)).kind, 'InvalidArgument');
  assert.equal(await other.db.queryValue('SELECT count(*) FROM notes'), 2);
});

test('a loop waits for commits, and one that was left is followed by one that has again what was not acknowledged', async (t) => {
  const { db, outbox } = await device(t);
  const insert = (id) => db.execute('INSERT INTO notes (id) VALUES (?)', [id]);
  await insert(1);
  const seen = [];
  for await (const { id } of outbox) {
    seen.push(id);
    if (seen.length === 3) break;
    // The next one is not there yet when the loop asks for it.
    setTimeout(() => void insert(seen.length + 1), 20);
  }
  assert.equal(new Set(seen).size, 3);
  // The first one arrived; sending the second failed.
  await outbox.ack(seen[0]);
  const again = [];
  for await (const { id } of outbox) {
    again.push(id);
    if (again.length === 2) break;
  }
  assert.deepEqual(again, seen.slice(1));
  // Each reader has its own place.
  assert.deepEqual([(await outbox.next()).id, (await outbox.next()).id, await outbox.next()], [...again, undefined]);
});

test('a loop that is left while it waits is left at once, and has taken no batch', async (t) => {
  const { db, outbox } = await device(t);
  const loop = outbox.batches();
  const waiting = loop.next();
  await db.queryValue('SELECT 1');
  // A call that does not wait is not behind one that does.
  assert.equal(await outbox.next({ timeout: 20_000 }), undefined);
  assert.deepEqual(await within(20_000, loop.return(), 'leaving'), { value: undefined, done: true });
  assert.deepEqual(await within(20_000, waiting, 'the wait'), { value: undefined, done: true });
  assert.equal((await loop.next()).done, true);
  await db.execute('INSERT INTO notes (id) VALUES (1)');
  for await (const { id } of outbox) {
    assert.equal((await outbox.next()).id, id);
    break;
  }
});

test('a wait that is given up loses nothing, and interrupting statements ends none', async (t) => {
  const { db, outbox } = await device(t);
  const controller = new AbortController();
  const aborted = outbox.batches({ signal: controller.signal }).next();
  // Its request is on its way.
  await db.queryValue('SELECT 1');
  controller.abort(new Error('enough'));
  const error = await failure(aborted);
  assert.deepEqual([error.kind, error.cause?.message], ['Cancelled', 'enough']);
  assert.equal((await failure(outbox.batches({ timeout: 30 }).next())).kind, 'Timeout');
  const waiting = outbox.batches().next();
  await db.queryValue('SELECT 1');
  db.interrupt();
  await db.execute('INSERT INTO notes (id) VALUES (1)');
  assert.equal((await waiting).done, false);
  // Each of these calls may be given up when its batch is on its way.
  const ids = [];
  for (let id = 2; id < 40; id += 1) {
    await db.execute('INSERT INTO notes (id) VALUES (?)', [id]);
    const giveUp = new AbortController();
    const next = outbox.next({ signal: giveUp.signal });
    if (id % 2 === 0) await pause(0);
    giveUp.abort();
    ids.push((await next.catch(() => outbox.next())).id);
  }
  assert.deepEqual(ids, ids.map((_, at) => ids[0] + at));
});

test('waiting ends when the database closes, and with the outbox', async (t) => {
  const { db, outbox } = await device(t, { busyTimeout: 60_000 });
  const other = await db.outbox(['notes', 'settings']);
  const loop = async (of, heard) => {
    let seen = 0;
    for await (const _ of of) {
      seen += 1;
      heard();
    }
    return seen;
  };
  let first;
  let second;
  const heard = [
    new Promise((resolve) => (first = loop(outbox, resolve))),
    new Promise((resolve) => (second = loop(other, resolve))),
  ];
  await db.execute('INSERT INTO notes (id) VALUES (1)');
  await within(20_000, Promise.all(heard), 'a batch for each');
  other.close();
  assert.equal(await within(20_000, second, 'the loop of the other'), 1);
  assert.equal((await failure(other.next())).kind, 'Closed');
  assert.equal(await loop(other), 0);
  await within(20_000, db.close(), 'close');
  assert.equal(await within(20_000, first, 'the loop'), 1);
  assert.equal(await loop(outbox), 0);
  for (const call of [outbox.next(), outbox.ack(1), db.outbox('notes'), db.apply(new Uint8Array(), 'theirs')]) {
    assert.equal((await failure(call)).kind, 'Closed');
  }
});

test('an outbox that nobody reads keeps no database from closing', async (t) => {
  const { db } = await device(t, { busyTimeout: 60_000 });
  const begun = db.outbox('notes');
  await within(20_000, db.close(), 'close');
  await begun;
});

test('tables that cannot be recorded are refused by name', async (t) => {
  const { db } = await database(t, {}, `${SCHEMA}
    CREATE TABLE plain (x);
    CREATE VIEW seen AS SELECT 1;
    CREATE VIRTUAL TABLE words USING fts5(body);`);
  for (const [tables, kind, word] of [
    [['notes', 'plain'], 'InvalidArgument', 'plain'],
    ['seen', 'InvalidArgument', 'seen'],
    ['words', 'InvalidArgument', 'words'],
    ['nowhere', 'NoSuchTable', 'nowhere'],
    [[7], 'InvalidArgument', 'number'],
  ]) {
    const error = await failure(db.outbox(tables));
    assert.equal(error.kind, kind);
    assert.match(error.message, new RegExp(word));
  }
  const outbox = await db.outbox(new Set(['notes']));
  assert.equal((await failure(outbox.ack('1'))).kind, 'InvalidArgument');
  await db.outbox([]);
  await db.execute('INSERT INTO notes (id) VALUES (1)');
  assert.equal(await outbox.next(), undefined);
});

test('bytes from anybody, and policies that are none, are refused and change nothing', async (t) => {
  const good = await changesOf(t, "INSERT INTO notes VALUES (1, 'x', 2, NULL)");
  const { db } = await device(t);
  const patch = good.slice();
  patch[0] = 'P'.charCodeAt(0);
  for (const bytes of [good.subarray(0, good.length - 1), patch, new Uint8Array([1, 2, 3]), 'text', [1], null, undefined]) {
    assert.equal((await failure(db.apply(bytes, 'theirs'))).kind, 'InvalidArgument');
  }
  for (const policy of [undefined, null, 'mine', 3, {}, { newest: 7 }, { newest: 'a', policy: 'ours' }, { policy: 'ours', table: {} },
    { policy: 'ours', tables: { notes: 'mine' } }, { policy: 'ours', tables: 'notes' }, { tables: { notes: 'ours' } }, ['theirs']]) {
    assert.equal((await failure(db.apply(good, policy))).kind, 'InvalidArgument', JSON.stringify(policy));
  }
  const unknown = await failure(db.apply(good, { newest: 'nowhere' }));
  assert.equal(unknown.kind, 'NoSuchColumn');
  let random = 12345;
  const next = (below) => {
    random = (random * 1103515245 + 12345) % 2 ** 31;
    return random % below;
  };
  for (let round = 0; round < 300; round += 1) {
    const bytes = good.slice(0, 1 + next(good.length));
    bytes[next(bytes.length)] = next(256);
    await db.transaction(async (tx) => {
      await tx.apply(bytes, 'theirs').catch((error) => assert.ok(error instanceof ubiqlite.UbiqliteError, error));
      await tx.rollback();
    });
  }
  assert.equal(await db.queryValue('SELECT count(*) FROM notes'), 0);
});

test('a database of bigints has them in conflicts, and numbers in batches', async (t) => {
  const inserted = await changesOf(t, "INSERT INTO notes VALUES (1, 'x', 2, NULL)");
  const { db, outbox } = await device(t, { bigint: true });
  await db.execute("INSERT INTO notes VALUES (1, 'y', 1, NULL)");
  assert.equal(typeof (await outbox.next()).id, 'number');
  const { conflicts } = await db.apply(inserted, 'theirs');
  assert.deepEqual([conflicts[0].key, conflicts[0].kind], [{ id: 1n }, 'exists']);
});
