// A long statement is stopped, whichever tab's engine it runs in, and nobody else notices.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, WAYS, inBrowser, quantile, run, start, value } from './support.mjs';

/**
 * Returns how much later than on a quiet machine a page gets an event: a timer, and the
 * engine's reply.
 */
const lateness = (page) =>
  page.evaluate(async () => {
    const begun = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await window.db.queryValue('SELECT 1');
    return performance.now() - begun - 20;
  });

/** Starts a long statement, aborts it, and measures the time until the engine serves again. */
const stopLong = (page) =>
  page.evaluate(async () => {
    const controller = new AbortController();
    const long = window.db.queryValue(window.LONG, [], { signal: controller.signal }).catch((error) => error);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const begun = performance.now();
    controller.abort();
    const { kind } = await long;
    const rejected = performance.now() - begun;
    await window.db.queryValue('SELECT 1');
    return { kind, rejected, free: performance.now() - begun };
  });

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: a long statement stops within 50 ms, and the engine stays`, (context) =>
      inBrowser(kind, async ({ tab }) => {
        const [leader, other] = [await tab(path), await tab(path)];
        await start(leader);
        await start(other);
        await run(leader, 'CREATE TABLE t(n)');
        await run(leader, 'INSERT INTO t VALUES (1)');
        // A transaction ends with its engine, so if it continues, the engine is the same.
        const session = async () => {
          window.session ??= await window.db.begin({ mode: 'deferred' });
          return window.session.queryValue('SELECT n FROM t');
        };
        await leader.evaluate(session);
        const times = [];
        const rejections = [];
        const late = [];
        for (let round = 0; round < 5; round += 1) {
          for (const page of [leader, other]) {
            const { kind: error, rejected, free } = await stopLong(page);
            assert.equal(error, 'Cancelled');
            late.push(await lateness(page));
            rejections.push(rejected);
            times.push(free);
          }
        }
        assert.equal(await leader.evaluate(session), 1);
        const [median, worst] = [quantile(times, 0.5), Math.max(...times)];
        const busy = quantile(late, 0.5);
        context.diagnostic(
          `ms until the engine is free: median ${Math.round(median)}, worst ${Math.round(worst)}; anything is late by ${Math.round(busy)}`,
        );
        assert.ok(quantile(rejections, 0.5) < 10, `an aborted call rejects at once, not after ${rejections.join()} ms`);
        // Stopping it involves four processes, each of which may have to wait for its turn.
        assert.ok(median < 50 + 4 * busy, `median ${median} ms`);
      }));
  }

  test(`${kind}: a call that is given up does not stop the long statement of somebody else`, () =>
    inBrowser(kind, async ({ tab }) => {
      const [leader, other] = [await tab(), await tab()];
      await start(leader);
      await start(other);
      await leader.evaluate(() => {
        const shorter = window.LONG.replace('1000000000', '3000000');
        window.long = window.db.queryValue(shorter);
      });
      const given = await other.evaluate(async () => {
        const call = window.db.queryValue('SELECT 1', [], { signal: AbortSignal.timeout(50) });
        return call.then(() => 'done', (error) => error.kind);
      });
      assert.ok(['done', 'Cancelled', 'Timeout'].includes(given), given);
      assert.equal(await leader.evaluate(() => window.long), 3_000_000);
      assert.equal(await value(other, 'SELECT 1'), 1);
    }));
}
