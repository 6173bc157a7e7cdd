/**
 * Time limits, cancelling, and interrupting.
 */

import { begin, chapter, note, pause, refused } from './show.js';

/** A query that never ends on its own. */
const ENDLESS = `
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
  SELECT count(*) FROM n`;

/** @param {import('ubiqlite').Database} db */
export async function run(db) {
  chapter('Limits', 'Any call can be given up, and leaves nothing behind.');
  const items = db.table('items');

  let step = begin('a time limit');
  const late = db.queryValue(ENDLESS, [], { timeout: 50 });
  await late.catch(() => {});
  step.end('the limit is 50 ms; `db.timeout(50)` has it for each call');
  await refused('', late);

  step = begin('giving up by a signal');
  const givenUp = db.queryValue(ENDLESS, [], { signal: AbortSignal.timeout(50) });
  await givenUp.catch(() => {});
  step.end('rejected at once, and the query is stopped');
  await refused('', givenUp);

  step = begin('the next read');
  step.end(`${await items.count()} items: the query that was given up is in nobody's way`);

  step = begin('a write that is given up');
  const write = db.execute(`DELETE FROM items WHERE id < (${ENDLESS})`, [], { signal: AbortSignal.timeout(50) });
  const stopped = await write.then(() => false, () => true);
  step.end(`given up after 50 ms: ${stopped}`);
  note('', `undone: there are still ${await items.count()} items`);

  step = begin('interrupt');
  const answer = db.queryValue(ENDLESS, [], { timeout: 5000 });
  await Promise.allSettled([answer, pause(50).then(() => db.interrupt())]);
  step.end('stops all that runs now');
  await refused('', answer);
}
