// The panel `ubiqlite/inspect`: it joins a database that other tabs have open, and is no danger to the page.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { STRICT_CSP } from './harness/serve.mjs';
import { ENDS, KEEPING, LIMIT, inBrowser, run, start, value, within } from './support.mjs';

const PAGE = '/inspect.html';
const PICTURES = fileURLToPath(new URL('../../target/inspect/', import.meta.url));
/** A name and a value that would run a script as HTML. */
const HOSTILE = `<img src=x onerror="window.hacked = true">"'; --`;

const SHOP = `
  CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, joined TEXT, balance REAL DEFAULT 0);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers ON DELETE CASCADE, total REAL, note TEXT, receipt BLOB);
  CREATE INDEX orders_by_customer ON orders (customer, total DESC);
  CREATE TABLE settings (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
  CREATE VIEW spent AS SELECT c.name, sum(o.total) AS total FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id;
  INSERT INTO customers WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 250)
    SELECT i, 'Customer ' || i, 'c' || i || '@example.org', date('2025-01-01', '+' || i || ' days'), i * 1.5 FROM r;
  INSERT INTO orders WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 12000)
    SELECT i, 1 + i % 250, i % 90 + 0.5, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'please ring twice,' || char(10) || 'the bell is small' END, CASE i % 2 WHEN 0 THEN randomblob(40) END FROM r;
  INSERT INTO settings VALUES ('big', 9007199254740993), ('json', '{"theme": "dark", "sizes": [1, 2, 3]}'), ('ratio', 1.0);`;

/** Opens a tab with the database, and with these statements run in it. */
async function prepared(tab, script) {
  const page = await tab(PAGE);
  await start(page);
  await within(LIMIT, 'the script', page.evaluate((sql) => window.db.batch(sql).then(() => {}), script));
  return page;
}

/** Shows a panel in a tab; `name` absent: with the tab's own database. */
const panel = (page, name, options) =>
  within(LIMIT, 'the panel', page.evaluate((it) => window.panel(it.name, it.options), { name, options }));

/** Waits in the tab until the function returns something true, and returns it. */
const until = (page, what, found, arg) =>
  within(LIMIT + 5000, what, page.evaluate(`(it) => window.until(${JSON.stringify(what)}, () => (${found})(it))`, arg));

const press = (page, selector, text) =>
  within(LIMIT + 5000, `pressing ${text ?? selector}`, page.evaluate((it) => window.press(it.selector, it.text), { selector, text }));

const sql = (page, text, button) =>
  within(LIMIT + 5000, text, page.evaluate((it) => window.sql(it.text, it.button), { text, button }));

const cells = (page) => page.evaluate(() => window.cells());

for (const kind of KEEPING) {
  test(`${kind}: a panel joins a database that another tab has open, and shows live what that tab writes`, () =>
    inBrowser(kind, async ({ tab, server }) => {
      const other = await prepared(tab, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'lamp'), (2, 'chair')");
      const page = await tab(PAGE);
      await panel(page, 'app.db');
      await until(page, 'the rows', () => window.cells().length === 2);
      assert.deepEqual(await cells(page), [['1', 'lamp'], ['2', 'chair']]);
      await page.evaluate(() => void (window.lamp = window.one('.grid tbody tr')));
      await run(other, "INSERT INTO items VALUES (3, 'sofa')");
      await until(page, 'the new row', () => window.cells().length === 3);
      assert.deepEqual((await cells(page))[2], ['3', 'sofa']);
      const fresh = () => page.evaluate(() => [...window.one('.grid tbody').rows].map((row) => row.classList.contains('fresh')));
      assert.deepEqual(await fresh(), [false, false, true]);
      assert.equal(await page.evaluate(() => getComputedStyle(window.one('.grid tr.fresh td')).animationName), 'fresh');
      await run(other, "UPDATE items SET name = 'stool' WHERE id = 2");
      await until(page, 'the changed row', () => window.cells()[1][1] === 'stool');
      assert.deepEqual(await fresh(), [false, true, false]);
      assert.equal(await page.evaluate(() => window.one('.grid tbody tr') === window.lamp), true, 'a row that stays keeps its element');
      await until(page, 'the count', () => window.one('.tables [aria-current=true]').textContent === 'items3');
      // Both have the settings of the page, and so one engine: the log tells rows.
      await press(page, '[role=tab]', 'Commits');
      const log = await page.evaluate(() => [...window.one('.log tbody').rows].map((row) => row.cells[2].textContent));
      assert.deepEqual(log, ['items 1 updated', 'items 1 inserted']);
      await run(other, 'CREATE TABLE more (x)');
      await until(page, 'the new table', () => window.one('.tables button', 'more0'));
      // The other one leads.
      await within(LIMIT, 'its end', ENDS.closed(other));
      await until(page, 'the new leader', () => window.one('.log').textContent.includes('another tab leads now'));
      await press(page, '[role=tab]', 'Rows');
      await until(page, 'the rows again', () => window.cells().length === 3);
      assert.deepEqual([...page.errors, ...other.errors], []);
      assert.ok(server.requests.filter((path) => path === '/pkg/browser.js').length <= 2, 'the panel has the package of the page');
    // Firefox would report the page's icon.
    }, { csp: `${STRICT_CSP}; img-src 'self'` }));
}

