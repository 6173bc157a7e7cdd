// The guarantees of the harness that the other tests rely on.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { BROWSERS, launch } from '../drive.mjs';
import { serve, STRICT_CSP } from '../serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

let server;
before(async () => {
  server = await serve(here('site'));
});
after(() => server.close());

for (const kind of BROWSERS) {
  test(`${kind}: tabs share an origin, and values and errors come back`, async () => {
    const browser = await launch(kind);
    try {
      const [one, two] = [await browser.newPage(server.url()), await browser.newPage(server.url())];

      const value = { text: 'ä€😀', list: [1, null, true], deep: { a: 1 } };
      assert.deepEqual(await one.evaluate((it) => it, value), value);
      assert.equal(await one.evaluate(async () => (await import('/lib.js')).answer), 42);
      assert.equal(await one.evaluate(() => undefined), undefined);
      await assert.rejects(
        one.evaluate(() => {
          throw Object.assign(new TypeError('no'), { kind: 'Odd', code: 7 });
        }),
        { name: 'TypeError', message: 'no', kind: 'Odd', code: 7 },
      );

      await one.evaluate(() => localStorage.setItem('seen', 'by one'));
      assert.equal(await two.evaluate(() => localStorage.getItem('seen')), 'by one');
      await Promise.all([one, two].map((page) => page.evaluate(() => (window.count += 1))));
      await one.reload();
      assert.deepEqual(
        await Promise.all([one, two].map((page) => page.evaluate(() => window.count))),
        [1, 2],
      );
      await two.close();
      assert.equal(await one.evaluate(() => document.title), 'harness');
      if (kind !== 'webkit') assert.ok(one.console.includes('the page is here'));
    } finally {
      await browser.close();
    }
    assert.deepEqual(await survivors(), []);
  });
}

for (const kind of ['chromium', 'firefox']) {
  test(`${kind}: a crashed tab lets its locks go, and the others live on`, async () => {
    const browser = await launch(kind);
    try {
      const [one, two] = [await browser.newPage(server.url()), await browser.newPage(server.url())];
      await one.evaluate(
        () => new Promise((held) => void navigator.locks.request('lead', () => (held(), new Promise(() => {})))),
      );
      const waits = assert.rejects(one.evaluate(() => new Promise(() => {})), /crashed/);
      const gets = two.evaluate(() => navigator.locks.request('lead', async () => 'mine'));
      await one.crash();
      assert.equal(await gets, 'mine');
      await waits;
      await assert.rejects(one.evaluate(() => 1), /crashed/);
      await one.close();
      assert.equal(await two.evaluate(() => window.count), 1);
    } finally {
      await browser.close();
    }
  });
}

test('chromium: a frozen tab stands still and goes on', async () => {
  const browser = await launch('chromium');
  try {
    const page = await browser.newPage(server.url());
    await page.evaluate(() => {
      window.ticks = 0;
      setInterval(() => (window.ticks += 1), 5);
    });
    await page.freeze();
    const ticks = async () => {
      await new Promise((done) => setTimeout(done, 300));
      return page.evaluate(() => window.ticks);
    };
    const before = await ticks();
    assert.equal(await ticks(), before);
    await page.thaw();
    assert.ok((await ticks()) > before);
  } finally {
    await browser.close();
  }
});

test('chromium: a quota ends what may be stored', async () => {
  const browser = await launch('chromium');
  // Not with `estimate()`: its figure says nothing about the disk.
  const store = async (bytes) => {
    const root = await navigator.storage.getDirectory();
    const file = await (await root.getFileHandle('file', { create: true })).createWritable();
    await file.write(new Uint8Array(bytes));
    await file.close();
  };
  try {
    const page = await browser.newPage(server.url());
    await page.quota(100_000);
    await page.evaluate(store, 50_000);
    await assert.rejects(page.evaluate(store, 500_000), { name: 'QuotaExceededError' });
    await page.quota();
    await page.evaluate(store, 500_000);
  } finally {
    await browser.close();
  }
});

test('a strict policy forbids eval, and COOP with COEP gives shared memory', async () => {
  const [strict, isolated] = [await serve(here('site'), { csp: true }), await serve(here('site'), { isolated: true })];
  const browser = await launch('chromium');
  try {
    const one = await browser.newPage(strict.url());
    const refused = await one.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.inline = true';
      document.head.append(script);
      return window.inline === undefined;
    });
    assert.ok(refused, STRICT_CSP);
    const shared = () => typeof SharedArrayBuffer === 'function' && crossOriginIsolated;
    const two = await browser.newPage(isolated.url());
    assert.deepEqual([await one.evaluate(shared), await two.evaluate(shared)], [false, true]);
  } finally {
    await browser.close();
    await Promise.all([strict.close(), isolated.close()]);
  }
});

test('the server knows wasm, and nothing outside its folders', async () => {
  const status = async (path) => (await fetch(server.url(path))).status;
  assert.equal(await status('/'), 200);
  assert.equal(await status('/none.js'), 404);
  assert.equal(await status('/..%2fharness.test.mjs'), 404);
  assert.equal((await fetch(server.url('/lib.js'))).headers.get('content-type'), 'text/javascript; charset=utf-8');
});

for (const kind of BROWSERS) {
  test(`${kind}: nothing of it survives a test that is killed`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'ubiqlite-victim-'));
    t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
    const child = spawn(process.execPath, [here('victim.mjs'), kind, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    assert.notDeepEqual(await survivors(0), []);
    child.kill('SIGKILL');
    assert.deepEqual(await survivors(), []);
  });
}

/** Returns the browser processes that descend from this test, after waiting a while for them to end. */
async function survivors(seconds = 10) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = marked();
    if (found.length === 0 || Date.now() >= end) return found;
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Returns the processes with this test's mark in their environment, except for node itself. */
function marked() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const ours = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`UBIQLITE_TEST=${MARK}`);
        const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
        return ours && !/^(node|MainThread)/.test(name) ? [`${name} (${pid})`] : [];
      } catch {
        return [];
      }
    });
}

const MARK = (process.env.UBIQLITE_TEST ??= String(process.pid));
