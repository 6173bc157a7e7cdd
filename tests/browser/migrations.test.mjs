// Migrations in tabs: each runs its own at opening, and one with older files is refused once they no longer do.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDS, KEEPING, LIMIT, WAYS, inBrowser, run, start, value, within } from './support.mjs';

const ITEMS = ['0001_items.sql', 'CREATE TABLE items (id INTEGER PRIMARY KEY)'];
const NAMES = ['0002_names.sql', 'ALTER TABLE items ADD COLUMN name TEXT'];
const BREAKS = ['0003_no_names.sql', '-- breaks: older\nALTER TABLE items DROP COLUMN name'];

/** How often eight tabs start at the same time; `UBIQLITE_STARTS=50` for the long form. */
const STARTS = Number(process.env.UBIQLITE_STARTS ?? 5);

/** `count` migrations, of which each writes a row. */
const many = (count) => [
  ['1_log.sql', 'CREATE TABLE log (n)'],
  ...Array.from({ length: count }, (_, at) => [`${at + 2}_log.sql`, `INSERT INTO log VALUES (${at + 1});\nCREATE INDEX log_${at + 1} ON log (n)`]),
];
const rowsOf = (count) => Array.from({ length: count }, (_, at) => at + 1).join();

/** Opens the database in a tab with these migrations. */
const migrated = (page, files) => start(page, 'app.db', { migrations: files });

/** Begins to open it, and returns at once. `opened` waits for the outcome. */
const begin = (page, files, name = 'app.db') =>
  page.evaluate((it) => {
    window.opening = window.start(it.name, { migrations: it.files }).then(() => 'ok', ({ kind, message }) => `${kind}: ${message}`);
  }, { name, files });
const opened = (page) => within(LIMIT, 'the opening', page.evaluate(() => window.opening));

/** Returns the kind of the error that a call in a tab rejects with, or what it returns. */
const outcome = (page, sql) =>
  within(LIMIT, sql, page.evaluate((text) => window.db.queryValue(text).then((found) => found ?? null, ({ kind }) => kind), sql));

for (const kind of KEEPING) {
  for (const [way, path] of Object.entries(WAYS)) {
    test(`${kind}, ${way}: tabs that start at the same time have each migration once`, () =>
      inBrowser(kind, async ({ tab }) => {
        const tabs = [];
        for (let at = 0; at < 6; at += 1) tabs.push(await tab(path));
        await Promise.all(tabs.map((page) => begin(page, many(12))));
        assert.deepEqual(await Promise.all(tabs.map(opened)), tabs.map(() => 'ok'));
        for (const page of tabs) assert.equal(await value(page, 'SELECT group_concat(n) FROM (SELECT n FROM log ORDER BY rowid)'), rowsOf(12));
      }));

    test(`${kind}, ${way}: eight tabs start ${STARTS} times, each time on a new file, without an error`, () =>
      inBrowser(kind, async ({ tab }) => {
        const tabs = [];
        for (let at = 0; at < 8; at += 1) tabs.push(await tab(path));
        for (let round = 1; round <= STARTS; round += 1) {
          const name = `first-${round}.db`;
          await Promise.all(tabs.map((page) => begin(page, many(12), name)));
          assert.deepEqual(await Promise.all(tabs.map(opened)), tabs.map(() => 'ok'), `round ${round}`);
          const [first] = tabs;
          assert.equal(await value(first, 'SELECT group_concat(n) FROM (SELECT n FROM log ORDER BY rowid)'), rowsOf(12));
          assert.equal(await value(first, 'SELECT count(*) FROM ubiqlite_migrations'), 13);
          const close = (page) => page.evaluate(() => window.db.close());
          await within(LIMIT, 'closing', Promise.all(tabs.map(close)));
        }
      }));

    test(`${kind}, ${way}: a tab with older files goes on until a migration breaks it, whoever leads then`, () =>
      inBrowser(kind, async ({ tab }) => {
        const [leader, older, newer] = [await tab(path), await tab(path), await tab(path)];
        await migrated(leader, [ITEMS]);
        await migrated(older, [ITEMS]);
        await migrated(newer, [ITEMS, NAMES]);
        await run(older, 'INSERT INTO items (id) VALUES (7)');
        assert.equal(await outcome(older, 'SELECT id FROM items'), 7);
        await newer.evaluate((files) => window.db.migrations(files).run().then(() => undefined), [ITEMS, NAMES, BREAKS]);
        assert.equal(await outcome(older, 'SELECT id FROM items'), 'SchemaTooNew');
        assert.equal(await outcome(leader, 'SELECT id FROM items'), 'SchemaTooNew');
        assert.equal(await outcome(newer, 'SELECT id FROM items'), 7);
        await within(LIMIT, 'closing', leader.close());
        // The next engine has not seen the migration. A call that was sent before the tab knew that the leader is gone
        // may have been carried out there, for all that the tab knows.
        assert.match(await outcome(older, 'SELECT id FROM items'), /^(SchemaTooNew|OutcomeUnknown)$/);
        assert.equal(await outcome(older, 'SELECT id FROM items'), 'SchemaTooNew');
        assert.equal(await outcome(newer, 'SELECT id FROM items'), 7);
        // The page is loaded anew.
        await within(LIMIT, 'reloading', older.reload());
        await within(LIMIT, 'the page loads', older.evaluate(async () => {
          while (!window.ready) await new Promise((resolve) => setTimeout(resolve, 5));
        }));
        await begin(older, [ITEMS]);
        assert.match(await opened(older), /^SchemaTooNew: .*0002_names/);
        await migrated(older, [ITEMS, NAMES, BREAKS]);
        assert.equal(await outcome(older, 'SELECT id FROM items'), 7);
      }));

    for (const [how, end] of Object.entries(ENDS)) {
      test(`${kind}, ${way}: a tab whose leader was ${how} since it was opened is refused all the same`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          const older = await tab(path);
          await migrated(older, [ITEMS, NAMES]);
          await within(LIMIT, how, end(leader));
          assert.equal(await outcome(older, 'SELECT count(name) FROM items'), 0);
          const newer = await tab(path);
          await migrated(newer, [ITEMS, NAMES, BREAKS]);
          assert.equal(await outcome(older, 'SELECT count(*) FROM items'), 'SchemaTooNew');
          assert.equal(await outcome(newer, 'SELECT count(*) FROM items'), 0);
        }));

      test(`${kind}, ${way}: an opening goes on with its migrations when the leading tab is ${how}`, () =>
        inBrowser(kind, async ({ tab }) => {
          const leader = await tab(path);
          await start(leader);
          const [opens, witness] = [await tab(path), await tab(path)];
          await start(witness);
          await begin(opens, many(300));
          await within(LIMIT, 'some migrations', witness.evaluate(async () => {
            const count = () => window.db.queryValue('SELECT count(*) FROM ubiqlite_migrations').catch(() => 0);
            while ((await count()) < 20) await new Promise((resolve) => setTimeout(resolve, 1));
          }));
          const before = await value(witness, 'SELECT count(*) FROM ubiqlite_migrations');
          await within(LIMIT, how, end(leader));
          assert.equal(await opened(opens), 'ok');
          assert.equal(await value(opens, 'SELECT group_concat(n) FROM (SELECT n FROM log ORDER BY rowid)'), rowsOf(300));
          assert.equal(await value(witness, 'SELECT count(*) FROM ubiqlite_migrations'), 301);
          assert.ok(before < 301, `${before} were done before it was ${how}`);
        }));
    }
  }
}
