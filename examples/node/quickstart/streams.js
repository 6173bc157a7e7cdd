/**
 * Rows one after another: more than have to fit in memory.
 */

import { begin, chapter } from './show.js';

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('Streams', 'However many rows there are, a few pages of 64 KiB are held.');

  let step = begin('insert 100,000 items');
  const sql = 'INSERT INTO items (name, status, value) VALUES (?, ?, ?)';
  const inserted = await db.executeMany(sql, bulk(100_000));
  step.endEach(100_000, `${inserted} rows`);

  step = begin('stream them');
  let [count, letters, sum] = [0, 0, 0];
  for await (const row of db.stream('SELECT * FROM items WHERE status = ?', ['bulk'])) {
    count += 1;
    letters += row.name.length;
    sum += row.value;
  }
  step.endEach(100_000, `${count} rows, ${letters} letters, sum ${sum}`);

  step = begin('stream them without SQL');
  sum = 0;
  for await (const row of db.table('items').select().where('status', 'bulk').stream()) sum += row.value;
  step.endEach(100_000, `sum ${sum}`);

  step = begin('stop early');
  const first = [];
  for await (const row of db.table('items').select().where('id', '>', 5000).stream()) {
    first.push(row.id);
    if (first.length === 3) break;
  }
  step.end(`${first.join(', ')}; leaving the loop stops the query`);
}

/** @param {number} many */
function* bulk(many) {
  for (let number = 1; number <= many; number += 1) yield [`item ${number}`, 'bulk', number % 100];
}
