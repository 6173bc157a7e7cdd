// The programs of the page about errors.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BusyError,
  CancelledError,
  CheckViolationError,
  ClosedError,
  NotFoundError,
  OutcomeUnknownError,
  UbiqliteError,
  UniqueViolationError,
  open,
} from 'ubiqlite';

const SCHEMA = `
  CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER);
  CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));
  CREATE TABLE orders (id TEXT PRIMARY KEY, item_id INTEGER NOT NULL);
  INSERT INTO users (email) VALUES ('ann@example.org');
  INSERT INTO accounts VALUES (1, 100), (2, 50);`;

async function fresh(t) {
  const db = await open(':memory:', { busyTimeout: 50 });
  t.after(() => db.close());
  await db.batch(SCHEMA);
  return db;
}

// #region kinds
async function register(db, email) {
  try {
    await db.table('users').insert({ email });
    return true;
  } catch (error) {
    if (error instanceof UniqueViolationError) return false;
    throw error;
  }
}
// #endregion kinds

test('a kind is matched', async (t) => {
  const db = await fresh(t);
  assert.equal(await register(db, 'bob@example.org'), true);
  assert.equal(await register(db, 'ann@example.org'), false);
  await db.close();
  await assert.rejects(register(db, 'eve@example.org'), ClosedError);
});

// #region details
async function invite(db, emails) {
  const sql = 'INSERT INTO users (email) VALUES (?)';
  try {
    await db.batch(emails.map((email) => [sql, [email]]));
  } catch (error) {
    console.error(`${error.kind}: ${error.message}`);
    console.error(`statement ${error.index} of the batch, code ${error.code}`);
    console.error(`table ${error.table}, columns ${error.columns}`);
    throw error;
  }
}
// #endregion details

test('an error has details', async (t) => {
  const db = await fresh(t);
  await assert.rejects(invite(db, ['bob@example.org', 'ann@example.org']), (error) => {
    assert.ok(error instanceof UbiqliteError);
    assert.equal(error.kind, 'UniqueViolation');
    assert.equal(error.name, 'UniqueViolationError');
    assert.equal(error.index, 1);
    assert.equal(error.table, 'users');
    assert.deepEqual(error.columns, ['email']);
    assert.equal(error.code, 2067);
    assert.equal(error.sql, 'INSERT INTO users (email) VALUES (?)');
    return !Object.keys(error).includes('sql');
  });
  assert.equal(await db.table('users').count(), 1, 'nothing of the batch is kept');
});

// #region offset
async function ask(db, sql) {
  try {
    return await db.query(sql);
  } catch (error) {
    if (error.offset !== undefined) {
      const rest = Buffer.from(sql).subarray(error.offset); // in bytes of UTF-8
      console.error(`${error.message}, here: ${rest}`);
    }
    throw error;
  }
}
// #endregion offset

test('an error names the place in the SQL', async (t) => {
  const db = await fresh(t);
  const sql = 'SELECT name, prise FROM items';
  await assert.rejects(ask(db, sql), (error) => {
    assert.equal(error.kind, 'NoSuchColumn');
    assert.deepEqual(error.columns, ['prise']);
    return sql.slice(error.offset) === 'prise FROM items';
  });
});

// #region outcome
async function pay(db, from, to, amount) {
  try {
    await db.table('accounts').transfer('balance', [{ from, to, amount }]);
    return 'done';
  } catch (error) {
    if (error instanceof NotFoundError) return 'no such account';
    if (error instanceof CheckViolationError) return 'overdrawn';
    throw error;
  }
}
// #endregion outcome

test('an expected outcome is no failure', async (t) => {
  const db = await fresh(t);
  assert.equal(await pay(db, 1, 2, 30), 'done');
  assert.equal(await pay(db, 1, 99, 30), 'no such account');
  assert.equal(await pay(db, 1, 2, 1000), 'overdrawn');
  assert.equal(await db.queryValue('SELECT sum(balance) FROM accounts'), 150);
  await assert.rejects(db.execute('INSERT INTO accounts VALUES (3, -1)'), (error) => {
    assert.deepEqual(error.columns, []);
    assert.match(error.message, /balance >= 0/);
    return error.kind.endsWith('Violation');
  });
  // A statement that is refused inside a transaction is undone alone.
  await db.transaction(async (tx) => {
    await tx.execute('INSERT INTO accounts VALUES (3, 0)');
    await assert.rejects(tx.execute('INSERT INTO accounts VALUES (4, 0), (5, -1)'), CheckViolationError);
    await tx.execute('INSERT INTO accounts VALUES (6, 0)');
  });
  const rows = await db.query('SELECT id FROM accounts ORDER BY id');
  assert.deepEqual(rows.map((row) => row.id), [1, 2, 3, 6]);
});

test('a transaction that SQLite ended does nothing more', async (t) => {
  const db = await fresh(t);
  const tx = await db.begin();
  const sql = "INSERT OR ROLLBACK INTO users (email) VALUES ('ann@example.org')";
  await assert.rejects(tx.execute(sql), UniqueViolationError);
  await assert.rejects(tx.execute('DELETE FROM users'), CancelledError);
  await assert.rejects(tx.commit(), CancelledError);
  assert.equal(await db.table('users').count(), 1);
});

// #region busy
async function retried(call) {
  for (const pause of [50, 100, 200]) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return call();
}
// #endregion busy

test('a busy call can be repeated', async (t) => {
  const db = await fresh(t);
  const holder = await db.begin();
  let tries = 0;
  const sql = 'UPDATE accounts SET balance = balance + 1 WHERE id = 1';
  const done = retried(() => {
    tries += 1;
    return db.execute(sql);
  });
  await sleep(120);
  await holder.rollback();
  assert.equal((await done).rowsChanged, 1);
  assert.ok(tries > 1, `${tries}`);
  assert.equal(await db.queryValue('SELECT balance FROM accounts WHERE id = 1'), 101);
});

// #region unknown
async function place(db, order, item) {
  // The caller chose the key: to do it twice is to do it once.
  const sql = 'INSERT INTO orders (id, item_id) VALUES (?, ?) ON CONFLICT (id) DO NOTHING';
  try {
    await db.execute(sql, [order, item]);
  } catch (error) {
    if (!(error instanceof OutcomeUnknownError)) throw error;
    await db.execute(sql, [order, item]);
  }
}
// #endregion unknown

test('a write with a key of its own can be repeated', async (t) => {
  const db = await fresh(t);
  await place(db, '7f2c', 1);
  await place(db, '7f2c', 1);
  assert.equal(await db.table('orders').count(), 1);
});
