// Live queries in tabs: each sees what another writes, and goes on when the tab that leads is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDS, KEEPING, LIMIT, WAYS, inBrowser, run, runAgain, start, value, within, written } from './support.mjs';

const QUERY = 'SELECT n FROM t ORDER BY n';

/** Opens the database in a tab and watches its table. */
async function watching(page) {
  await start(page);
  await page.evaluate((sql) => window.live(sql), QUERY);
  return page;
}

/** Waits until the tab's newest result is this one; `n` by `n`. */
const shows = (page, wanted) =>
  within(LIMIT, `a watch shows ${wanted}`, page.evaluate(async (text) => {
    const newest = () => window.results.at(-1)?.rows.map(({ n }) => n).join();
    while (newest() !== text && window.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    if (window.failures.length > 0) throw new Error(window.failures.join());
  }, wanted.join()));

/** Waits for the next engine's first result, which comes though nothing was changed. */
const hasNext = (page) =>
  within(LIMIT, 'a second result', page.evaluate(async () => {
    while (window.results.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  }));

/** Returns of each result how many rows it has, how many of them are the same objects as before, and whether it is a new beginning. */
const results = (page) => page.evaluate(() => window.results.map(({ rows, reset, same }) => ({ rows: rows.length, reset, same })));

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: a watch sees what another tab writes, whichever of them leads`, () =>
      inBrowser(kind, async ({ tab }) => {
        const [leader, other] = [await tab(path), await tab(path)];
        await start(leader);
        await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
        await watching(leader);
        await watching(other);
        for (const page of [leader, other]) await shows(page, []);
        await run(leader, 'INSERT INTO t VALUES (1)');
        for (const page of [leader, other]) await shows(page, [1]);
        await run(other, 'INSERT INTO t VALUES (2)');
        for (const page of [leader, other]) await shows(page, [1, 2]);
        for (const page of [leader, other]) {
          assert.deepEqual(await results(page), [
            { rows: 0, reset: true, same: 0 },
            { rows: 1, reset: false, same: 0 },
            { rows: 2, reset: false, same: 1 },
          ]);
          await page.evaluate(() => window.stop());
        }
        await run(other, 'INSERT INTO t VALUES (3)');
        assert.equal((await results(leader)).length, 3);
      }));

    for (const [how, end] of Object.entries(ENDS)) {
      test(`${kind}, ${way}: when the tab that leads is ${how}, a watch goes on with a whole result, marked so`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
          await run(leader, 'INSERT INTO t VALUES (1), (2)');
          const other = await watching(await tab(path));
          await shows(other, [1, 2]);
          await within(LIMIT, how, end(leader));
          await hasNext(other);
          await run(other, 'INSERT INTO t VALUES (3)');
          await shows(other, [1, 2, 3]);
          assert.deepEqual(await results(other), [
            { rows: 2, reset: true, same: 0 },
            { rows: 2, reset: true, same: 0 },
            { rows: 3, reset: false, same: 2 },
          ]);
        }));

      test(`${kind}, ${way}: when the tab that leads is ${how}, several queries go on together, with whole results of one moment`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
          await run(leader, 'INSERT INTO t VALUES (1), (2)');
          const other = await tab(path);
          await start(other);
          await other.evaluate((queries) => window.liveAll(queries), [QUERY, 'SELECT max(n) AS n FROM t']);
          const reaches = (count) =>
            within(LIMIT, `${count} results`, other.evaluate(async (count) => {
              while (window.results.length < count && window.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
              return [window.failures.join(), window.results.map(({ objects, ...told }) => told)];
            }, count));
          assert.deepEqual(await reaches(1), ['', [{ rows: [[1, 2], [2]], reset: [true, true], moments: 1, same: 0 }]]);
          await within(LIMIT, how, end(leader));
          await reaches(2);
          await run(other, 'INSERT INTO t VALUES (3)');
          const [failures, results] = await reaches(3);
          assert.equal(failures, '');
          assert.deepEqual(results.slice(1), [
            { rows: [[1, 2], [2]], reset: [true, true], moments: 1, same: 0 },
            { rows: [[1, 2, 3], [3]], reset: [false, false], moments: 1, same: 2 },
          ]);
        }));

      test(`${kind}, ${way}: no change around the moment when the leading tab is ${how} is missed`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
          const watchers = [await watching(await tab(path)), await watching(await tab(path))];
          const writer = await tab(path);
          await start(writer);
          await writer.evaluate(() => window.write());
          await written(writer, 20);
          await within(LIMIT, how, end(leader));
          await written(writer, 20);
          const [acknowledged, unknown] = await within(LIMIT, 'the writer stops', writer.evaluate(async () => {
            window.writing = false;
            await window.written;
            return [window.acknowledged, window.unknown];
          }));
          const there = await writer.evaluate(async (sql) => (await window.db.query(sql)).map(({ n }) => n), QUERY);
          const lost = acknowledged.filter((n) => !there.includes(n));
          assert.deepEqual(lost, []);
          assert.ok(unknown.length <= 1, `${unknown.length} of one writer were under way at one moment`);
          for (const page of watchers) {
            await shows(page, there);
            const seen = await results(page);
            assert.equal(seen.filter(({ reset }) => reset).length, 2, JSON.stringify(seen.slice(0, 3)));
            // Rows are only added: a result that has fewer than one before it shows an older moment.
            seen.reduce((before, { rows }) => {
              assert.ok(rows >= before, `${rows} rows after ${before}`);
              return rows;
            }, 0);
          }
        }));
    }

    test(`${kind}, ${way}: a tab that goes while it watches leaves nothing behind`, () =>
      inBrowser(kind, async ({ tab, server }) => {
        const leader = await tab(path);
        await start(leader);
        await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
        for (const end of [ENDS.closed, ENDS.crashed]) {
          const other = await watching(await tab(path));
          await shows(other, []);
          await within(LIMIT, 'its end', end(other));
        }
        const cached = await watching(await tab(path));
        await shows(cached, []);
        await cached.goto(server.url('/icon.svg'));
        const stays = await watching(await tab(path));
        await run(leader, 'INSERT INTO t VALUES (1)');
        await shows(stays, [1]);
        await stays.close();
        // Nobody holds the database any more.
        await within(LIMIT, 'removing', leader.evaluate(async () => {
          await window.db.close();
          await window.ubiqlite.remove('app.db');
        }));
      }));
  }

  test(`${kind}: many tabs watch and write, while those that lead go`, () =>
    inBrowser(kind, async ({ tab }) => {
      const tabs = [];
      for (let at = 0; at < 7; at += 1) {
        const page = await tab();
        if (at === 0) {
          await start(page);
          await run(page, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
        }
        tabs.push(await watching(page));
      }
      const there = [];
      for (let round = 0; tabs.length > 3; round += 1) {
        const numbers = tabs.map((_, at) => 100 * round + at);
        await Promise.all(tabs.map((page, at) => runAgain(page, 'INSERT OR IGNORE INTO t VALUES (?)', [numbers[at]])));
        there.push(...numbers);
        for (const page of tabs) await shows(page, there);
        const leader = tabs.shift();
        await within(LIMIT, 'its end', Object.values(ENDS)[round % 2](leader));
      }
      await runAgain(tabs[1], 'DELETE FROM t WHERE n >= 100');
      for (const page of tabs) await shows(page, there.filter((n) => n < 100));
      assert.equal(await value(tabs[2], 'SELECT count(*) FROM t'), 7);
    }));
}

test('chromium: a watch goes on while the tab that leads is frozen, and a frozen watch is up to date when it is back', () =>
  inBrowser('chromium', async ({ tab }) => {
    const leader = await tab();
    await start(leader);
    await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
    await watching(leader);
    const [other, writer] = [await watching(await tab()), await tab()];
    await start(writer);
    for (const page of [leader, other]) await shows(page, []);
    await leader.freeze();
    await hasNext(other);
    await runAgain(writer, 'INSERT OR IGNORE INTO t VALUES (1)');
    await shows(other, [1]);
    await run(writer, 'INSERT INTO t VALUES (2)');
    await shows(other, [1, 2]);
    await leader.thaw();
    await shows(leader, [1, 2]);
  }));
