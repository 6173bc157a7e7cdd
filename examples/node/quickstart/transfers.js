/**
 * Moving amounts between accounts, all or nothing.
 */

import { begin, chapter, note, refused } from './show.js';

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('Transfers', 'Both accounts must exist; the whole list happens, or nothing.');
  const accounts = db.table('accounts');
  await accounts.insertMany([1, 2, 3].map((id) => ({ id, balance: 100 })));
  note('balances before', await balances(db));

  const step = begin('1 to 2: 30; 2 to 3: 50');
  await accounts.transfer('balance', [{ from: 1, to: 2, amount: 30 }, { from: 2, to: 3, amount: 50 }]);
  step.end('done');
  note('balances after', await balances(db));

  await refused('1 to 2: 10; 1 to 99: 5', accounts.transfer('balance', [[1, 2, 10], [1, 99, 5]]));
  note('balances now', await balances(db));

  const overdrawn = accounts.transfer('balance', [[3, 1, 10], [2, 1, 1000]]);
  const error = await refused('3 to 1: 10; 2 to 1: 1,000', overdrawn);
  note('', `by the transfer with index ${error?.index} of the list`);
  note('balances now', await balances(db));
}

/** @param {import('ubiqlite').Database} db */
async function balances(db) {
  const rows = await db.query('SELECT id, balance FROM accounts ORDER BY id');
  return rows.map(({ id, balance }) => `${id} has ${balance}`).join(', ');
}