test('a page without a panel loads nothing of it', () =>
  inBrowser('chromium', async ({ tab, server }) => {
    const page = await tab();
    await start(page);
    assert.ok(server.requests.includes('/pkg/browser.js'));
    assert.ok(!server.requests.some((path) => path.includes('inspect')), server.requests.join());
  }));

test('a table of 100,000 rows is gone through in pages, from both ends', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await prepared(tab, `CREATE TABLE t (n INTEGER PRIMARY KEY, filler TEXT);
      INSERT INTO t WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 100000) SELECT i, 'row ' || i FROM r`);
    await panel(page);
    const shows = async (first, last, place) => {
      await until(page, `${first} to ${last}`, ([first, last]) => window.cells()[0]?.[0] === first && window.cells().at(-1)?.[0] === last, [first, last]);
      await until(page, place, (place) => window.one('.place').textContent === place, place);
      assert.ok((await cells(page)).length <= 100);
    };
    await shows('1', '100', '1–100 of 10,000+');
    await press(page, '[aria-label="Next page"]');
    await shows('101', '200', '101–200 of 10,000+');
    await press(page, '[aria-label="Last page"]');
    await shows('99901', '100000', 'the last 100 of 10,000+');
    await press(page, '[aria-label="Previous page"]');
    await shows('99801', '99900', '100 of 10,000+');
    await press(page, '[aria-label="Next page"]');
    await shows('99901', '100000', '100 of 10,000+');
    await press(page, '[aria-label="First page"]');
    await shows('1', '100', '1–100 of 10,000+');
    for (const [first, last] of [['1', '100'], ['100000', '99901']]) {
      await press(page, 'th button');
      await shows(first, last, '1–100 of 10,000+');
    }
    await press(page, '[aria-label="Next page"]');
    await shows('99900', '99801', '101–200 of 10,000+');
    assert.deepEqual(page.errors, []);
  }));

test('SQL is run: a result, a change, an error with its kind, a script, a long one that is cancelled, a live one', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await prepared(tab, SHOP);
    const other = await tab(PAGE);
    await start(other);
    await panel(page, 'app.db');
    assert.match(await sql(page, 'SELECT key, value, NULL AS none, x\'00ff\' AS bytes FROM settings ORDER BY key DESC'), /^3 rows, [\d.]+ m?s$/);
    assert.deepEqual(await cells(page), [
      ['ratio', '1.0', 'NULL', "x'00ff' 2 B"],
      ['json', '{"theme": "dark", "sizes": [1, 2, 3]}', 'NULL', "x'00ff' 2 B"],
      ['big', '9007199254740993', 'NULL', "x'00ff' 2 B"],
    ]);
    assert.match(await sql(page, 'SELECT * FROM orders'), /^the first 1,000 rows, /);
    assert.match(await sql(page, "UPDATE customers SET joined = NULL WHERE id <= 7"), /^7 rows changed, /);
    await sql(page, 'SELECT nosuch FROM orders');
    assert.equal(await page.evaluate(() => window.one('.fault').textContent), 'NoSuchColumn no such column: nosuch');
    assert.deepEqual(await cells(page), []);
    await sql(page, "INSERT INTO customers (name, email) VALUES ('x', 'c1@example.org')");
    assert.match(await page.evaluate(() => window.one('.fault').textContent), /^UniqueViolation /);
    assert.match(await sql(page, "DELETE FROM settings; INSERT INTO settings VALUES ('a', 1)", 'Run script'), /^4 rows changed, /);
    assert.equal(await page.evaluate(() => window.one('.fault')), undefined);

    await page.evaluate((text) => {
      window.one('textarea').value = text;
    }, 'WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r');
    await press(page, 'button', 'Run');
    await press(page, 'button', 'Cancel');
    await until(page, 'its end', () => window.one('.fault')?.textContent.startsWith('Cancelled'));

    await sql(page, 'SELECT count(*) AS n FROM settings');
    await press(page, '.toggle input');
    await until(page, 'a live result', () => window.one('.status').textContent === '1 row, live');
    await run(other, "INSERT INTO settings VALUES ('b', 2)");
    await until(page, 'the new result', () => window.cells()[0][0] === '2');
    await sql(page, 'SELECT * FROM settings ORDER BY key');
    await until(page, 'a live result', () => window.one('.status').textContent === '2 rows, live');
    await run(other, 'ALTER TABLE settings ADD COLUMN note TEXT');
    await until(page, 'the new column', () => [...window.root().querySelectorAll('[aria-label=Result] th .name')].map((it) => it.textContent).join() === 'key,value,note' && window.cells()[0][2] === 'NULL');
    assert.deepEqual([...page.errors, ...other.errors], []);
  }));

