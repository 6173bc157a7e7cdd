// Change sets in tabs: an outbox has what any tab writes, and goes on when the tab that leads is gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDS, KEEPING, LIMIT, WAYS, inBrowser, run, start, value, within, written } from './support.mjs';

/** Opens the database in a tab, and sends what its outbox has to a copy. */
async function sending(page) {
  await start(page);
  await within(LIMIT, 'the outbox', page.evaluate(() => window.send()));
  return page;
}

/** Waits until the copy in the tab has these rows, `n` by `n`. */
const hasSent = (page, wanted) =>
  within(LIMIT, `the copy has ${wanted.length} rows`, page.evaluate(async (text) => {
    const rows = async () => (await window.copy.query('SELECT n FROM t ORDER BY n')).map(({ n }) => n).join();
    while (window.failures.length === 0 && (await rows()) !== text) await new Promise((resolve) => setTimeout(resolve, 5));
    if (window.failures.length > 0) throw new Error(window.failures.join());
  }, wanted.join()));

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    for (const [how, end] of Object.entries(ENDS)) {
      test(`${kind}, ${way}: each commit around the moment when the leading tab is ${how} is sent once`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
          const sender = await sending(await tab(path));
          const writer = await tab(path);
          await start(writer);
          await writer.evaluate(() => window.write());
          await written(writer, 20);
          await within(LIMIT, how, end(leader));
          await written(writer, 20);
          await within(LIMIT, 'the writer stops', writer.evaluate(async () => {
            window.writing = false;
            await window.written;
          }));
          const there = await writer.evaluate(async () => (await window.db.query('SELECT n FROM t ORDER BY n')).map(({ n }) => n));
          await hasSent(sender, there);
          const sent = await sender.evaluate(() => window.sent);
          sent.reduce((before, id) => {
            assert.ok(id > before, `${id} was sent after ${before}`);
            return id;
          }, 0);
        }));
    }

    test(`${kind}, ${way}: after a change of the leader an outbox leaves the tables as another tab has named them`, () =>
      inBrowser(kind, async ({ tab }) => {
        const leader = await tab(path);
        await start(leader);
        await run(leader, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
        await run(leader, 'CREATE TABLE u (n INTEGER PRIMARY KEY)');
        const sender = await sending(await tab(path));
        await leader.evaluate(async () => void (await window.db.outbox(['t', 'u'])));
        await within(LIMIT, 'closing', leader.close());
        await run(sender, 'INSERT INTO t VALUES (1)');
        await hasSent(sender, [1]);
        const tables = await value(sender, 'SELECT group_concat(name) FROM ubiqlite_outbox_tables');
        assert.equal(tables, 't,u');
      }));
  }
}
