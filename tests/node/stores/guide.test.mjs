/** The guide's programs for Keyv, unstorage and db0, as they are there. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { LIMIT, folder, within } from './support.mjs';

const { cache, page } = await import('./guide/keyv.mjs');
const { storage, watchSettings } = await import('./guide/unstorage.mjs');
const { database, addItem } = await import('./guide/db0.mjs');

test('Keyv: a page is rendered once, and is still there after the cache was opened again', async (t) => {
  const path = join(folder(t), 'cache.db');
  let rendered = 0;
  const render = async (address) => `page ${address}, ${(rendered += 1)}`;
  for (let time = 0; time < 2; time += 1) {
    const pages = cache(path);
    assert.equal(await page(pages, '/a', render), 'page /a, 1');
    await pages.disconnect();
  }
});

test('unstorage: settings are told when they are changed, through another storage too', async (t) => {
  const path = join(folder(t), 'app.db');
  const seen = [];
  let arrived = () => {};
  const one = storage(path);
  const stop = await watchSettings(one, (...args) => {
    seen.push(args);
    arrived();
  });
  const until = async (count) => {
    while (seen.length < count) await within(LIMIT, new Promise((resolve) => (arrived = resolve)), `${count} events`);
  };
  await one.setItem('settings:ann', { theme: 'dark' });
  await until(1);
  await one.setItem('other', 1);
  await one.removeItem('settings:ann');
  await until(2);
  assert.deepEqual(seen, [['ann', { theme: 'dark' }], ['ann', null]]);
  await stop();
  await one.dispose();
});

test('db0: rows of a tagged template', async (t) => {
  const db = database(join(folder(t), 'app.db'));
  await db.exec('CREATE TABLE items (name TEXT, price REAL)');
  assert.deepEqual(await addItem(db, 'lamp', 40), ['lamp']);
  assert.deepEqual(await addItem(db, 'chair', 20), ['chair']);
  assert.deepEqual(await addItem(db, 'bed', 90), ['bed', 'chair', 'lamp']);
  await db.dispose();
});
