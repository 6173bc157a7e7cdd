// The guide's page about transactions.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { UniqueViolationError, open } from 'ubiqlite';

const SCHEMA = `
  CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
  INSERT INTO accounts VALUES (1, 100), (2, 50), (3, 0);
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INTEGER NOT NULL DEFAULT 0);
  INSERT INTO items (name, stock) VALUES ('lamp', 5);
  CREATE TABLE log (message TEXT NOT NULL);
`;

/** Opens a database with the schema, which ends with the test. */
async function fresh(t, options) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  const db = await open(join(folder, 'app.db'), options);
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  await db.batch(SCHEMA);
  return db;
}

async function column(db, sql) {
  return (await db.query(sql, [], { rows: 'array' })).map(([value]) => value);
}

const messages = (db) => column(db, 'SELECT message FROM log ORDER BY rowid');
const balances = (db) => column(db, 'SELECT balance FROM accounts ORDER BY id');
const stock = (db) => db.queryValue('SELECT stock FROM items WHERE id = 1');

test('a transaction is committed when its function resolves', async (t) => {
  const db = await fresh(t);
  // #region transaction
  const left = await db.transaction(async (tx) => {
    await tx.execute('UPDATE accounts SET balance = balance - 10 WHERE id = ?', [1]);
    await tx.execute('INSERT INTO log (message) VALUES (?)', ['paid 10']);
    return tx.queryValue('SELECT balance FROM accounts WHERE id = ?', [1]);
  });
  // #endregion transaction
  assert.equal(left, 90);
  assert.deepEqual(await balances(db), [90, 50, 0]);
  assert.deepEqual(await messages(db), ['paid 10']);
});

// #region error
class TooPoor extends Error {}

function pay(db, amount) {
  return db.transaction(async (tx) => {
    await tx.execute('UPDATE accounts SET balance = balance - ? WHERE id = 1', [amount]);
    const left = await tx.queryValue('SELECT balance FROM accounts WHERE id = 1');
    if (left < 20) throw new TooPoor(`${left} would be left`); // rolls back
  });
}
// #endregion error

test('an error that leaves the function rolls back', async (t) => {
  const db = await fresh(t);
  await pay(db, 30);
  await assert.rejects(pay(db, 60), TooPoor);
  assert.deepEqual(await balances(db), [70, 50, 0]);
});

test('an error that the function catches undoes its statement alone', async (t) => {
  const db = await fresh(t);
  // #region caught
  await db.transaction(async (tx) => {
    await tx.execute("INSERT INTO log (message) VALUES ('a lamp arrived')");
    try {
      await tx.table('items').insert({ name: 'lamp', stock: 1 });
    } catch (error) {
      if (!(error instanceof UniqueViolationError)) throw error;
      await tx.execute("UPDATE items SET stock = stock + 1 WHERE name = 'lamp'");
    }
  });
  // #endregion caught
  assert.equal(await stock(db), 6);
  assert.deepEqual(await messages(db), ['a lamp arrived']);
  // Unless the statement itself says that its failure ends the transaction.
  const tx = await db.begin();
  await assert.rejects(tx.execute("INSERT OR ROLLBACK INTO items (name) VALUES ('lamp')"), { kind: 'UniqueViolation' });
  await assert.rejects(tx.execute("INSERT INTO log (message) VALUES ('never')"), { kind: 'Cancelled' });
  await assert.rejects(tx.commit(), { kind: 'Cancelled' });
});

test('a deferred foreign key is checked by the commit', async (t) => {
  const db = await fresh(t);
  await db.batch('CREATE TABLE parts (item_id REFERENCES items (id) DEFERRABLE INITIALLY DEFERRED)');
  const tx = await db.begin();
  await tx.execute('INSERT INTO parts VALUES (99)');
  await assert.rejects(tx.commit(), { kind: 'ForeignKeyViolation' });
  assert.equal(await db.table('parts').count(), 0);
});

test('a transaction is begun and committed by hand', async (t) => {
  const db = await fresh(t);
  // #region handle
  const tx = await db.begin();
  try {
    await tx.execute('UPDATE items SET stock = stock - 1 WHERE id = ?', [1]);
    await tx.execute("INSERT INTO log (message) VALUES ('sold a lamp')");
  } catch (error) {
    await tx.rollback();
    throw error;
  }
  await tx.commit();
  // #endregion handle
  assert.equal(await stock(db), 4);
  const other = await db.begin();
  await other.execute('DELETE FROM items');
  await other.rollback();
  assert.equal(await stock(db), 4);
  await assert.rejects(other.commit(), { kind: 'Closed' });
});

test('what is refused inside a transaction', async (t) => {
  const db = await fresh(t, { busyTimeout: 100 });
  const ended = await db.transaction(async (tx) => {
    const refused = [
      'BEGIN',
      'COMMIT',
      'ROLLBACK',
      'SAVEPOINT one',
      "ATTACH ':memory:' AS other",
      'CREATE TEMP TABLE seen (id)',
      'PRAGMA foreign_keys = OFF',
      'PRAGMA journal_mode = DELETE',
      'VACUUM',
      'DELETE FROM items; DELETE FROM log',
    ];
    for (const sql of refused) await assert.rejects(tx.execute(sql), { kind: 'InvalidArgument' }, sql);
    await tx.execute('PRAGMA defer_foreign_keys = ON');
    await assert.rejects(db.execute('DELETE FROM items'), { kind: 'Busy' });
    await assert.rejects(db.begin(), { kind: 'Busy' });
    await tx.execute('UPDATE items SET stock = 0');
    assert.equal(await stock(db), 5);
    const sp = await tx.beginSavepoint();
    await assert.rejects(tx.execute('DELETE FROM items'), { kind: 'InvalidArgument' });
    await sp.release();
    return tx;
  });
  await assert.rejects(ended.execute('DELETE FROM items'), { kind: 'Closed' });
  assert.equal(await stock(db), 0);
});

