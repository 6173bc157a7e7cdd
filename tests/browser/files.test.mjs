// Databases as files of the origin: names, listing, removing, exporting and importing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KEEPING, inBrowser, run, start, value, within } from './support.mjs';

const kindOf = (page, fn, arg) => page.evaluate(fn, arg).then(() => 'done', (error) => error.kind);

for (const kind of KEEPING) {
  test(`${kind}: databases are listed and removed, but not while somebody has them open`, () =>
    inBrowser(kind, async ({ tab }) => {
      const [one, two] = [await tab(), await tab()];
      for (const name of ['b.db', 'App.db', 'app.db', 'Ünïcode 名.db']) {
        await start(one, name);
        await run(one, 'CREATE TABLE t(n)');
        await run(one, 'INSERT INTO t VALUES (?)', [name]);
        await one.evaluate(() => window.db.close());
      }
      const list = () => two.evaluate(() => window.ubiqlite.list());
      assert.deepEqual(await list(), ['App.db', 'app.db', 'b.db', 'Ünïcode 名.db']);

      await start(one, 'app.db');
      assert.equal(await value(one, 'SELECT n FROM t'), 'app.db');
      const remove = (name) => window.ubiqlite.remove(name);
      assert.equal(await kindOf(two, remove, 'app.db'), 'Busy');
      assert.equal(await kindOf(one, remove, 'app.db'), 'Busy');
      await one.evaluate(() => window.db.close());
      await two.evaluate(remove, 'app.db');
      assert.deepEqual(await list(), ['App.db', 'b.db', 'Ünïcode 名.db']);
      assert.equal(await kindOf(one, () => window.ubiqlite.open('app.db', { create: false })), 'CannotOpen');
    }));

  test(`${kind}: names that no database can have are refused`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      for (const name of ['', '.', '..', 'a/b', 'a\\b', 'a\u0000b', 'a\nb', ' a', 'a ', 'file:a', 'x'.repeat(300), '\ud800']) {
        // A lone surrogate does not survive the transfer to the page.
        const error = await kindOf(page, (it) => window.ubiqlite.open(it ?? '\ud800'), name === '\ud800' ? null : name);
        assert.equal(error, 'InvalidArgument', JSON.stringify(name));
      }
    }));

  test(`${kind}: what is exported while others write is one moment, and can be imported`, () =>
    inBrowser(kind, async ({ tab }) => {
      const [one, two] = [await tab(), await tab()];
      await start(one);
      await start(two);
      await run(one, 'CREATE TABLE a(n INTEGER PRIMARY KEY, filler)');
      await run(one, 'CREATE TABLE b(n INTEGER PRIMARY KEY, filler)');
      await one.evaluate(async () => {
        window.writing = true;
        window.writer = (async () => {
          while (window.writing) {
            await window.db.transaction(async (tx) => {
              await tx.execute('INSERT INTO a(filler) VALUES (randomblob(2000))');
              await tx.execute('INSERT INTO b(filler) VALUES (randomblob(2000))');
            });
          }
        })();
      });
      const result = await within(30_000, 'exporting', two.evaluate(async () => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        const chunks = [];
        const reader = (await window.ubiqlite.exportFile('app.db')).getReader();
        for (;;) {
          const { done, value: chunk } = await reader.read();
          if (done) break;
          chunks.push(chunk);
        }
        await window.ubiqlite.importFile('copy.db', new Blob(chunks));
        const copy = await window.ubiqlite.open('copy.db');
        const [row] = await copy.query(
          `SELECT (SELECT count(*) FROM a) AS a, (SELECT count(*) FROM b) AS b,
             (SELECT integrity_check FROM pragma_integrity_check LIMIT 1) AS whole`,
        );
        await copy.close();
        return { ...row, bytes: chunks.reduce((sum, { length }) => sum + length, 0) };
      }));
      await one.evaluate(async () => {
        window.writing = false;
        await window.writer;
      });
      assert.equal(result.whole, 'ok');
      assert.ok(result.a > 0);
      assert.equal(result.a, result.b);
      assert.equal(result.bytes % 4096, 0);
    }));

  test(`${kind}: what is imported is a whole SQLite file, and replaces one only when told to`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      await start(page);
      await run(page, 'CREATE TABLE t(n)');
      await run(page, "INSERT INTO t VALUES ('old')");
      const outcome = (options) =>
        page.evaluate(async ({ length, replace, name = 'other.db', kind: made }) => {
          const stream = await window.ubiqlite.exportFile('app.db');
          let bytes = new Uint8Array(await new Response(stream).arrayBuffer());
          if (length !== undefined) bytes = bytes.slice(0, length);
          const sources = {
            bytes: () => bytes,
            buffer: () => bytes.buffer,
            blob: () => new Blob([bytes]),
            stream: () => new Blob([bytes]).stream(),
            chunks: () => Array.from({ length: bytes.length / 512 }, (_, i) => bytes.slice(i * 512, i * 512 + 512)),
            text: () => new TextEncoder().encode('no database at all, but long enough to be one'.repeat(100)),
            failing: async function* () {
              yield bytes.slice(0, 1000);
              throw Object.assign(new Error('the network'), { kind: 'Network' });
            },
            nonsense: () => 17,
          };
          try {
            await window.ubiqlite.importFile(name, sources[made](), { replace });
            return 'done';
          } catch (error) {
            return error.kind;
          }
        }, options);
      for (const made of ['bytes', 'buffer', 'blob', 'stream', 'chunks']) {
        assert.equal(await outcome({ kind: made, name: `${made}.db` }), 'done', made);
        await start(page, `${made}.db`);
        assert.equal(await value(page, 'SELECT n FROM t'), 'old');
        await page.evaluate(() => window.db.close());
      }
      assert.equal(await outcome({ kind: 'bytes', name: 'blob.db' }), 'InvalidArgument');
      assert.equal(await outcome({ kind: 'bytes', name: 'blob.db', replace: true }), 'done');
      assert.equal(await outcome({ kind: 'text' }), 'NotADatabase');
      assert.equal(await outcome({ kind: 'bytes', length: 0 }), 'NotADatabase');
      assert.equal(await outcome({ kind: 'bytes', length: 4096 }), 'NotADatabase');
      assert.equal(await outcome({ kind: 'failing' }), 'Network');
      assert.equal(await outcome({ kind: 'nonsense' }), 'InvalidArgument');
      const names = await page.evaluate(() => window.ubiqlite.list());
      assert.ok(!names.includes('other.db'), names.join());
      // A replacement that fails leaves what was there.
      assert.equal(await outcome({ kind: 'failing', name: 'blob.db', replace: true }), 'Network');
      await start(page, 'blob.db');
      assert.equal(await value(page, 'SELECT n FROM t'), 'old');
    }));

  test(`${kind}: a large file goes in without being held in memory`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      await start(page, 'large.db');
      await run(page, 'CREATE TABLE t(filler)');
      const bytes = await within(120_000, 'importing 200 MB', page.evaluate(async () => {
        await window.db.executeMany(
          'INSERT INTO t VALUES (zeroblob(?))',
          (function* () {
            for (let i = 0; i < 200; i += 1) yield [1_000_000];
          })(),
        );
        // Streamed from one database to the other.
        await window.ubiqlite.importFile('copy.db', await window.ubiqlite.exportFile('large.db'));
        const copy = await window.ubiqlite.open('copy.db');
        const sum = await copy.queryValue('SELECT sum(length(filler)) FROM t');
        await copy.close();
        return sum;
      }));
      assert.equal(bytes, 200_000_000);
    }));

  test(`${kind}: an import that dies on the way leaves the old database, whenever it dies`, () =>
    inBrowser(kind, async ({ tab }) => {
      const page = await tab();
      await start(page);
      await run(page, 'CREATE TABLE t(n)');
      await run(page, "INSERT INTO t VALUES ('old')");
      await page.evaluate(() => window.db.close());
      for (const delay of [0, 5, 20, 60, 150]) {
        const importer = await tab();
        await importer.evaluate(() => {
          window.importing = window.ubiqlite.importFile(
            'app.db',
            (async function* () {
              const head = new Uint8Array(1 << 20);
              head.set(new TextEncoder().encode('SQLite format 3\0'));
              head[16] = 16;
              for (;;) yield head;
            })(),
            { replace: true },
          );
        });
        await new Promise((resolve) => setTimeout(resolve, delay));
        await importer.close();
        await start(page);
        assert.equal(await value(page, 'SELECT n FROM t'), 'old', `${delay} ms`);
        await page.evaluate(() => window.db.close());
      }
    }));
}
