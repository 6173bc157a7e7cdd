/**
 * Errors by kind: nobody has to read a message to know what happened.
 */

import {
  BusyError, ForeignKeyViolationError, NoSuchTableError, PrimaryKeyViolationError, UbiqliteError,
  UniqueViolationError, open,
} from 'ubiqlite';

import { begin, chapter, note, refused } from './show.js';

/**
 * Inserts a row and returns whether that succeeded, with a message for a user.
 *
 * @param {import('ubiqlite').Database} db
 * @param {string} table
 * @param {Record<string, import('ubiqlite').Value>} row
 * @returns {Promise<[ok: boolean, message: string]>}
 */
async function safeInsert(db, table, row) {
  try {
    await db.table(table).insert(row);
    return [true, 'Success'];
  } catch (error) {
    if (error instanceof UniqueViolationError || error instanceof PrimaryKeyViolationError) return [false, 'Duplicate entry'];
    if (error instanceof ForeignKeyViolationError) return [false, 'Referenced record not found'];
    if (error instanceof NoSuchTableError) return [false, 'Table not found'];
    if (error instanceof BusyError) return [false, 'Database busy'];
    if (error instanceof UbiqliteError) return [false, error.message];
    throw error;
  }
}

/**
 * @param {import('ubiqlite').Database} db
 * @param {string} path
 */
export async function run(db, path) {
  chapter('A safe insert', 'What went wrong is a class to tell by, not a text to search in.');
  const alan = { name: 'Alan', email: 'alan@example.org' };

  /** @type {[what: string, table: string, row: Record<string, import('ubiqlite').Value>][]} */
  const tries = [
    ['a new user', 'users', alan],
    ['the same e-mail again', 'users', alan],
    ['an order of nobody', 'orders', { user_id: 99, total: 1 }],
    ['a table that is not there', 'customers', alan],
    ['no name', 'users', { email: 'x@example.org' }],
  ];
  for (const [what, table, row] of tries) {
    const step = begin(what);
    const [ok, message] = await safeInsert(db, table, row);
    step.end(`${ok}: ${message}`);
  }

  // Another part of the program has the file open and is writing.
  const other = await open(path);
  const writing = await other.begin();
  const impatient = await open(path, { busyTimeout: 50 });
  const step = begin('somebody else is writing');
  const [ok, message] = await safeInsert(impatient, 'users', { name: 'Mary', email: 'mary@example.org' });
  step.end(`${ok}: ${message}`);
  await writing.rollback();
  await impatient.close();
  await other.close();

  chapter('Errors', 'Each carries what SQLite knows.');
  const twice = { name: 'Ada', email: 'ada@example.org' };
  const error = await refused('the same e-mail', db.table('users').insert(twice));
  note('kind', error?.kind);
  note("SQLite's extended code", error?.code);
  note('table and columns', `${error?.table}, ${error?.columns.join(', ')}`);

  const typo = 'SELECT id, nmae FROM items';
  note('a typo', typo);
  const wrong = await db.queryOne(typo).catch((thrown) => thrown);
  note('', '^'.padStart(wrong.offset + 1));
  note('', wrong);
  await refused('one row, where there is none', db.queryOne('SELECT name FROM users WHERE id = ?', [99]));
}
