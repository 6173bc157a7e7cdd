// The browser example, built as its README says: two tabs show the same.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from '../harness/drive.mjs';
import { serve } from '../harness/serve.mjs';
import { KEEPING } from '../support.mjs';

const EXAMPLE = fileURLToPath(new URL('../../../examples/browser', import.meta.url));

let out;
before(async () => {
  out = await mkdtemp(join(tmpdir(), 'ubiqlite-example-'));
  const build = ['run', 'build', '--', '--outDir', out, '--emptyOutDir', '--logLevel', 'warn'];
  execFileSync('npm', build, { cwd: EXAMPLE, stdio: 'inherit', shell: process.platform === 'win32' });
});
after(() => rm(out, { recursive: true, force: true }));

for (const kind of KEEPING) {
  test(`${kind}: what one tab of the example adds and transfers, the other tab shows, also when the first one is gone`, async (t) => {
    const server = await serve(out);
    t.after(() => server.close());
    const browser = await launch(kind);
    t.after(() => browser.close());
    const [one, two] = [await browser.newPage(server.url()), await browser.newPage(server.url())];
    for (const page of [one, two]) {
      await shows(page, 'state', 'open');
      await shows(page, 'accounts', 'Ann100Bob50Cem0');
      await shows(page, 'item-count', '0');
    }

    await add(one, 'a lamp');
    await one.evaluate(() => document.querySelector('#transfer').requestSubmit());
    await shows(two, 'item-count', '1');
    await shows(two, 'items', '1: a lampdone');
    await shows(two, 'accounts', 'Ann90Bob60Cem0');
    await shows(two, 'total', '150');

    await two.evaluate(() => document.querySelector('#items button').click());
    await shows(one, 'done-count', '1');
    await shows(one, 'items', '1: a lampagain');

    // A row that stayed keeps its element.
    await shows(two, 'items', '1: a lampagain');
    await two.evaluate(() => void (window.lamp = document.querySelector('#items li')));
    await add(one, 'a sofa');
    await shows(two, 'items', '2: a sofadone1: a lampagain');
    assert.equal(await two.evaluate(() => document.querySelectorAll('#items li')[1] === window.lamp), true);

    await one.evaluate(() => document.querySelector('#add-many').click());
    await shows(two, 'item-count', (10_002).toLocaleString('en'));
    assert.deepEqual([...one.errors, ...two.errors], []);

    // The first tab leads.
    await one.close();
    const three = await browser.newPage(server.url());
    await shows(three, 'item-count', (10_002).toLocaleString('en'));
    await three.evaluate(() => document.querySelector('#clear-items').click());
    for (const page of [two, three]) await shows(page, 'item-count', '0');
    assert.deepEqual([...two.errors, ...three.errors], []);
  });
}

/** Adds an item by the page's form. */
function add(page, name) {
  return page.evaluate((it) => {
    document.querySelector('#add-item input').value = it;
    document.querySelector('#add-item').requestSubmit();
  }, name);
}

/** Waits until the element has this text. */
async function shows(page, id, wanted) {
  const text = await page.evaluate(
    async (it) => {
      const newest = () => document.getElementById(it.id).textContent;
      for (const end = Date.now() + 30_000; Date.now() < end && newest() !== it.wanted; ) {
        await new Promise((done) => setTimeout(done, 20));
      }
      return newest();
    },
    { id, wanted },
  );
  assert.equal(text, wanted, page.errors.join());
}
