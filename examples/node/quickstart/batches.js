/**
 * Many rows in one call and one transaction.
 */

import { begin, chapter, note, refused } from './show.js';

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('Many rows in one call', 'One transaction each: all of it happens, or nothing.');
  const items = db.table('items');

  let step = begin('insert 1,000 items');
  const inserted = await items.insertMany(parts(1000));
  step.end(`${inserted} rows`);
  const empty = await items.select().where('data', '{}').count();
  note('', `${empty} of them came without data, and have {}`);

  step = begin('set the status of 5 ids');
  const changed = await items.updateMany([10, 11, 12, 500_000, 500_001], { status: 'archived' });
  step.end(`${changed} rows changed: two of the ids are unknown`);

  step = begin('a statement for many rows');
  const screws = await db.executeMany('INSERT INTO items (name, value) VALUES (?, ?)', rows(1000));
  step.end(`${screws} rows, taken from a generator as they are needed`);

  step = begin('several statements');
  const [deleted, sold] = await db.batch([
    ['DELETE FROM items WHERE name LIKE ?', ['screw %']],
    ["UPDATE items SET status = 'sold' WHERE value > ?", [990]],
  ]);
  step.end(`${deleted.rowsChanged} deleted, ${sold.rowsChanged} sold`);

  const before = await items.count();
  const error = await refused('a list with a wrong row', items.insertMany([{ name: 'fine' }, { name: null }]));
  const added = (await items.count()) - before;
  note('', `the row with index ${error?.index} of the list; ${added} rows were inserted`);
}

/** @param {number} many */
function* parts(many) {
  for (let number = 1; number <= many; number += 1) {
    const part = { name: `part ${number}`, value: number };
    yield number % 2 === 0 ? { ...part, data: { even: true } } : part;
  }
}

/** @param {number} many */
async function* rows(many) {
  for (let number = 1; number <= many; number += 1) yield [`screw ${number}`, 0.01];
}
