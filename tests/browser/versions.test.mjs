// Two versions of the package in two tabs: the older one hands the database over when
// nothing is open in it, and its page is asked to reload.

import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from './harness/drive.mjs';
import { serve } from './harness/serve.mjs';
import { KEEPING, loaded, run, start, value, within } from './support.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const PACKAGE = here('../../bindings-wasm');

/** Builds the package as a next version whose contexts speak another protocol. */
async function newer() {
  const { build } = createRequire(join(PACKAGE, 'package.json'))('esbuild');
  const outdir = mkdtempSync(join(tmpdir(), 'ubiqlite-newer-'));
  after(() => rmSync(outdir, { recursive: true, force: true }));
  let changed = 0;
  const next = {
    name: 'next',
    setup({ onLoad }) {
      onLoad({ filter: /browser[/\\]protocol\.ts$/ }, ({ path }) => {
        const contents = readFileSync(path, 'utf8').replace(/PROTOCOL = (\d+)/, (_, number) => `PROTOCOL = ${Number(number) + 1}`);
        changed += 1;
        return { contents, loader: 'ts' };
      });
    },
  };
  await build({
    absWorkingDir: PACKAGE,
    outdir,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
    entryPoints: { browser: 'ts/browser/index.ts', worker: 'ts/browser/worker.ts', hub: 'ts/browser/hub.ts' },
    define: { 'globalThis.UBIQLITE': 'undefined' },
    plugins: [next],
  });
  assert.ok(changed > 0);
  copyFileSync(join(PACKAGE, 'dist/ubiqlite.wasm'), join(outdir, 'ubiqlite.wasm'));
  return outdir;
}

const send = (type, text) => (request, response) => {
  response.setHeader('content-type', type);
  response.end(text);
};

const routes = {
  '/newer.html': send('text/html; charset=utf-8', '<!doctype html><meta charset="utf-8"><script type="module" src="/newer.js"></script>'),
  '/newer.js': send('text/javascript; charset=utf-8', readFileSync(here('site/page.js'), 'utf8').replace('/pkg/', '/newer/')),
};

async function withVersions(kind, body) {
  const server = await serve({ '/': here('site'), '/pkg/': join(PACKAGE, 'dist'), '/newer/': await newer() }, { routes });
  const browser = await launch(kind);
  try {
    await body({
      older: async () => loaded(await browser.newPage(server.url('/'))),
      newer: async () => loaded(await browser.newPage(server.url('/newer.html'))),
    });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Returns the kind and message of the error that a call in a page rejects with. */
const refused = (page, sql) =>
  within(20_000, 'the error', page.evaluate((sql) => window.db.execute(sql).then(() => 'ok', ({ kind, message }) => `${kind}: ${message}`), sql));

/** What may wait for ever for what a page does. */
const WAITING = {
  'a watch': () => window.live('SELECT n FROM t'),
  'an outbox': () => window.send(),
};

for (const kind of KEEPING) {
  test(`${kind}: an idle engine of an older version hands its database over to a newer one`, () =>
    withVersions(kind, async ({ older, newer }) => {
      const [first, second] = [await older(), await older()];
      await start(first);
      await start(second);
      await run(first, 'CREATE TABLE t(a)');
      await run(second, 'INSERT INTO t VALUES (1)');
      const third = await newer();
      await within(20_000, 'the newer version opens it', start(third));
      assert.equal(await value(third, 'SELECT count(*) FROM t'), 1);
      await run(third, 'INSERT INTO t VALUES (2)');
      for (const page of [first, second]) assert.match(await refused(page, 'INSERT INTO t VALUES (3)'), /^Busy: .*newer version.*reload/);
      assert.equal(await value(third, 'SELECT count(*) FROM t'), 2);
      // Once the newer one is gone, the older one may have it again.
      await third.close();
      await within(20_000, 'the older version goes on', run(first, 'INSERT INTO t VALUES (4)'));
      assert.equal(await value(second, 'SELECT count(*) FROM t'), 3);
    }));

  for (const [what, begin] of Object.entries(WAITING)) {
    test(`${kind}: ${what} does not keep an older version's engine, and ends with the error that asks for a reload`, () =>
      withVersions(kind, async ({ older, newer }) => {
        const first = await older();
        await start(first);
        await run(first, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
        await first.evaluate(begin);
        const second = await newer();
        await within(20_000, 'the newer version opens it', start(second));
        const failures = () =>
          within(20_000, 'it fails', first.evaluate(async () => {
            while (window.failures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
            return window.failures;
          }));
        assert.match((await failures()).join(), /^Busy: .*newer version.*reload/);
        await run(second, 'INSERT INTO t VALUES (1)');
      }));
  }

  test(`${kind}: an engine of an older version in which something is open goes on, and is waited for`, () =>
    withVersions(kind, async ({ older, newer }) => {
      const first = await older();
      await start(first);
      await run(first, 'CREATE TABLE t(a)');
      await first.evaluate(async () => {
        window.tx = await window.db.begin();
        await window.tx.execute('INSERT INTO t VALUES (1)');
      });
      const second = await newer();
      const told = await within(20_000, 'the newer version is told', second.evaluate(() => window.start().then(() => 'ok', ({ kind, message }) => `${kind}: ${message}`)));
      assert.match(told, /^Busy: .*older version/);
      // Nothing that was open is lost.
      await within(20_000, 'the commit', first.evaluate(() => window.tx.commit()));
      await within(20_000, 'the newer version opens it', start(second));
      assert.equal(await value(second, 'SELECT count(*) FROM t'), 1);
    }));
}