test('under a strict policy, names and values that would be HTML are text', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await tab(PAGE);
    await start(page);
    await within(LIMIT, 'the tables', page.evaluate(async (hostile) => {
      const name = `"${hostile.replaceAll('"', '""')}"`;
      await window.db.batch(`CREATE TABLE ${name} (${name} TEXT PRIMARY KEY DEFAULT '<b>', parent REFERENCES ${name}); CREATE INDEX "<i>" ON ${name} (parent); CREATE VIEW "<u>" AS SELECT 1 AS "<s>"`);
      await window.db.execute(`INSERT INTO ${name} VALUES (?, NULL)`, [hostile]);
      window.policy = [];
      document.addEventListener('securitypolicyviolation', (event) => window.policy.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
    }, HOSTILE));
    await panel(page);
    await until(page, 'the row', () => window.cells().length === 1);
    assert.equal((await cells(page))[0][0], HOSTILE);
    assert.equal(await page.evaluate(() => window.one('th .name').textContent), HOSTILE);
    await press(page, '.grid td');
    await until(page, 'the value', (hostile) => window.one('.value pre')?.textContent === hostile, HOSTILE);
    await press(page, 'th button');
    await until(page, 'the order', () => window.one('[aria-sort]'));
    await page.evaluate((hostile) => window.db.execute(`UPDATE "${hostile.replaceAll('"', '""')}" SET parent = "${hostile.replaceAll('"', '""')}"`).then(() => {}), HOSTILE);
    await until(page, 'the change', (hostile) => window.cells()[0][1] === hostile, HOSTILE);
    for (const name of ['Structure', 'Commits', 'Database']) {
      await press(page, '[role=tab]', name);
      await until(page, name, (hostile) => window.one('.document')?.textContent.includes(hostile) || window.one('dl dt'), HOSTILE);
    }
    await sql(page, `SELECT '<img src=y onerror="window.hacked = true">' AS "${HOSTILE.replaceAll('"', '""')}"`);
    await sql(page, `SELECT * FROM "${HOSTILE.replaceAll('"', '""')}x"`);
    assert.ok(await page.evaluate((hostile) => window.one('.fault').textContent.includes(`${hostile}x`), HOSTILE));
    assert.deepEqual(await page.evaluate(() => [window.hacked, window.root().querySelectorAll('img, b, i, u, s, script').length, window.policy]), [null, 0, []]);
    // The style is there, by the object model.
    assert.equal(await page.evaluate(() => getComputedStyle(window.one('.body')).display), 'flex');
    assert.deepEqual(page.errors, []);
  }, { csp: true }));

