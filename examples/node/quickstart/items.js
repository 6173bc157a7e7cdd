/**
 * One row at a time, without SQL, and selecting rows.
 */

import { begin, chapter, refused } from './show.js';

/** @typedef {import('./tables.js').Item} Item */
/** @typedef {Partial<Omit<Item, 'data'> & { data: object }>} Written `data` is written as an object, and read as JSON text */

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('Items, one at a time', "A table's operations need no SQL; names are checked.");
  /** @type {import('ubiqlite').Table<Item, Written>} */
  const items = db.table('items');

  let step = begin('create');
  const lamp = await items.insert({ name: 'lamp', data: { watt: 40, colours: ['red'] } });
  step.end(`id ${lamp}, its data stored as JSON`);

  step = begin('create another');
  const chair = await items.insert({ name: 'chair', value: 49.5 });
  step.end(`id ${chair}, what it does not have gets the columns' defaults`);

  step = begin('get');
  const item = await items.get(lamp);
  step.end(item ? `${item.name} is ${item.status}, watt ${JSON.parse(item.data).watt}` : 'is not there');

  step = begin('get what is not there');
  step.end(String(await items.get(999)));

  step = begin('get, 10,000 times');
  for (let count = 0; count < 10_000; count += 1) await items.get(lamp);
  step.endEach(10_000, 'each awaited before the next');

  step = begin('the same at once');
  await Promise.all(Array.from({ length: 10_000 }, () => items.get(lamp)));
  step.endEach(10_000, 'calls of one moment travel together');

  step = begin('update');
  const changed = await items.update(lamp, { status: 'done', value: 19.9 });
  step.end(`a row changed: ${changed}`);

  step = begin('update no field');
  step.end(`a row changed: ${await items.update(lamp, {})}; the file was not touched`);

  await refused('update a column of evil name', items.update(lamp, /** @type {object} */ ({ "status = 'gone' --": 1 })));

  step = begin('insert or update (upsert)');
  const id = await items.upsert({ id: lamp, name: 'floor lamp' });
  step.end(`id ${id} has a new name, the other columns stay`);

  step = begin('query by status');
  /** @type {Item[]} */
  const done = await db.query('SELECT * FROM items WHERE status = ?', ['done']);
  step.end(list(done));

  step = begin('the same without SQL');
  step.end(list(await items.select().where('status', 'done').orderBy('id').all()));

  step = begin('filters, order and limit');
  const chosen = await items
    .select()
    .whereIn('status', ['new', 'done'])
    .where('value', '>=', 10)
    .where('name', 'like', '%a%')
    .orderBy('value', 'desc')
    .limit(5)
    .all();
  step.end(list(chosen));

  step = begin('named parameters, one value');
  const sql = 'SELECT sum(value) FROM items WHERE value BETWEEN :low AND :high';
  step.end(`the sum is ${await db.queryValue(sql, { low: 10, high: 100 })}`);

  step = begin('delete');
  step.end(`a row went: ${await items.delete(chair)}`);

  step = begin('delete it again');
  step.end(`a row went: ${await items.delete(chair)}`);
}

/** @param {Item[]} items */
function list(items) {
  return items.map(({ id, name, status, value }) => `${id} ${name} (${status}, ${value})`).join('; ');
}
