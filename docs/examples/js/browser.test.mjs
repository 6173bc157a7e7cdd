// Runs the functions of `browser.mjs` in Chromium, under the policy that the guide's page gives.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from '../../../tests/browser/harness/drive.mjs';
import { serve } from '../../../tests/browser/harness/serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const GUIDE = await readFile(here('browser.mjs'));
const MAP = JSON.stringify({ imports: { ubiqlite: '/pkg/browser.js' } });
const HASH = createHash('sha256').update(MAP).digest('base64');
const POLICY = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-${HASH}'; worker-src 'self'; connect-src 'self'`;

/** Counts the items for each page that connects to it, or once for the page that started it. */
const WORKER = `
  if ('onconnect' in self) self.onconnect = (event) => count(event.ports[0]);
  else count(self);

  async function count(port) {
    try {
      const { open } = await import('/pkg/browser.js');
      const db = await open('app.db');
      await db.execute('CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, name TEXT NOT NULL)');
      port.postMessage(await db.table('items').count());
      await db.close();
    } catch (error) {
      port.postMessage(error.kind);
    }
  }
`;

const send = (type, body) => (_, response) => {
  response.setHeader('content-type', type);
  response.end(body);
};

const routes = {
  '/': send('text/html; charset=utf-8', `<!doctype html><title>items</title><script type="importmap">${MAP}</script><script type="module" src="/main.js"></script>`),
  '/main.js': send('text/javascript', "import * as guide from '/browser.mjs';\nObject.assign(window, { guide, ubiqlite: await import('ubiqlite') });"),
  '/worker.js': send('text/javascript', WORKER),
  '/browser.mjs': send('text/javascript', GUIDE),
};

