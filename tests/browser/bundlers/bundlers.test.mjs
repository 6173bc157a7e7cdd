// One tiny app, built by the common bundlers and by none, works in a browser: with
// no settings, with one wasm file, and durably.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch } from '../harness/drive.mjs';
import { STRICT_CSP, serve } from '../harness/serve.mjs';
import {
  buildWithEsbuild,
  buildWithMigrations,
  buildWithVite,
  buildWithWebpack,
  install,
  serveWithVite,
  withImportMap,
  withPanel,
  withPath,
} from './build.mjs';

let app;
let browser;
before(async () => {
  app = await install();
  browser = await launch('chromium');
});
after(async () => {
  await browser?.close();
  await app?.remove();
});

const BUILDS = {
  vite: buildWithVite,
  webpack: buildWithWebpack,
  esbuild: buildWithEsbuild,
  'an import map': withImportMap,
};

for (const [name, build] of Object.entries(BUILDS)) {
  test(`${name}: the app works, and again after a reload`, async () => {
    const out = await build(app.dir);
    assert.equal((await wasmIn(out)).length, 1);
    await works(await serve(out));
  });
}

test('vite in development: the app works, and again after a reload', async () => {
  await works(await serveWithVite(app.dir));
});

test('vite: migrations come from their files by import.meta.glob, as the guide says', async () => {
  const out = await buildWithMigrations(app.dir);
  assert.ok((await readdir(out, { recursive: true })).every((name) => !name.endsWith('.sql')));
  await works(await serve(out));
});

test('the Content-Security-Policy that the README names is the one that is tried, and nothing else is allowed', async () => {
  const readme = await readFile(new URL('../../../bindings-wasm/README.md', import.meta.url), 'utf8');
  for (const directive of STRICT_CSP.split('; ')) {
    if (!directive.endsWith("'none'")) assert.ok(readme.includes(`\`${directive}\``), directive);
  }
  assert.ok(STRICT_CSP.startsWith("default-src 'none'"));
});

for (const [name, build] of Object.entries({ ...BUILDS, 'a path': withPath })) {
  // An import map is an inline script, which no strict policy allows.
  if (build === withImportMap) continue;
  test(`${name}: the app works under a strict Content-Security-Policy`, async () => {
    await works(await serve(await build(app.dir), { csp: true }));
  });
}

test('with the panel of ubiqlite/inspect: the app works with every bundler, under a strict policy, and has the package once', async () => {
  const dir = await withPanel(app.dir);
  for (const [name, build] of Object.entries({ ...BUILDS, 'a path': withPath })) {
    const out = await build(dir);
    assert.equal((await wasmIn(out)).length, 1, name);
    await works(await serve(out, { csp: build !== withImportMap }));
    if (build === withImportMap || build === withPath) continue;
    const scripts = (await readdir(out, { recursive: true })).filter((file) => /\.m?js$/.test(file));
    const texts = await Promise.all(scripts.map((file) => readFile(join(out, file), 'utf8')));
    const copies = texts.join('').split("a database's path or name must be a non-empty string").length - 1;
    assert.equal(copies, 1, `${name}: ${scripts.join()}`);
  }
});

test('a path: the app works on an isolated page', async () => {
  await works(await serve(await withPath(app.dir), { isolated: true }));
});

/** Visits the app twice, and closes the server. */
async function works(server) {
  try {
    const page = await browser.newPage(typeof server.url === 'string' ? server.url : server.url('/'));
    const told = () => [...page.errors, ...page.console].join('\n');
    assert.equal(await result(page), '1 here', told());
    await page.reload();
    assert.equal(await result(page), '1 here, 2 here', told());
    assert.deepEqual(page.errors, []);
    await page.close();
  } finally {
    await server.close();
  }
}

/** Returns what the app says in the end, or what it says when waiting takes too long. */
function result(page) {
  return page.evaluate(async () => {
    const said = () => document.getElementById('result').textContent;
    for (const end = Date.now() + 20_000; Date.now() < end && !said(); ) {
      await new Promise((done) => setTimeout(done, 20));
    }
    return said();
  });
}

async function wasmIn(folder) {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.wasm'));
}
