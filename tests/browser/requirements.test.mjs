// Where databases cannot be stored, the error says what is missing; memory is an explicit choice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inBrowser } from './support.mjs';

const refusal = (page, change) =>
  page.evaluate(
    async (source) => {
      new Function(source)();
      return window.ubiqlite.open('app.db').then(() => ({ kind: 'opened' }), ({ kind, message }) => ({ kind, message }));
    },
    change,
  );

test('chromium: each thing that is missing is named', () =>
  inBrowser('chromium', async ({ tab }) => {
    const missing = {
      'StorageManager.prototype.getDirectory = undefined': /origin private file system/,
      "Object.defineProperty(Navigator.prototype, 'locks', { get() {} })": /Web Locks/,
      'delete window.BroadcastChannel': /BroadcastChannel/,
    };
    for (const [change, words] of Object.entries(missing)) {
      const page = await tab();
      const { kind, message } = await refusal(page, change);
      assert.equal(kind, 'Unsupported', change);
      assert.match(message, words);
      assert.match(message, /memory/);
      await page.close();
    }
  }));

test('chromium: a page without a secure context is told so, and can have a database in memory', () =>
  inBrowser(
    'chromium',
    async ({ browser, server }) => {
      const page = await browser.newPage(server.url('/').replace('localhost', 'insecure.test'));
      const { kind, message } = await page.evaluate(async () => {
        while (!window.ready) await new Promise((resolve) => setTimeout(resolve, 5));
        return window.ubiqlite.open('app.db').then(() => ({}), (error) => ({ kind: error.kind, message: error.message }));
      });
      assert.equal(kind, 'Unsupported');
      assert.match(message, /secure context.*https/);
      const two = await page.evaluate(async () => {
        const db = await window.ubiqlite.open('app.db', { storage: 'memory' });
        const value = await db.queryValue('SELECT 1 + 1');
        await db.close();
        return value;
      });
      assert.equal(two, 2);
    },
    { launch: { args: ['--host-resolver-rules=MAP insecure.test 127.0.0.1'] } },
  ));

test('webkit: without synchronous access to files the error says so, and memory works', () =>
  inBrowser('webkit', async ({ tab }) => {
    const page = await tab();
    const { kind, message } = await page.evaluate(() =>
      window.ubiqlite.open('app.db').then(() => ({}), (error) => ({ kind: error.kind, message: error.message })),
    );
    assert.equal(kind, 'Unsupported');
    assert.match(message, /file/);
    const value = await page.evaluate(async () => {
      const db = await window.ubiqlite.open(':memory:');
      const two = await db.queryValue('SELECT 1 + 1');
      await db.close();
      return two;
    });
    assert.equal(value, 2);
  }));

for (const kind of ['chromium', 'firefox']) {
  test(`${kind}: a database in memory is nobody else's and is on no disk`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const seen = await page.evaluate(async () => {
        const one = await window.ubiqlite.open('same.db', { storage: 'memory' });
        const two = await window.ubiqlite.open('same.db', { storage: 'memory' });
        await one.execute('CREATE TABLE t(n)');
        const tables = await two.queryValue('SELECT count(*) FROM sqlite_schema');
        await one.close();
        await two.close();
        return { tables, list: await window.ubiqlite.list() };
      });
      assert.deepEqual(seen, { tables: 0, list: [] });
    }));
}
