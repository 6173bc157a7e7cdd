// What only the browser package has: stacks, options, and requests to the user.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, inBrowser } from './support.mjs';

test('chromium: an error tells the line that made the call, and its SQL', () =>
  inBrowser('chromium', async ({ tab }) => {
    const page = await tab();
    const told = await page.evaluate(async () => {
      await import('/lines.js');
      return window.failing();
    });
    assert.deepEqual(told.map(([, sql]) => sql ?? null), ['SELECT nope', null, 'SELECT nope', 'SELEC 1']);
    for (const [stack, , line] of told) assert.ok(stack.includes(`/lines.js:${line}:`), `${stack}\nline ${line}`);
  }));

for (const kind of KEEPING) {
  test(`${kind}: a type of Temporal is stored as the texts of every language`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const texts = await page.evaluate(async () => {
        if (typeof Temporal === 'undefined') return 'none here';
        const instant = Temporal.Instant.from('2026-01-31T12:00:00.5Z');
        const zoned = instant.toZonedDateTimeISO('America/New_York');
        const db = await window.ubiqlite.open(':memory:');
        const all = [instant, zoned, zoned.toPlainDateTime(), zoned.toPlainDate(), zoned.toPlainTime(), new Date(0)];
        const seen = await db.queryOne('SELECT ?, ?, ?, ?, ?, ?', all, { rows: 'array' });
        const read = new Date(seen[0]).getTime();
        await db.close();
        return [...seen, read];
      });
      if (texts === 'none here') return;
      const moment = '2026-01-31T12:00:00.500000000Z';
      const day = '2026-01-31';
      assert.deepEqual(texts, [
        moment, moment, `${day}T07:00:00.500000000`, day, '07:00:00.500000000', '1970-01-01T00:00:00.000000000Z', Date.UTC(2026, 0, 31, 12, 0, 0, 500),
      ]);
    }));

  test(`${kind}: persistent storage is asked for with the option, once, and never without it`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const asked = await page.evaluate(async () => {
        let count = 0;
        StorageManager.prototype.persisted = async () => false;
        StorageManager.prototype.persist = async () => ((count += 1), false);
        const seen = [];
        const opened = async (name, options) => {
          const db = await window.ubiqlite.open(name, options);
          await db.queryValue('SELECT 1');
          await db.close();
          seen.push(count);
        };
        await opened('a.db');
        await opened('a.db', { persist: false });
        await opened(':memory:', { storage: 'memory', persist: true });
        await opened('a.db', { persist: true });
        await opened('b.db', { persist: true });
        return seen;
      });
      assert.deepEqual(asked, [0, 0, 0, 1, 1]);
    }));

  test(`${kind}: values of options that are none are refused, and no database is made`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const told = await page.evaluate(async () => {
        const wrong = [
          { storage: 'file' }, { storage: true }, { storage: null }, { persist: 'yes' }, { bigint: 1 }, { journalMode: 'off' },
          { synchronous: 'none' }, { Storage: 'memory' }, { readOnly: 'no' },
        ];
        const kinds = [];
        for (const options of wrong) kinds.push(await window.ubiqlite.open('wrong.db', options).then(() => 'opened', ({ kind }) => kind));
        return { kinds, names: await window.ubiqlite.list() };
      });
      assert.deepEqual(told.kinds, told.kinds.map(() => 'InvalidArgument'));
      assert.deepEqual(told.names, []);
    }));

  test(`${kind}: from memory no other file is opened, and none is exported`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      const kinds = await page.evaluate(async () => {
        const seen = [];
        const kind = (promise) => promise.then(() => 'done', (error) => error.kind);
        for (const [name, options] of [[':memory:', {}], ['app.db', { storage: 'memory' }]]) {
          const db = await window.ubiqlite.open(name, options);
          await db.execute('CREATE TABLE t (a)');
          const session = await db.acquire();
          seen.push(await kind(db.execute("VACUUM INTO 'saved.db'")), await kind(session.execute("ATTACH 'other.db' AS other")));
          seen.push(await kind(db.query('SELECT * FROM t')));
          session.release();
          await db.close();
        }
        seen.push(await kind(window.ubiqlite.exportFile(':memory:')));
        return seen;
      });
      const of = ['Unsupported', 'Unsupported', 'done'];
      assert.deepEqual(kinds, [...of, ...of, 'Unsupported']);
    }));
}
