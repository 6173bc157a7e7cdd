/**
 * One database, many callers, and private connections.
 */

import { begin, chapter, refused } from './show.js';

const TASKS = 64;

/** Runs the task 64 times at once. @param {(number: number) => Promise<unknown>} task */
function all(task) {
  return Promise.all(Array.from({ length: TASKS }, (_, index) => task(index + 1)));
}

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('64 callers', 'Anybody may call at any time; whoever waits shares the way and the commit.');
  const items = db.table('items');

  let step = begin('64 callers read');
  await all(async (id) => {
    for (let count = 0; count < 200; count += 1) await items.get(id);
  });
  step.endEach(TASKS * 200, '12,800 reads');

  const add = 'UPDATE items SET value = value + 1 WHERE id = 1';
  step = begin('one caller commits');
  for (let count = 0; count < 640; count += 1) await db.execute(add);
  step.endEach(640, '640 commits, each safe on the disk');

  step = begin('64 callers commit');
  await all(async () => {
    for (let count = 0; count < 10; count += 1) await db.execute(add);
  });
  step.endEach(640, 'the same, but waiting writes share a commit');

  step = begin('acquire a session');
  const session = await db.acquire();
  await session.execute('CREATE TEMP TABLE basket (item_id INTEGER)');
  await session.execute('INSERT INTO basket VALUES (?), (?)', [10, 11]);
  const basket = await session.query('SELECT name FROM items JOIN basket ON items.id = item_id');
  await session.release();
  step.end(`with a temporary table of its own: ${basket.map(({ name }) => name).join(', ')}`);

  step = begin('64 callers share 8 sessions');
  await all(async () => {
    const own = await db.acquire();
    try {
      await own.queryValue('SELECT count(*) FROM items');
    } finally {
      await own.release();
    }
  });
  step.end('each waits its turn and gives it back');

  const lent = [];
  for (let count = 0; count < 8; count += 1) lent.push(await db.acquire());
  await refused('the ninth, while 8 are out', db.acquire({ timeout: 20 }));
  await Promise.all(lent.map((one) => one.release()));
}
