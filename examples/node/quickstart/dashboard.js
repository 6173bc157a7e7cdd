/**
 * Several queries at once, of one moment.
 */

import { begin, chapter, note } from './show.js';

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('A dashboard', 'Three queries side by side, all of one moment: a snapshot.');
  const orders = db.table('orders');
  const grace = await db.table('users').insert({ name: 'Grace', email: 'grace@example.org' });
  await orders.insertMany(Array.from({ length: 25 }, (_, index) => ({ user_id: grace, total: (index + 1) * 10 })));

  const now = await db.snapshot();
  // Somebody places an order between two of the dashboard's queries.
  await orders.insert({ user_id: grace, total: 1_000_000 });

  const step = begin('three queries at once');
  const [user, latest, totals] = await Promise.all([
    now.queryOne('SELECT name, email FROM users WHERE id = ?', [grace]),
    now.query('SELECT id, total, created_at FROM orders WHERE user_id = ? ORDER BY id DESC LIMIT 10', [grace]),
    now.queryOne('SELECT count(*) AS count, sum(total) AS sum FROM orders WHERE user_id = ?', [grace]),
  ]);
  step.end(`${user.name} <${user.email}>`);

  const [first] = latest;
  note('the ten latest orders', `${latest.length} of them, the first: no. ${first.id}, ${first.total} at ${first.created_at}`);
  note('count and sum', `${totals.count} orders, ${totals.sum} in all`);

  await now.close();
  const after = await orders.select().where('user_id', grace).count();
  note('meanwhile', `somebody ordered: there are ${after} now; the dashboard is of the moment before`);
}
