/**
 * Explicit transactions, and savepoints in them.
 */

import { begin, chapter, note, refused } from './show.js';

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('Transactions', 'Committed if the function returns; else nothing has happened.');

  let step = begin('a transaction');
  const { ada, orders } = await db.transaction(async (tx) => {
    const user = await tx.table('users').insert({ name: 'Ada', email: 'ada@example.org' });
    for (const total of [120, 80]) await tx.table('orders').insert({ user_id: user, total });
    return { ada: user, orders: await tx.table('orders').count() };
  });
  step.end(`user ${ada} with ${orders} orders, in one commit`);

  step = begin('a savepoint in it');
  const [count, error] = await db.transaction(async (tx) => {
    await tx.execute('INSERT INTO orders (user_id, total) VALUES (?, 10)', [ada]);
    const tried = tx.savepoint(async (sp) => {
      await sp.execute('DELETE FROM orders');
      // No such user: the savepoint is undone, but the order above stays.
      await sp.execute('INSERT INTO orders (user_id, total) VALUES (99, 1)');
    });
    const thrown = await tried.catch((reason) => reason);
    return [await tx.queryValue('SELECT count(*) FROM orders'), thrown];
  });
  step.end(`${count} orders; what the savepoint deleted is back after its error`);
  note('', error);

  const failed = db.transaction(async (tx) => {
    await tx.execute('DELETE FROM orders');
    throw new Error('changed my mind');
  });
  await refused('an error in the function', failed);

  step = begin('a handle, given up');
  const tx = await db.begin();
  await tx.execute('DELETE FROM orders');
  await tx.rollback();
  step.end('rolled back; `await using` does so at the end of a block');
  note('', `still ${await db.table('orders').count()} orders`);
}
