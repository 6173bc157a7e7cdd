// A tab is killed in the middle of writing: afterwards the rows are all old or all new.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, inBrowser, run, sleep, start, value, within } from './support.mjs';

const ROWS = 4000;

/** A cache so small that pages reach the file long before the statement ends. */
const SMALL = { cacheKib: 64 };

const KILLS = {
  'tab closed': (page) => page.close(),
  'tab crashed': (page) => page.crash(),
  'tab reloaded': (page) => page.reload().then(() => page.close()),
};

for (const kind of KEEPING) {
  for (const journalMode of ['wal', 'delete']) {
    test(`${kind}, journal_mode ${journalMode}: killed in mid-UPDATE, all rows are old or all are new`, (context) =>
      inBrowser(kind, async ({ tab }) => {
        const seen = { old: 0, new: 0 };
        let round = 0;
        for (const [how, kill] of Object.entries(KILLS)) {
          for (const delay of [20, 60, 120]) {
            round += 1;
            const writer = await tab();
            await start(writer, 'app.db', { journalMode, ...SMALL });
            if (round === 1) {
              await run(writer, 'CREATE TABLE t(id INTEGER PRIMARY KEY, round INTEGER, filler)');
              await run(
                writer,
                `INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
                 SELECT i, 0, randomblob(1000) FROM n`,
              );
            }
            await writer.evaluate((it) => {
              void window.db.execute('UPDATE t SET round = ?, filler = randomblob(1000)', [it]).catch(() => {});
            }, round);
            await sleep(delay);
            await within(20_000, how, kill(writer));

            const reader = await tab();
            await start(reader, 'app.db', { journalMode, ...SMALL });
            assert.equal(await value(reader, 'SELECT count(DISTINCT round) FROM t'), 1, `${how} after ${delay} ms`);
            assert.equal(await value(reader, 'SELECT count(*) FROM t'), ROWS);
            assert.equal(await value(reader, 'PRAGMA integrity_check'), 'ok');
            seen[(await value(reader, 'SELECT max(round) FROM t')) === round ? 'new' : 'old'] += 1;
            await run(reader, 'UPDATE t SET round = ?', [round]);
            await reader.close();
            await writer.close().catch(() => {});
          }
        }
        context.diagnostic(JSON.stringify(seen));
        assert.ok(seen.old > 0, 'no kill came early enough to show anything');
      }));
  }
}

test('chromium: a full disk fails the statement as DiskFull, and what was there stays', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await tab();
    await start(page);
    await run(page, 'CREATE TABLE t(filler)');
    await run(page, 'INSERT INTO t VALUES (randomblob(100000))');
    await page.quota(3_000_000);
    const outcome = await page.evaluate(async () => {
      let kept = 0;
      const kinds = [];
      try {
        await window.db.transaction(async (tx) => {
          for (let i = 0; i < 100; i += 1) await tx.execute('INSERT INTO t VALUES (randomblob(100000))');
        });
      } catch (error) {
        kinds.push(error.kind);
      }
      kept = await window.db.queryValue('SELECT count(*) FROM t');
      return { kept, kinds };
    });
    assert.deepEqual(outcome, { kept: 1, kinds: ['DiskFull'] });
    await page.quota(100_000_000);
    await run(page, 'INSERT INTO t VALUES (randomblob(5000000))');
    assert.equal(await value(page, 'SELECT count(*) FROM t'), 2);
    assert.equal(await value(page, 'PRAGMA integrity_check'), 'ok');
  }));
