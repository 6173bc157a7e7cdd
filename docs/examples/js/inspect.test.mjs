// Runs the functions of `inspect.mjs` in Chromium, under the policy of the guide's page "Browsers and tabs".

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from '../../../tests/browser/harness/drive.mjs';
import { serve } from '../../../tests/browser/harness/serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const GUIDE = await readFile(here('inspect.mjs'));
const PAGE = await readFile(here('../../guide/inspect.md'), 'utf8');
// The import map and the element are those of the guide's page.
const MAP = /<script type="importmap">\n?(.*?)<\/script>/s.exec(PAGE)[1].replaceAll('/ubiqlite/', '/pkg/');
const ELEMENT = /```html\n(<ubiqlite-inspect.*?)```/s.exec(PAGE)[1];
const HASH = createHash('sha256').update(MAP).digest('base64');
const POLICY = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-${HASH}'; worker-src 'self'; connect-src 'self'`;

const send = (type, body) => (_, response) => {
  response.setHeader('content-type', type);
  response.end(body);
};

const routes = {
  '/': send('text/html; charset=utf-8', `<!doctype html><title>items</title><script type="importmap">${MAP}</script><script type="module" src="/main.js"></script><main></main>`),
  '/main.js': send('text/javascript', "import * as guide from '/inspect.mjs';\nObject.assign(window, { guide, ubiqlite: await import('ubiqlite') });"),
  '/inspect.mjs': send('text/javascript', GUIDE),
};

let server;
let browser;
before(async () => {
  server = await serve({ '/pkg/': here('../../../bindings-wasm/dist') }, { routes, csp: POLICY });
  browser = await launch('chromium');
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** Opens a tab in which the database `app.db` is open, with one item. */
async function tab(t, hash = '') {
  const page = await browser.newPage(server.url(`/${hash}`));
  t.after(() => page.close().catch(() => {}));
  await page.evaluate(async () => {
    while (!window.ubiqlite) await new Promise((resolve) => setTimeout(resolve, 5));
    window.db = await window.ubiqlite.open('app.db');
    await window.db.batch("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT); INSERT OR REPLACE INTO items VALUES (1, 'lamp')");
    window.says = async (element, text) => {
      for (const end = performance.now() + 30_000; performance.now() < end; ) {
        if (element()?.shadowRoot?.textContent.includes(text)) return true;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return element()?.shadowRoot?.textContent ?? 'no panel';
    };
  });
  return page;
}

test('a name is enough, and closing the panel leaves the page as it was', async (t) => {
  const page = await tab(t);
  assert.equal(await page.evaluate(() => {
    window.panel = window.guide.look();
    return window.says(() => window.panel.element, 'lamp');
  }), true);
  assert.deepEqual(
    await page.evaluate(async () => {
      const box = window.panel.element.getBoundingClientRect();
      const atBottom = Math.round(box.bottom) === innerHeight;
      await window.guide.end(window.panel);
      return [atBottom, document.querySelector('body').lastElementChild.localName, await window.db.queryValue('SELECT name FROM items')];
    }),
    [true, 'main', 'lamp'],
  );
  assert.deepEqual(page.errors, []);
});

test('it is loaded when it is asked for', async (t) => {
  const page = await tab(t, '#inspect');
  assert.equal(await page.evaluate(async () => {
    await window.guide.onlyWhenAsked();
    return window.says(() => document.body.lastElementChild, 'lamp');
  }), true);
});

test('a database in memory is shown in an element of the page, and stays open', async (t) => {
  const page = await tab(t);
  const found = await page.evaluate(async () => {
    const { db, panel } = await window.guide.lookAt(document.querySelector('main'));
    await db.execute("INSERT INTO items (name) VALUES ('chair')");
    const shown = await window.says(() => document.querySelector('main').firstElementChild, 'chair');
    await panel.close();
    return [shown, document.querySelector('main').childElementCount, await db.queryValue('SELECT name FROM items')];
  });
  assert.deepEqual(found, [true, 0, 'chair']);
});

test('the element of the page shows the database', async (t) => {
  const page = await tab(t);
  assert.equal(await page.evaluate((html) => {
    document.querySelector('main').innerHTML = html;
    return window.says(() => document.querySelector('ubiqlite-inspect'), 'lamp');
  }, ELEMENT), true);
});

test('pending migrations are told', async (t) => {
  const page = await tab(t);
  assert.equal(await page.evaluate(async () => {
    const { element } = window.guide.pending({ '1_later.sql': 'CREATE TABLE later (x)' });
    await window.says(() => element, 'lamp');
    [...element.shadowRoot.querySelectorAll('[role=tab]')].find(({ textContent }) => textContent === 'Database').click();
    return window.says(() => element, 'Pending migrations');
  }), true);
  assert.equal(await page.evaluate(() => window.db.queryValue("SELECT count(*) FROM sqlite_schema WHERE name = 'later'")), 0);
});