let server;
let browser;
before(async () => {
  server = await serve({ '/pkg/': here('../../../bindings-wasm/dist') }, { routes, csp: POLICY });
  browser = await launch('chromium', { args: ['--host-resolver-rules=MAP insecure.test 127.0.0.1'] });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens a tab, and closes it with the test. */
async function tab(t, url = server.url('/')) {
  const page = await browser.newPage(url);
  t.after(() => page.close().catch(() => {}));
  await page.evaluate(async () => {
    while (!window.ubiqlite) await new Promise((resolve) => setTimeout(resolve, 5));
  });
  return page;
}

/** Opens a tab with the guide's database, which every test begins without. */
async function items(t) {
  const page = await tab(t);
  await page.evaluate(async () => void (window.db = await window.guide.openItems()));
  return page;
}

async function fresh(t) {
  const page = await tab(t);
  await page.evaluate(async () => {
    for (const name of await window.ubiqlite.list()) await window.ubiqlite.remove(name);
  });
  await page.close();
}

const names = (page) => page.evaluate(() => window.db.query('SELECT name FROM items ORDER BY name', [], { rows: 'array' }));

test('a database is kept for the next page, and shared by all tabs and workers', async (t) => {
  await fresh(t);
  const page = await items(t);
  const id = await page.evaluate(() => window.guide.addItem(window.db, 'lamp'));
  assert.equal(id.length, 36);
  const other = await items(t);
  assert.deepEqual(await names(other), [['lamp']]);
  await page.close();
  await other.close();
  assert.deepEqual(await names(await items(t)), [['lamp']]);
});

test('a tab that leads closes while others write, and every item is there once', async (t) => {
  await fresh(t);
  const tabs = [];
  for (let number = 0; number < 4; number += 1) tabs.push(await items(t));
  for (const [number, page] of tabs.entries()) {
    await page.evaluate((by) => {
      window.acknowledged = [];
      window.writer = (async () => {
        while (window.acknowledged.length < 300) window.acknowledged.push(await window.guide.addItem(window.db, `${by}`));
      })();
    }, number);
  }
  for (const page of tabs.slice(0, 2)) {
    await new Promise((resolve) => setTimeout(resolve, 150));
    await page.close();
  }
  for (const page of tabs.slice(2)) await page.evaluate(() => window.writer);
  const rows = await tabs[3].evaluate(() => window.db.query('SELECT name, count(*) AS n FROM items GROUP BY name ORDER BY name'));
  assert.deepEqual(rows.slice(-2), [{ name: '2', n: 300 }, { name: '3', n: 300 }]);
});

test('the tab that leads closes: a read is sent again, a write is of unknown outcome, a transaction is rolled back', async (t) => {
  await fresh(t);
  const [leader, other] = [await items(t), await items(t)];
  await other.evaluate(() => window.guide.addItem(window.db, 'lamp'));
  const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)';
  await other.evaluate((sql) => {
    const kind = (promise) => promise.then((value) => value, (error) => error.kind);
    window.read = kind(window.db.queryValue(`${sql} SELECT count(*) FROM n`));
    window.write = kind(window.db.execute(`${sql} INSERT INTO items SELECT i, 'chair' FROM n WHERE i % 2 = 0`));
  }, numbers);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await leader.close();
  const third = await items(t);
  assert.deepEqual(await other.evaluate(async () => [await window.read, await window.write]), [3_000_000, 'OutcomeUnknown']);
  assert.deepEqual(await names(third), [['lamp']]);

  await third.evaluate(async () => {
    window.snapshot = await window.db.snapshot();
    window.session = await window.db.acquire();
    window.tx = await window.db.begin();
    await window.tx.execute("INSERT INTO items VALUES ('1', 'chair')");
  });
  await other.close();
  const ended = await third.evaluate(() => {
    const calls = [window.tx.commit(), window.snapshot.query('SELECT 1'), window.session.query('SELECT 1')];
    return Promise.all(calls.map((call) => call.then(() => 'done', (error) => error.kind)));
  });
  assert.deepEqual(ended, ['Cancelled', 'Cancelled', 'Cancelled']);
  assert.deepEqual(await names(third), [['lamp']]);
});

test('a tab that watches a query shows what another has written', async (t) => {
  await fresh(t);
  const [one, two] = [await items(t), await items(t)];
  // A result at first, and another with what the other tab has added.
  await two.evaluate(() => new Promise((first) => {
    window.seen = new Promise((second) => {
      window.guide.live(window.db, (rows) => (rows.length === 0 ? first() : second(rows.map(({ name }) => name))));
    });
  }));
  await one.evaluate(() => window.guide.addItem(window.db, 'lamp'));
  assert.deepEqual(await two.evaluate(() => window.seen), ['lamp']);
});

test('storage: a request to keep it, its size, and its end', async (t) => {
  await fresh(t);
  const page = await items(t);
  const { kept, usage, quota } = await page.evaluate(() => window.guide.persistent());
  assert.equal(typeof kept, 'boolean');
  assert.ok(usage > 0 && usage < quota);
  await page.evaluate(() => window.db.execute('CREATE TABLE photos (bytes BLOB)'));
  const add = () => page.evaluate(() => window.guide.addPhoto(window.db, new Uint8Array(20_000_000)));
  await page.quota(10_000_000);
  assert.match(await add(), /no space left/);
  await page.quota();
  assert.equal(await page.evaluate(() => window.db.table('photos').count()), 0);
  assert.equal(await add(), 'done');
});

test('a database is exported and imported again, but not while it is open', async (t) => {
  await fresh(t);
  const page = await items(t);
  await page.evaluate(() => window.guide.addItem(window.db, 'lamp'));
  assert.match(await page.evaluate(() => window.guide.download()), /^blob:/);
  const imported = () =>
    page.evaluate(async () => {
      window.file ??= await new Response(await window.ubiqlite.exportFile('app.db')).blob();
      return window.guide.upload({ files: [window.file] }).then(() => 'done', (error) => error.kind);
    });
  assert.equal(await imported(), 'Busy');
  await page.evaluate(async () => {
    await window.guide.addItem(window.db, 'chair');
    await window.db.close();
  });
  assert.equal(await imported(), 'done');
  await page.evaluate(async () => void (window.db = await window.guide.openItems()));
  assert.deepEqual(await names(page), [['lamp']]);
  const refused = await page.evaluate(async () => {
    const kind = (source, options) => window.ubiqlite.importFile('app.db', source, options).then(() => 'done', (error) => error.kind);
    await window.db.close();
    return [await kind(window.file), await kind(new Blob(['no database']), { replace: true }), await kind(window.file.slice(0, 4096), { replace: true })];
  });
  assert.deepEqual(refused, ['InvalidArgument', 'NotADatabase', 'NotADatabase']);
});

test('databases are listed and removed, but not while one is open', async (t) => {
  await fresh(t);
  const page = await items(t);
  const left = await page.evaluate(async () => {
    const { list, open } = window.ubiqlite;
    for (const name of ['draft-1.db', 'draft-2.db']) {
      const db = await open(name);
      await db.execute('CREATE TABLE notes (text)');
      await db.close();
    }
    const before = await list();
    await window.guide.clean();
    return [before, await list()];
  });
  assert.deepEqual(left, [['app.db', 'draft-1.db', 'draft-2.db'], ['app.db']]);
  const kinds = await page.evaluate(async () => {
    const { open, remove } = window.ubiqlite;
    const kind = (promise) => promise.then((value) => value, (error) => error.kind);
    return [await kind(remove('app.db')), await kind(remove('missing.db')), await kind(open('folder/app.db')), await kind(open('missing.db', { create: false }))];
  });
  assert.deepEqual(kinds, ['Busy', false, 'InvalidArgument', 'CannotOpen']);
});

test('a database in memory is in no list, and the choice of a page that can store nothing', async (t) => {
  await fresh(t);
  const page = await tab(t);
  assert.equal(await page.evaluate(() => window.guide.inMemory()), 1);
  assert.deepEqual(await page.evaluate(() => window.ubiqlite.list()), []);
  const insecure = await tab(t, server.url('/').replace('localhost', 'insecure.test'));
  const refused = await insecure.evaluate(() => window.ubiqlite.open('app.db').catch(({ kind, message }) => ({ kind, message })));
  assert.equal(refused.kind, 'Unsupported');
  assert.match(refused.message, /secure context/);
  const value = await insecure.evaluate(async () => {
    const db = await window.guide.openOrMemory();
    return db.queryValue('SELECT 1 + 1');
  });
  assert.equal(value, 2);
  assert.ok(insecure.console.some((line) => line.includes('Nothing will be saved')), insecure.console.join());
});

test('a worker opens a database itself; a SharedWorker, while a page has it open', async (t) => {
  await fresh(t);
  const page = await tab(t);
  const ask = (kind) =>
    page.evaluate(
      (it) =>
        new Promise((resolve) => {
          const worker = it === 'shared' ? new SharedWorker('/worker.js', { type: 'module' }).port : new Worker('/worker.js', { type: 'module' });
          worker.onmessage = ({ data }) => {
            worker.terminate?.();
            resolve(data);
          };
        }),
      kind,
    );
  assert.equal(await ask('shared'), 'Unsupported');
  assert.equal(await ask('own'), 0);
  await page.evaluate(async () => void (window.db = await window.guide.openItems()));
  await page.evaluate(() => window.guide.addItem(window.db, 'lamp'));
  assert.equal(await ask('shared'), 1);
  assert.equal(await ask('own'), 1);
  assert.deepEqual(page.errors, []);
});
