// The browser example, built as its README says: two tabs show the same.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from '../harness/drive.mjs';
import { serve } from '../harness/serve.mjs';

const EXAMPLE = fileURLToPath(new URL('../../../examples/browser', import.meta.url));

test('what one tab of the example adds and transfers, the other tab shows', async (t) => {
  const out = await mkdtemp(join(tmpdir(), 'ubiqlite-example-'));
  t.after(() => rm(out, { recursive: true, force: true }));
  const build = ['run', 'build', '--', '--outDir', out, '--emptyOutDir', '--logLevel', 'warn'];
  execFileSync('npm', build, { cwd: EXAMPLE, stdio: 'inherit', shell: process.platform === 'win32' });

  const server = await serve(out);
  t.after(() => server.close());
  const browser = await launch('chromium');
  t.after(() => browser.close());
  const [one, two] = [await browser.newPage(server.url()), await browser.newPage(server.url())];
  for (const page of [one, two]) assert.equal(await shows(page, 'state', 'open'), 'open', page.errors.join());

  await one.evaluate(() => {
    document.querySelector('#add-item input').value = 'a lamp';
    document.querySelector('#add-item').requestSubmit();
    document.querySelector('#transfer').requestSubmit();
  });
  assert.equal(await shows(two, 'item-count', '1'), '1');
  assert.equal(await shows(two, 'items', '1: a lampdone'), '1: a lampdone');
  assert.equal(await shows(two, 'accounts', 'Ann90Bob60Cem0'), 'Ann90Bob60Cem0');
  assert.equal(await shows(two, 'total', '150'), '150');

  await one.evaluate(() => document.querySelector('#add-many').click());
  assert.equal(await shows(two, 'item-count', (10_001).toLocaleString('en')), '10,001');
  assert.deepEqual([...one.errors, ...two.errors], []);
});

/** Returns the text of an element once it is `wanted`, or whatever it is after a while. */
function shows(page, id, wanted) {
  return page.evaluate(
    async (it) => {
      const text = () => document.getElementById(it.id).textContent;
      for (const end = Date.now() + 20_000; Date.now() < end && text() !== it.wanted; ) {
        await new Promise((done) => setTimeout(done, 20));
      }
      return text();
    },
    { id, wanted },
  );
}