test('modes', async (t) => {
  const db = await fresh(t, { busyTimeout: 100 });
  // #region mode
  await db.transaction(
    async (tx) => {
      const stock = await tx.queryValue('SELECT stock FROM items WHERE id = 1');
      if (stock < 10) await tx.execute('UPDATE items SET stock = 10 WHERE id = 1');
    },
    { mode: 'deferred' },
  );
  // #endregion mode
  assert.equal(await stock(db), 10);
  await db.transaction((tx) => tx.execute('UPDATE items SET stock = 11'), { mode: 'exclusive' });
  if (db.engine === 'native') {
    const other = await open(db.path);
    const tx = await db.begin({ mode: 'deferred' });
    assert.equal(await stock(tx), 11);
    // It has its own database's turn to write, and leaves the file to others.
    await assert.rejects(db.execute('UPDATE items SET stock = 12'), { kind: 'Busy' });
    await other.execute('UPDATE items SET stock = 13');
    assert.equal(await stock(tx), 11);
    await assert.rejects(tx.execute('UPDATE items SET stock = 14'), { kind: 'Busy' });
    await tx.rollback();
    await other.close();
  } else {
    const tx = await db.begin({ mode: 'deferred' });
    await stock(tx);
    await db.execute('UPDATE items SET stock = 13');
    await tx.rollback();
  }
  // In a session it leaves both.
  const session = await db.acquire();
  const tx = await session.begin({ mode: 'deferred' });
  await stock(tx);
  await db.execute('UPDATE items SET stock = 15');
  await assert.rejects(tx.execute('UPDATE items SET stock = 16'), { kind: 'Busy' });
  await tx.rollback();
  session.release();
});

test('a savepoint is undone alone', async (t) => {
  const db = await fresh(t);
  // #region savepoint
  await db.transaction(async (tx) => {
    for (const name of ['chair', 'lamp', 'table']) {
      try {
        await tx.savepoint(async (sp) => {
          await sp.execute('INSERT INTO log (message) VALUES (?)', [`added ${name}`]);
          await sp.table('items').insert({ name });
        });
      } catch (error) {
        if (!(error instanceof UniqueViolationError)) throw error;
        await tx.execute('INSERT INTO log (message) VALUES (?)', [`skipped ${name}`]);
      }
    }
  });
  // #endregion savepoint
  assert.deepEqual(await messages(db), ['added chair', 'skipped lamp', 'added table']);
  assert.equal(await db.table('items').count(), 3);
});

test('a batch is one transaction', async (t) => {
  const db = await fresh(t);
  // #region batch
  const done = await db.batch([
    ['UPDATE items SET stock = stock - ? WHERE id = ?', [2, 1]],
    ['INSERT INTO log (message) VALUES (?)', ['sold two lamps']],
  ]);
  // #endregion batch
  assert.deepEqual(done.map(({ rowsChanged }) => rowsChanged), [1, 1]);
  assert.equal(await stock(db), 3);
  await assert.rejects(db.batch(['DELETE FROM log', "INSERT INTO items (name) VALUES ('lamp')"]), {
    kind: 'UniqueViolation',
    index: 1,
  });
  assert.deepEqual(await messages(db), ['sold two lamps']);
  // #region script
  await db.batch(`
    CREATE TABLE orders (id INTEGER PRIMARY KEY, item_id INTEGER REFERENCES items (id));
    CREATE INDEX orders_of_item ON orders (item_id);
    INSERT INTO log (message) VALUES ('orders can be taken');
  `);
  // #endregion script
  assert.equal(await db.table('orders').count(), 0);
  await assert.rejects(db.batch('DELETE FROM log; SELEC 1;'), { kind: 'Syntax', index: 1 });
  assert.equal((await messages(db)).length, 2);
  // A script may have transactions of its own: what they committed stays.
  const own = "BEGIN; DELETE FROM log; COMMIT; INSERT INTO items (name) VALUES ('lamp');";
  await assert.rejects(db.batch(own), { kind: 'UniqueViolation', message: /stay/ });
  assert.deepEqual(await messages(db), []);
  await assert.rejects(db.batch(['BEGIN', 'DELETE FROM items', 'COMMIT']), { kind: 'InvalidArgument' });
  // Inside a transaction, a batch that fails undoes itself and nothing else.
  await db.transaction(async (tx) => {
    await tx.execute("INSERT INTO log (message) VALUES ('kept')");
    const batch = tx.batch(['DELETE FROM log', "INSERT INTO items (name) VALUES ('lamp')"]);
    await assert.rejects(batch, { kind: 'UniqueViolation' });
  });
  assert.deepEqual(await messages(db), ['kept']);
});

test('a transfer happens whole or not at all', async (t) => {
  const db = await fresh(t);
  // #region transfer
  await db.table('accounts').transfer('balance', [
    { from: 1, to: 2, amount: 30 },
    { from: 2, to: 3, amount: 60 },
  ]);
  // #endregion transfer
  assert.deepEqual(await balances(db), [70, 20, 60]);
  for (const [second, kind] of [
    [[1, 99, 10], 'NotFound'],
    [[2, 1, 1000], 'CheckViolation'],
    [[2, 1, -1], 'InvalidArgument'],
  ]) {
    const transfer = db.table('accounts').transfer('balance', [[1, 2, 10], second]);
    await assert.rejects(transfer, { kind, index: 1 });
  }
  assert.deepEqual(await balances(db), [70, 20, 60]);
});
