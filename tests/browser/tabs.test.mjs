// Several tabs on one database: one leads, the others use its engine, and another
// takes over when it is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDS, KEEPING, WAYS, inBrowser, loaded, quantile, run, runAgain, sleep, start, value, within } from './support.mjs';

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: tabs share a database, and each sees what another wrote`, () =>
      inBrowser(kind, async ({ tab }) => {
        const tabs = [await tab(path), await tab(path), await tab(path)];
        for (const page of tabs) await start(page);
        await run(tabs[1], 'CREATE TABLE t(n INTEGER PRIMARY KEY, by INTEGER)');
        await Promise.all(tabs.map((page, i) => run(page, 'INSERT INTO t(by) VALUES (?)', [i])));
        for (const page of tabs) assert.equal(await value(page, 'SELECT count(*) FROM t'), 3);
        assert.deepEqual(await tabs[2].evaluate(() => window.ubiqlite.list()), ['app.db']);
      }));

    for (const [how, end] of Object.entries(ENDS)) {
      test(`${kind}, ${way}: when the tab that leads is ${how}, another takes over`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          await run(leader, 'CREATE TABLE t(n)');
          const others = [await tab(path), await tab(path)];
          for (const page of others) await start(page);
          await run(others[0], 'INSERT INTO t VALUES (7)');
          for (const page of others) await page.evaluate(() => window.watch());
          await within(20_000, how, end(leader));
          await sleep(1500);
          for (const page of others) {
            assert.deepEqual(await page.evaluate(() => window.failures), []);
            assert.equal(await value(page, 'SELECT n FROM t'), 7);
          }
          await run(others[1], 'INSERT INTO t VALUES (8)');
          assert.equal(await value(others[0], 'SELECT count(*) FROM t'), 2);
        }));
    }

    test(`${kind}, ${way}: a transaction of a tab that vanished is rolled back`, () =>
      inBrowser(kind, async ({ tab }) => {
        const [leader, other] = [await tab(path), await tab(path)];
        await start(leader);
        await start(other);
        await run(leader, 'CREATE TABLE t(n)');
        await other.evaluate(async () => {
          window.tx = await window.db.begin();
          await window.tx.execute('INSERT INTO t VALUES (1)');
        });
        await other.close();
        await run(leader, 'INSERT INTO t VALUES (2)');
        assert.equal(await value(leader, 'SELECT group_concat(n) FROM t'), '2');
      }));
  }

  test(`${kind}: another leads within half a second after the lock is free, over and over`, (context) =>
    inBrowser(kind, async ({ tab }) => {
      let leader = await tab();
      await start(leader);
      await run(leader, 'CREATE TABLE t(n)');
      const waits = [];
      const pauses = [];
      for (let round = 0; round < 20; round += 1) {
        const next = await tab();
        await start(next);
        const witness = await tab();
        await start(witness);
        // A lock held by the leading page shows when the browser releases its locks.
        await leader.evaluate(() => new Promise((held) => {
          void navigator.locks.request('probe', () => {
            held();
            return new Promise(() => {});
          });
        }));
        await witness.evaluate(() => {
          void navigator.locks.request('probe', { mode: 'shared' }, () => void (window.free = performance.now()));
          window.watch();
        });
        await sleep(700);
        const [how, end] = Object.entries(ENDS)[round % 3];
        await within(20_000, how, end(leader));
        await sleep(1000);
        const { longest, after, failures } = await witness.evaluate(() => {
          window.watching = false;
          const [begun, over] = window.pauses.reduce((a, b) => (b[1] - b[0] > a[1] - a[0] ? b : a));
          return { longest: over - begun, after: over - window.free, failures: window.failures };
        });
        assert.deepEqual(failures, []);
        waits.push(after);
        pauses.push(longest);
        await leader.close().catch(() => {});
        await witness.close();
        leader = next;
      }
      const numbers = (values) => [0.5, 0.95].map((p) => Math.round(quantile(values, p))).join(', ');
      context.diagnostic(`ms without an engine after the lock was free: median, p95: ${numbers(waits)}; as a read sees it: ${numbers(pauses)}`);
      // The goal is 500 ms on a quiet machine; the figure is printed above. This catches a takeover that hangs.
      assert.ok(quantile(waits, 0.95) < 5000, waits.map(Math.round).join());
    }));

  test(`${kind}: a tab that leads and runs a long statement keeps nobody waiting when it goes`, () =>
    inBrowser(kind, async ({ tab }) => {
      for (const [how, end] of [['closed', ENDS.closed], ['reloaded', ENDS.reloaded]]) {
        const leader = await tab();
        await start(leader, `${how}.db`);
        const other = await tab();
        await start(other, `${how}.db`);
        await leader.evaluate(() => void window.db.queryValue(window.LONG).catch(() => {}));
        await sleep(300);
        await other.evaluate(() => window.watch());
        const begun = performance.now();
        await end(leader);
        await value(other, 'SELECT 1');
        assert.ok(performance.now() - begun < 1500, how);
        if (how !== 'closed') await leader.close();
        await other.close();
      }
    }));

  test(`${kind}: workers open databases too, and lead`, () =>
    inBrowser(kind, async ({ tab }) => {
      const one = await tab();
      await one.evaluate(async () => {
        window.startWorker();
        await window.ask('open', 'app.db');
        await window.ask('run', 'CREATE TABLE t(n)');
        await window.ask('run', 'INSERT INTO t VALUES (5)');
      });
      const two = await tab();
      await start(two);
      assert.equal(await value(two, 'SELECT n FROM t'), 5);
      await two.evaluate(async () => {
        window.startWorker();
        await window.ask('open', 'app.db');
      });
      assert.equal(await two.evaluate(() => window.ask('value', 'SELECT n FROM t')), 5);
      await one.evaluate(() => window.worker.terminate());
      assert.equal(await value(two, 'SELECT n FROM t'), 5);
      assert.equal(await two.evaluate(() => window.ask('value', 'SELECT n FROM t')), 5);
    }));

  test(`${kind}: a SharedWorker uses a database while a page has it open`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const ask = (question) =>
        within(10_000, question[0], page.evaluate(
          (it) =>
            new Promise((resolve) => {
              window.shared ??= new SharedWorker('/worker.js', { type: 'module' });
              window.shared.port.onmessage = ({ data }) => resolve(data);
              window.shared.port.postMessage(it);
            }),
          question,
        ));
      const alone = await ask(['open', 'app.db']);
      assert.equal(alone.kind, 'Unsupported');
      assert.match(alone.error, /page/);
      await start(page);
      assert.deepEqual(await ask(['open', 'app.db']), {});
      assert.deepEqual(await ask(['value', 'SELECT 42']), { result: 42 });
    }));

  test(`${kind}: a page in the back-forward cache holds nothing`, () =>
    inBrowser(kind, async ({ tab, server }) => {
      const page = await tab();
      await start(page);
      await run(page, 'CREATE TABLE t(n)');
      const other = await tab();
      await start(other);
      await page.goto(server.url('/icon.svg'));
      await run(other, 'INSERT INTO t VALUES (1)');
      await within(10_000, 'removing', other.evaluate(async () => {
        await window.db.close();
        await window.ubiqlite.remove('app.db');
      }));
    }));
}

test('chromium: a frozen tab keeps nobody waiting, and takes part again when it is back', () =>
  inBrowser('chromium', async ({ tab }) => {
    const [leader, other] = [await tab(), await tab()];
    await start(leader);
    await start(other);
    await run(leader, 'CREATE TABLE t(n)');
    await other.evaluate(() => window.watch());
    await leader.freeze();
    // A read is sent again to the next engine.
    await value(other, 'SELECT 1');
    await runAgain(other, 'INSERT INTO t SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM t)');
    assert.deepEqual(await other.evaluate(() => window.failures), []);
    await leader.thaw();
    assert.equal(await value(leader, 'SELECT n FROM t'), 1);

    // Now the other one leads, and this one freezes in the middle of a transaction.
    await leader.evaluate(async () => {
      window.tx = await window.db.begin();
      await window.tx.execute('INSERT INTO t VALUES (2)');
    });
    await leader.freeze();
    await run(other, 'INSERT INTO t VALUES (3)');
    await leader.thaw();
    assert.equal(await value(leader, 'SELECT group_concat(n) FROM t'), '1,3');
    const kind = await leader.evaluate(() => window.tx.commit().catch((error) => error.kind));
    assert.equal(kind, 'Cancelled');
  }));