test('what is closed with the panel: all of its own, and nothing of the page', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await prepared(tab, 'CREATE TABLE t (n INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)');
    await panel(page);
    await until(page, 'the row', () => window.cells().length === 1);
    await press(page, '[aria-label="Close the panel"]');
    await within(LIMIT, 'closed', page.evaluate(() => window.inspector.closed));
    assert.equal(await page.evaluate(() => document.querySelectorAll('body > div').length), 0);
    assert.equal(await value(page, 'SELECT count(*) FROM t'), 1);
    // By its name, it is a tab of its own: while it is shown, the database is in use.
    await panel(page, 'app.db');
    await until(page, 'the row', () => window.cells().length === 1);
    const removed = () =>
      page.evaluate(async () => {
        await window.db.close();
        return window.ubiqlite.remove('app.db').catch((error) => error.kind);
      });
    assert.equal(await removed(), 'Busy');
    await within(LIMIT, 'closed', page.evaluate(() => window.inspector.close()));
    assert.equal(await removed(), true);
    // One that is closed while it opens leaves nothing open either.
    await start(page);
    await run(page, 'CREATE TABLE t (n)');
    const early = await within(LIMIT, 'closed', page.evaluate(async () => {
      const opening = window.panel('app.db').catch((error) => error.kind);
      await window.inspector.close();
      return opening;
    }));
    assert.ok([null, 'Cancelled'].includes(early ?? null), early);
    assert.equal(await removed(), true);
    assert.deepEqual(page.errors, []);
  }));

test('a database that does not exist is not created, and one that the page closes says so', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await tab(PAGE);
    const kind = await within(LIMIT, 'refused', page.evaluate(() => window.panel('missing.db').catch((error) => error.kind)));
    assert.equal(kind, 'CannotOpen');
    assert.match(await page.evaluate(() => window.one('.fault').textContent), /^CannotOpen /);
    assert.deepEqual(await page.evaluate(() => window.ubiqlite.list()), []);
    await page.evaluate(() => window.inspector.close());
    await start(page, ':memory:');
    await run(page, 'CREATE TABLE t (n)');
    await panel(page);
    await until(page, 'no rows', () => window.one('.place').textContent === 'no rows');
    await page.evaluate(() => window.db.close());
    await until(page, 'the end', () => window.one('.fault')?.textContent === 'Closed the database was closed');
    await press(page, 'button', 'Refresh');
    await until(page, 'the error', () => window.one('.view .fault')?.textContent.startsWith('Closed'));
    await page.evaluate(() => window.inspector.close());
    assert.equal(await page.evaluate(() => window.panel(window.db).catch((error) => error.kind)), 'Closed');
    for (const wrong of [7, {}, true]) {
      assert.equal(await page.evaluate((it) => window.panel(it).catch((error) => error.kind), wrong), 'InvalidArgument');
    }
    assert.deepEqual(page.errors, []);
  }));

test('everything is reached by the keyboard', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await prepared(tab, "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO items VALUES (1, 'lamp'), (2, 'chair'); CREATE TABLE other (x)");
    await panel(page, 'app.db');
    await until(page, 'the rows', () => window.cells().length === 2);
    const { keyboard } = page.page;
    const active = () => page.evaluate(() => {
      const { activeElement: it } = window.root();
      return it === null ? '' : `${it.getAttribute('role') ?? it.localName} ${it.getAttribute('aria-label') ?? it.textContent}`;
    });
    const seen = [];
    for (let presses = 0; presses < 40; presses += 1) {
      await keyboard.press('Tab');
      const now = await active();
      if (now === seen[0]) break;
      seen.push(now);
      if (now.startsWith('gridcell')) break;
    }
    assert.deepEqual(seen, [
      'separator Height of the panel', 'tab Rows', 'button Close the panel', 'input Filter tables', 'button items2', 'button other0', 'summary Internal',
      'switch ', 'button Refresh', 'button idkey INTEGER', 'button nameTEXT', 'gridcell 1',
    ]);
    await page.evaluate(() => window.one('th button').focus());
    for (const [order, first] of [['ascending', '1'], ['descending', '2']]) {
      await keyboard.press('Enter');
      await until(page, order, ([order, first]) => window.one('th').getAttribute('aria-sort') === order && window.cells()[0]?.[0] === first, [order, first]);
      assert.equal(await active(), 'button idkey INTEGER');
    }
    await keyboard.press('Enter');
    await until(page, 'no order', () => !window.one('[aria-sort]') && window.cells().length === 2);
    await page.evaluate(() => window.one('td[tabindex="0"]').focus());
    await keyboard.press('ArrowDown');
    await keyboard.press('End');
    assert.equal(await active(), 'gridcell chair');
    await keyboard.press('Enter');
    await until(page, 'the value', () => window.one('.value pre')?.textContent === 'chair');
    await page.evaluate(() => window.one('.value pre').focus());
    await keyboard.press('Escape');
    assert.equal(await active(), 'gridcell chair');
    await page.evaluate(() => window.one('[role=tab][tabindex="0"]').focus());
    for (const name of ['Structure', 'SQL', 'Commits', 'Database', 'Rows']) {
      await keyboard.press('ArrowRight');
      assert.equal(await active(), `tab ${name}`);
    }
    await keyboard.press('ArrowRight');
    await keyboard.press('ArrowRight');
    await page.evaluate(() => window.one('textarea').focus());
    await keyboard.type('SELECT 1 + 1 AS two');
    await keyboard.down('Control');
    await keyboard.press('Enter');
    await keyboard.up('Control');
    await until(page, 'the result', () => window.cells()[0]?.[0] === '2');
    await page.evaluate(() => window.one('.edge').focus());
    const height = () => page.evaluate(() => window.inspector.element.getBoundingClientRect().height);
    const before = await height();
    await keyboard.press('ArrowDown');
    assert.equal(await height(), Math.round(before) - 24);
    assert.deepEqual(page.errors, []);
  }));

