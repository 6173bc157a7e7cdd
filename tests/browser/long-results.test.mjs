// Long results come in parts, also from the engine of another tab, and also if that tab closes in the middle.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, WAYS, inBrowser, run, sleep, start, within } from './support.mjs';

/** Enough rows that a tab can be closed while they arrive. */
const ROWS = 200_000;

/** Begins to read all rows; `window.whole` settles to whether they are right, or to the fault. */
const begin = (page) =>
  page.evaluate((rows) => {
    window.whole = (async () => {
      const all = await window.db.query('SELECT i, text FROM t');
      const wrong = all.findIndex(({ i, text }, index) => i !== index + 1 || Number(text) !== i);
      return all.length === rows && wrong < 0 ? 'right' : `${all.length} rows, the first wrong one is ${JSON.stringify(all[wrong])} at ${wrong}`;
    })();
  }, ROWS);

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: every row is there once, though the tab that leads goes in the middle`, () =>
      inBrowser(kind, async ({ tab }) => {
        let leader = await tab(path);
        await start(leader);
        await run(leader, 'CREATE TABLE t(i INTEGER PRIMARY KEY, text)');
        await run(
          leader,
          `INSERT INTO t WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < ${ROWS})
           SELECT i, printf('%060d', i) FROM r`,
        );
        await begin(leader);
        assert.equal(await within(20_000, 'all rows', leader.evaluate(() => window.whole)), 'right');
        for (const delay of [5, 40, 100]) {
          const next = await tab(path);
          await start(next);
          await begin(next);
          await sleep(delay);
          await leader.close();
          assert.equal(await within(20_000, 'all rows', next.evaluate(() => window.whole)), 'right');
          leader = next;
        }
      }));
  }
}
