// The page compiles the engine's code while the worker starts, and its client speaks before the engine is ready. Where
// the page cannot compile it, the worker loads it itself; who gives up early leaves nothing behind.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { KEEPING, LIMIT, inBrowser, loaded, start, within } from './support.mjs';

const DIST = fileURLToPath(new URL('../../bindings-wasm/dist', import.meta.url));
const CODE = '/pkg/ubiqlite.wasm';

/** What keeps the page from having the code. */
const HINDRANCES = {
  'does not compile it': () => (WebAssembly.compileStreaming = () => Promise.reject(new TypeError('not here'))),
  'never has it': () => (WebAssembly.compileStreaming = () => new Promise(() => {})),
  'has an old browser': () => (WebAssembly.compileStreaming = undefined),
};

const value = (page, sql) => page.evaluate((sql) => window.db.queryValue(sql), sql);

for (const kind of KEEPING) {
  for (const [name, hinder] of Object.entries(HINDRANCES)) {
    test(`${kind}: a page that ${name} has a database, and takes over another's`, () =>
      inBrowser(kind, async ({ tab }) => {
        const first = await tab();
        await first.evaluate(hinder);
        await start(first);
        await first.evaluate(() => window.db.execute('CREATE TABLE t AS SELECT 7 AS n'));
        const second = await tab();
        await second.evaluate(hinder);
        await start(second);
        // So that it has prepared a worker.
        await new Promise((resolve) => setTimeout(resolve, 800));
        await first.close();
        assert.equal(await within(LIMIT, 'the second tab reads', value(second, 'SELECT n FROM t')), 7);
      }));
  }

  test(`${kind}: a page whose own policy forbids wasm has a database`, () => {
    const page = `<!doctype html>
      <meta http-equiv="content-security-policy" content="script-src 'self' 'unsafe-inline'">
      <script type="module">
        window.ubiqlite = await import('/pkg/browser.js');
        window.refused = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then(() => false, () => true);
        window.ready = true;
      </script>`;
    const strict = (_request, response) => response.setHeader('content-type', 'text/html').end(page);
    return inBrowser(
      kind,
      async ({ tab }) => {
        const page = await tab('/strict.html');
        assert.equal(await page.evaluate(() => window.refused), true);
        const two = await page.evaluate(async () => {
          const db = await window.ubiqlite.open('app.db');
          return db.queryValue('SELECT 1 + 1');
        });
        assert.equal(two, 2);
      },
      { routes: { '/strict.html': strict } },
    );
  });

  test(`${kind}: an opening that is given up at any moment leaves nothing open`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const ends = await page.evaluate(async () => {
        const ends = [];
        for (let wait = 0; wait <= 80; wait += 4) {
          const stop = new AbortController();
          const opening = window.ubiqlite.open('app.db', { signal: stop.signal });
          setTimeout(() => stop.abort(), wait);
          const db = await opening.catch((error) => error.name);
          if (typeof db === 'string') ends.push(db);
          else await db.close();
          // It is refused as long as anybody has the database open.
          const deadline = performance.now() + 10_000;
          for (;;) {
            const removed = await window.ubiqlite.remove('app.db').then(() => true, (error) => error.kind);
            if (removed === true) break;
            if (removed !== 'Busy' || performance.now() > deadline) throw new Error(`after ${wait} ms: ${removed}`);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        }
        return ends;
      });
      assert.ok(ends.length > 0 && ends.every((name) => name === 'CancelledError'), String(ends));
    }));
}

test('chromium: a server that calls the code something else is put up with', () =>
  inBrowser(
    'chromium',
    async ({ tab, server }) => {
      const page = await tab();
      await start(page);
      assert.equal(await value(page, 'SELECT 1 + 1'), 2);
      // The page's, which is refused, and the worker's.
      assert.ok(server.requests.filter((path) => path === CODE).length >= 2, String(server.requests));
    },
    { routes: { [CODE]: (_request, response) => void readFile(DIST + CODE.slice(4)).then((bytes) => response.setHeader('content-type', 'text/plain').end(bytes)) } },
  ));