test('a panel that is opened with other settings than the page has the rows live, but no details of commits', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await prepared(tab, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
    await panel(page, 'app.db', { open: { cacheKib: 1024 }, theme: 'light' });
    await until(page, 'no rows', () => window.one('.place').textContent === 'no rows');
    await run(page, 'INSERT INTO t VALUES (1)');
    await until(page, 'the row', () => window.cells().length === 1);
    await press(page, '[role=tab]', 'Commits');
    await until(page, 'the commit', () => window.one('.log')?.textContent.includes('by another engine or with other settings'));
    assert.deepEqual(page.errors, []);
  }));

test('a copy is downloaded, the database is checked, and its migrations are told', () =>
  inBrowser('chromium', async ({ tab }) => {
    const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-download-'));
    try {
      const page = await tab(PAGE);
      await page.evaluate(async () => {
        window.files = { '1_items.sql': 'CREATE TABLE items (id INTEGER PRIMARY KEY)', '2_more.sql': 'CREATE TABLE more (x)' };
        window.db = await window.ubiqlite.open('app.db', { migrations: { '1_items.sql': window.files['1_items.sql'] } });
        await window.panel(undefined, { migrations: window.files });
      });
      await press(page, '[role=tab]', 'Database');
      await until(page, 'the migrations', () => window.one('.document').textContent.includes('Pending migrations'));
      assert.match(await page.evaluate(() => window.one('.document').textContent), /1_items.*Pending migrations.*2_more/);
      await press(page, 'button', 'Check');
      await until(page, 'the check', () => window.one('.status').textContent.startsWith('no damage, '));
      const devtools = await page.page.createCDPSession();
      await devtools.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: folder, eventsEnabled: true });
      const done = new Promise((resolve) => devtools.on('Browser.downloadProgress', ({ state }) => state === 'completed' && resolve()));
      await press(page, 'button', 'Download');
      await within(LIMIT, 'the download', done);
      assert.deepEqual(readdirSync(folder), ['app.db']);
      const { DatabaseSync } = await import('node:sqlite').catch(() => ({}));
      if (DatabaseSync !== undefined) {
        const copy = new DatabaseSync(join(folder, 'app.db'));
        assert.equal(copy.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'items'").get().n, 1);
        copy.close();
      }
      assert.deepEqual(page.errors, []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, { csp: true }));

test('the element opens its database with the document and closes it when it is removed', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await prepared(tab, 'CREATE TABLE t (n INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)');
    await within(LIMIT, 'the element', page.evaluate(async () => {
      await window.db.close();
      document.querySelector('#place').innerHTML = '<ubiqlite-inspect database="app.db" theme="dark"></ubiqlite-inspect>';
      const element = document.querySelector('ubiqlite-inspect');
      window.root = () => element.shadowRoot;
      await window.until('the row', () => window.cells().length === 1);
    }));
    assert.equal(await page.evaluate(() => window.ubiqlite.remove('app.db').catch((error) => error.kind)), 'Busy');
    const removed = await within(LIMIT, 'its end', page.evaluate(async () => {
      document.querySelector('ubiqlite-inspect').remove();
      for (;;) {
        const it = await window.ubiqlite.remove('app.db').catch((error) => error.kind);
        if (it !== 'Busy') return it;
      }
    }));
    assert.equal(removed, true);
    assert.deepEqual(page.errors, []);
  }));

