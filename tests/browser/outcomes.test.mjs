// The outcome that a tab gets for a call is what the engine did, whichever tab the engine ran in.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, WAYS, inBrowser, numbers, run, sleep, start, value, within } from './support.mjs';

/** A query that counts for a few hundred milliseconds. */
const SLOW = (rows, first = 'WITH RECURSIVE') =>
  `${first} n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) SELECT count(*) FROM n`;

/** A statement that breaks the module: it recurses deeper than any stack. */
const POISON = () => {
  const names = Array.from({ length: 5000 }, (_, i) => `c${i}(a) AS (SELECT a FROM ${i === 0 ? '(SELECT 1 AS a)' : `c${i - 1}`})`);
  return `WITH ${names.join(', ')} SELECT a FROM c4999`;
};

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: a queued write that was given up never runs, and is told so`, () =>
      inBrowser(kind, async ({ tab }) => {
        const [leader, other] = [await tab(path), await tab(path)];
        await start(leader);
        await start(other);
        await run(leader, 'CREATE TABLE t(a)');
        for (let round = 0; round < 5; round += 1) {
          for (const page of [leader, other]) {
            // No timers in the page: in a hidden tab they are slow.
            await page.evaluate(({ slow, apart }) => {
              window.controller = new AbortController();
              const { signal } = window.controller;
              const make = () => {
                window.calls = [
                  window.db.execute('INSERT INTO t VALUES (1)', [], { signal }),
                  window.db.query('INSERT INTO t VALUES (1) RETURNING a', [], { signal }),
                  window.db.transaction((tx) => tx.execute('INSERT INTO t VALUES (1)'), { signal }),
                ].map((call) => call.then(() => 'done', (error) => error.kind));
              };
              window.slow = 'running';
              window.long = window.db.query(slow).then(() => (window.slow = 'over'));
              if (!apart) return make();
              return Promise.resolve().then(() => Promise.resolve()).then(make);
            }, { slow: SLOW(4_000_000), apart: round % 2 === 1 });
            await sleep(30);
            const [slow, ...told] = await within(30_000, 'the calls', page.evaluate(async () => {
              const { slow } = window;
              window.controller.abort();
              return [slow, ...(await Promise.all(window.calls))];
            }));
            await within(30_000, 'the long read', page.evaluate(() => window.long));
            // On a busy machine the long read may have ended first.
            if (slow === 'over') await run(page, 'DELETE FROM t');
            // If a busy engine is silent for five seconds, the outcome is unknown; still no call ran.
            else assert.ok(told.every((kind) => ['Cancelled', 'OutcomeUnknown'].includes(kind)), told.join());
          }
        }
        await run(other, 'UPDATE t SET a = a');
        assert.equal(await value(other, 'SELECT count(*) FROM t'), 0);
      }));

    test(`${kind}, ${way}: a write of a session is not told as rolled back when the tab that leads closes, if it was done`, (context) =>
      inBrowser(kind, async ({ tab }) => {
        const chance = numbers(7 + path.length);
        let leader = await tab(path);
        await start(leader);
        await run(leader, 'CREATE TABLE t(a INTEGER PRIMARY KEY)');
        const outcomes = {};
        for (let round = 0; round < 12; round += 1) {
          const other = await tab(path);
          await start(other);
          const writing = within(20_000, 'the writes', other.evaluate(async (first) => {
            const told = [];
            const session = await window.db.acquire();
            for (let i = first; i < first + 5000; i += 1) {
              const outcome = await session.execute('INSERT INTO t VALUES (?)', [i]).then(() => 'ok', (error) => error.kind);
              told.push(outcome);
              if (outcome !== 'ok') break;
            }
            return told;
          }, round * 10_000));
          await sleep(50 + chance(60));
          await leader.close();
          const told = await writing;
          const there = new Set(await other.evaluate(async () => (await window.db.query('SELECT a FROM t')).map(({ a }) => a)));
          told.forEach((outcome, i) => {
            outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
            if (outcome === 'ok') assert.ok(there.has(round * 10_000 + i), 'acknowledged, and gone');
            else if (outcome !== 'OutcomeUnknown') assert.ok(!there.has(round * 10_000 + i), `told ${outcome}, and there`);
          });
          leader = other;
        }
        context.diagnostic(JSON.stringify(outcomes));
      }));

    test(`${kind}, ${way}: a read is asked again when the tab that leads closes, however it begins, and a write is not`, () =>
      inBrowser(kind, async ({ tab }) => {
        let leader = await tab(path);
        await start(leader);
        await run(leader, 'CREATE TABLE t(a)');
        for (const first of ['WITH RECURSIVE', '/* a */ with recursive', '-- SELECT\nWITH RECURSIVE']) {
          const other = await tab(path);
          await start(other);
          await other.evaluate((sql) => {
            window.read = window.db.queryValue(sql).catch((error) => `${error.kind}: ${error.message}`);
          }, SLOW(3_000_000, first));
          await sleep(100);
          await leader.close();
          assert.equal(await within(30_000, 'the read', other.evaluate(() => window.read)), 3_000_000);
          leader = other;
        }
        const other = await tab(path);
        await start(other);
        await other.evaluate((sql) => {
          window.wrote = window.db.query(sql).then(() => 'done', (error) => error.kind);
        }, `/* SELECT */ INSERT INTO t ${SLOW(3_000_000)} RETURNING a`);
        await sleep(100);
        await leader.close();
        const told = await within(30_000, 'the write', other.evaluate(() => window.wrote));
        assert.equal(told, 'OutcomeUnknown');
        assert.equal(await value(other, 'SELECT count(*) FROM t'), 0);
      }));
  }

  test(`${kind}: a statement that breaks the engine is asked again once, then is Internal, and nobody else suffers`, (context) =>
    inBrowser(kind, async ({ tab }) => {
      const [leader, other] = [await tab(), await tab()];
      await start(leader);
      await start(other);
      await run(leader, 'CREATE TABLE t(a)');
      for (const page of [leader, other]) {
        const told = await within(60_000, 'the calls', page.evaluate(async (sql) => {
          const beside = window.db.queryValue('SELECT count(*) FROM t');
          const poison = await window.db.query(sql).then(() => 'done', (error) => error.kind);
          return [poison, await beside.catch((error) => error.kind)];
        }, POISON()));
        context.diagnostic(told.join());
        // A browser with a deeper stack may compile it, or refuse it.
        assert.ok(['Internal', 'Syntax', 'TooBig', 'OutOfMemory', 'done'].includes(told[0]), told[0]);
        assert.equal(told[1], 0);
        await run(page, 'INSERT INTO t VALUES (1)');
        await run(page, 'DELETE FROM t');
      }
      await within(20_000, 'closing', other.evaluate(async (sql) => {
        void window.db.query(sql).catch(() => {});
        await window.db.close();
      }, POISON()));
      assert.equal(await value(leader, 'SELECT count(*) FROM t'), 0);
    }));
}
