// The guide's page about change sets.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from 'ubiqlite';

/** A device: a database of its own, which is closed and removed when the test ends. */
async function device(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  const db = await open(join(folder, 'app.db'));
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  await db.batch(`
    CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT, updated_at INTEGER);
    CREATE TABLE settings (name TEXT PRIMARY KEY, value);
    CREATE TABLE received (number INTEGER);
    INSERT INTO received VALUES (0);
  `);
  return db;
}

/** The changes of a note that another device has made. */
async function theirs(t) {
  const other = await device(t);
  const outbox = await other.outbox('notes');
  await other.execute("INSERT INTO notes VALUES ('n1', 'theirs', 2)");
  return (await outbox.next()).bytes;
}

const body = (db) => db.queryValue('SELECT body FROM notes');

test('what waits is sent and acknowledged', async (t) => {
  const [db, other] = [await device(t), await device(t)];
  const sent = [];
  const send = async (bytes) => sent.push(bytes);
  // #region outbox
  const outbox = await db.outbox(['notes', 'settings']);
  await db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)");

  for (let batch; (batch = await outbox.next()); ) {
    await send(batch.bytes);
    await outbox.ack(batch.id);
  }
  // #endregion outbox
  const [bytes] = sent;
  assert.equal(sent.length, 1);
  // #region apply
  await other.apply(bytes, 'theirs');
  // #endregion apply
  assert.equal(await body(other), 'buy milk');
  assert.equal(await (await db.outbox(['notes', 'settings'])).next(), undefined);
});

test('whoever sends waits for the next commit', async (t) => {
  const db = await device(t);
  let sent = 0;
  const send = async () => {
    sent += 1;
    if (sent === 1) await db.execute("INSERT INTO notes VALUES ('n2', 'buy bread', 2)");
    // Once the second is acknowledged: that was asked for before.
    else setTimeout(() => void db.close(), 0);
  };
  const outbox = await db.outbox('notes');
  await db.execute("INSERT INTO notes VALUES ('n1', 'buy milk', 1)");
  // #region wait
  for await (const batch of outbox) {
    await send(batch.bytes);
    await outbox.ack(batch.id);
  }
  // #endregion wait
  assert.equal(sent, 2);
});

test('a conflict is data', async (t) => {
  const [db, bytes] = [await device(t), await theirs(t)];
  await db.execute("INSERT INTO notes VALUES ('n1', 'ours', 1)");
  // #region conflicts
  const { conflicts } = await db.apply(bytes, {
    policy: 'ours',
    tables: { notes: { newest: 'updated_at' } },
  });
  for (const { table, key, decision } of conflicts) console.log(table, key, decision);
  // #endregion conflicts
  assert.deepEqual(conflicts.map(({ key, decision }) => [key, decision]), [[{ id: 'n1' }, 'theirs']]);
  assert.equal(await body(db), 'theirs');
});

test('what was received is noted with it', async (t) => {
  const [db, bytes, number] = [await device(t), await theirs(t), 7];
  // #region transaction
  await db.transaction(async (tx) => {
    await tx.apply(bytes, 'theirs');
    await tx.execute('UPDATE received SET number = ?', [number]);
  });
  // #endregion transaction
  assert.equal(await db.queryValue('SELECT number FROM received'), 7);
  assert.equal(await body(db), 'theirs');
});