test('webkit: a panel shows a database in memory, live', () =>
  inBrowser('webkit', async ({ tab }) => {
    const page = await tab(PAGE);
    await start(page, ':memory:');
    await run(page, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
    await panel(page);
    await until(page, 'no rows', () => window.one('.place').textContent === 'no rows');
    await run(page, 'INSERT INTO t VALUES (7)');
    await until(page, 'the row', () => window.cells()[0]?.[0] === '7');
    assert.equal(await page.evaluate(() => getComputedStyle(window.one('.body')).display), 'flex');
    assert.deepEqual(page.errors, []);
  }));

test('pictures of every view, in light and dark: no text is cut or too faint', () =>
  inBrowser('chromium', async ({ tab }) => {
    mkdirSync(PICTURES, { recursive: true });
    const page = await prepared(tab, SHOP);
    await page.page.setViewport({ width: 1100, height: 760 });
    for (const theme of ['light', 'dark']) {
      await page.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
      await panel(page, 'app.db');
      const picture = (name) => page.page.screenshot({ path: join(PICTURES, `${theme}-${name}.png`) });
      await until(page, 'the rows', () => window.cells().length === 100 && window.one('.tables button', 'orders10,000+'));
      await press(page, '.tables button', 'orders10,000+');
      await until(page, 'the orders', () => window.cells()[0]?.length === 5);
      await press(page, '.grid tbody tr:nth-child(2) td:nth-child(4)');
      await until(page, 'the value', () => window.one('.value pre'));
      await picture('rows');
      await press(page, '[role=tab]', 'Structure');
      await until(page, 'the structure', () => window.one('.document h2'));
      await picture('structure');
      await sql(page, "SELECT c.name, count(*) AS orders, sum(o.total) AS total, NULL AS none FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id ORDER BY total DESC");
      await picture('sql');
      await sql(page, 'SELECT * FROM ordres');
      await picture('error');
      await run(page, `UPDATE customers SET balance = balance + 1 WHERE id < 4`);
      await press(page, '[role=tab]', 'Commits');
      await until(page, 'the commit', () => window.one('.log')?.textContent.includes('3 updated'));
      await picture('commits');
      await press(page, '[role=tab]', 'Database');
      await until(page, 'the facts', () => window.one('dl dt'));
      await picture('database');
      await page.page.setViewport({ width: 460, height: 760 });
      await press(page, '[role=tab]', 'Rows');
      await until(page, 'the rows', () => window.cells()[0]?.length === 5);
      await picture('narrow');
      await page.page.setViewport({ width: 1100, height: 760 });
      const faint = await page.evaluate(() => {
        const numbers = (color) => color.match(/[\d.]+/g).slice(0, 3).map(Number);
        const light = (color) => numbers(color).map((it) => (it / 255 <= 0.04045 ? it / 255 / 12.92 : ((it / 255 + 0.055) / 1.055) ** 2.4)).reduce((sum, it, at) => sum + it * [0.2126, 0.7152, 0.0722][at], 0);
        const style = getComputedStyle(window.one('.panel'));
        const probe = document.createElement('i');
        window.one('.panel').append(probe);
        const of = (name) => {
          probe.style.color = style.getPropertyValue(name);
          return light(getComputedStyle(probe).color);
        };
        const pairs = ['text', 'dim', 'number', 'blob', 'accent'].flatMap((front) => [[front, 'back'], [front, 'raised']]).concat([['text', 'chosen'], ['dim', 'chosen'], ['fault', 'fault-back'], ['on-accent', 'accent'], ['text', 'fresh'], ['number', 'fresh']]);
        const found = pairs.filter(([front, back]) => {
          const [low, high] = [of(`--${front}`), of(`--${back}`)].sort((a, b) => a - b);
          return (high + 0.05) / (low + 0.05) < 4.5;
        });
        probe.remove();
        return found;
      });
      assert.deepEqual(faint, [], `${theme}: contrast`);
      await page.evaluate(() => window.inspector.close());
    }
    assert.deepEqual(page.errors, []);
  }));
