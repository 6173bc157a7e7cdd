// Copies as bytes and restoring in tabs: what is streamed out of one is restored by another, and all of them see it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDS, KEEPING, LIMIT, WAYS, inBrowser, run, start, value, within } from './support.mjs';

const FILL = `WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 1500)
  INSERT INTO t SELECT i, randomblob(2000) FROM r`;
const SUMMARY = "SELECT count(*) || ' ' || sum(n) || ' ' || hex(max(substr(filler, 1, 8))) FROM t";

/** Opens the database in a tab, with 1500 rows of 3 MB. */
async function filled(page) {
  await start(page);
  await run(page, 'CREATE TABLE t(n INTEGER PRIMARY KEY, filler)');
  await run(page, FILL);
  return value(page, SUMMARY);
}

/** Reads a copy in a tab, which keeps it as `copy`. */
const copied = (page) =>
  within(LIMIT, 'copying', page.evaluate(async () => {
    window.copy = await new Response(window.db.backupStream()).blob();
    return window.copy.size;
  }));

/** Restores what the tab has kept. */
const restored = (page) => within(LIMIT, 'restoring', page.evaluate(() => window.db.restore(window.copy)));

/** Returns the kind of the error that the tab's function rejects with. */
const kindOf = (page, fn) => within(LIMIT, 'the error', page.evaluate(fn).then(() => 'done', (error) => error.kind));

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: what one tab streams out and restores, another sees, its live query once`, () =>
      inBrowser(kind, async ({ tab }) => {
        for (const restores of [0, 1]) {
          const tabs = [await tab(path), await tab(path)];
          await start(tabs[0]);
          await run(tabs[0], 'DROP TABLE IF EXISTS t');
          const before = await filled(tabs[0]);
          await start(tabs[1]);
          const [one, two] = [tabs[restores], tabs[1 - restores]];
          assert.equal((await copied(one)) % 4096, 0);
          await run(two, 'DELETE FROM t WHERE n > 2');
          await two.evaluate(() => window.live('SELECT count(*) AS n FROM t'));
          const counts = (length) =>
            within(LIMIT, `${length} results`, two.evaluate(async (wanted) => {
              while (window.results.length < wanted && window.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
              return [...window.results.map(({ rows }) => rows[0].n), ...window.failures];
            }, length));
          await counts(1);
          await restored(one);
          for (const page of tabs) assert.equal(await value(page, SUMMARY), before);
          await counts(2);
          await run(one, 'DELETE FROM t WHERE n > 1');
          assert.deepEqual(await counts(3), [2, 1500, 1]);
          for (const page of tabs) await page.close();
        }
      }));

    for (const [how, end] of Object.entries(ENDS)) {
      test(`${kind}, ${way}: a copy whose leading tab is ${how} fails, and is made again by the next`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          const before = await filled(leader);
          const other = await tab(path);
          await start(other);
          await within(LIMIT, 'the first bytes', other.evaluate(async () => {
            window.reader = window.db.backupStream().getReader();
            await window.reader.read();
          }));
          await within(LIMIT, how, end(leader));
          const outcome = await kindOf(other, async () => {
            while (!(await window.reader.read()).done);
          });
          assert.equal(outcome, 'Cancelled');
          await copied(other);
          await run(other, 'DELETE FROM t');
          await restored(other);
          assert.equal(await value(other, SUMMARY), before);
        }));
    }
  }

  test(`${kind}: what is no database is refused, and there are no paths`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const before = await filled(page);
      assert.equal(await kindOf(page, () => window.db.restore(new TextEncoder().encode('no database'.repeat(1000)))), 'NotADatabase');
      assert.equal(await kindOf(page, async () => window.db.restore((await window.db.serialize()).slice(0, 4096 * 20))), 'Corrupt');
      assert.equal(await kindOf(page, () => window.db.restore('app.db')), 'Unsupported');
      assert.equal(await kindOf(page, () => window.db.backup('copy.db')), 'Unsupported');
      assert.equal(await kindOf(page, () => window.db.recover('saved.db')), 'Unsupported');
      assert.equal(await kindOf(page, () => window.db.replicate('replica')), 'Unsupported');
      assert.equal(await kindOf(page, () => window.db.replicate({ put() {}, list: () => [], get() {}, remove() {} })), 'Unsupported');
      assert.equal(await page.evaluate(async () => (await window.db.capabilities()).replicas), false);
      assert.equal(await value(page, SUMMARY), before);
      assert.deepEqual(await page.evaluate(() => window.ubiqlite.list()), ['app.db']);
    }));

  test(`${kind}: a stream that is cancelled holds nothing back, and a copy opens as a file or in memory`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const before = await filled(page);
      const found = await within(LIMIT, 'the copies', page.evaluate(async (sql) => {
        const reader = window.db.backupStream().getReader();
        await reader.read();
        await reader.cancel();
        const memory = await window.ubiqlite.deserialize(window.db.backupStream());
        await window.ubiqlite.importFile('copy.db', window.db.backupStream());
        const file = await window.ubiqlite.open('copy.db');
        const found = [await memory.queryValue(sql), await file.queryValue(sql)];
        await Promise.all([memory.close(), file.close(), window.db.close()]);
        return found;
      }, SUMMARY));
      assert.deepEqual(found, [before, before]);
    }));
}
