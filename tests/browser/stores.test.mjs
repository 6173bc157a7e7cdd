// The adapters for Keyv and unstorage in tabs: what they run on there is the engine of the leading tab.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, LIMIT, inBrowser, start, within } from './support.mjs';

/** Opens a tab with the database, a driver for unstorage, whose watch is told to `window.seen`, and a store for Keyv. */
async function stores(tab) {
  const page = await tab();
  await start(page);
  await within(LIMIT, 'the adapters', page.evaluate(async () => {
    const { default: drive } = await import('/pkg/unstorage.mjs');
    const { UbiqliteStore } = await import('/pkg/keyv.mjs');
    window.driver = drive({ database: window.db });
    window.store = new UbiqliteStore({ database: window.db });
    window.seen = [];
    await window.driver.watch((event, key) => window.seen.push(`${event} ${key}`));
  }));
  return page;
}

const set = (page, key, item) => within(LIMIT, `setting ${key}`, page.evaluate((it) => window.driver.setItem(it.key, it.item), { key, item }));

/** Waits until a tab's watch was told this. */
const told = (page, event) =>
  within(LIMIT, event, page.evaluate(async (it) => {
    while (!window.seen.includes(it)) await new Promise((resolve) => setTimeout(resolve, 5));
  }, event));

for (const kind of KEEPING) {
  test(`${kind}: a watch is told what other tabs store, also when the leading tab has gone`, () =>
    inBrowser(kind, async ({ tab }) => {
      const leader = await stores(tab);
      const [one, two] = [await stores(tab), await stores(tab)];
      await set(two, 'a', 'first');
      for (const page of [leader, one, two]) await told(page, 'update a');
      await leader.close();
      await set(two, 'b', 'é');
      await told(one, 'update b');
      await within(LIMIT, 'removing', two.evaluate(() => window.driver.removeItem('a')));
      await told(one, 'remove a');
      assert.deepEqual(await one.evaluate(async () => [await window.driver.getKeys(''), await window.driver.getItem('b')]), [['b'], 'é']);
    }));

  test(`${kind}: entries of Keyv's store, as one tab and the other see them`, () =>
    inBrowser(kind, async ({ tab }) => {
      const [one, two] = [await stores(tab), await stores(tab)];
      await within(LIMIT, 'storing', one.evaluate(async () => {
        await window.store.setMany([{ key: 'n:a', value: 'text' }, { key: 'n:b', value: Uint8Array.of(1, 255) }, { key: 'n:c', value: 'short', ttl: 1 }]);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }));
      assert.deepEqual(await within(LIMIT, 'reading', two.evaluate(async () => {
        const [text, bytes, expired] = await window.store.getMany(['n:a', 'n:b', 'n:c']);
        const keys = [];
        for await (const [key] of window.store.iterator('n')) keys.push(key);
        return { text, bytes: [...bytes], expired: expired === undefined, keys };
      })), { text: 'text', bytes: [1, 255], expired: true, keys: ['n:a', 'n:b'] });
    }));
}
