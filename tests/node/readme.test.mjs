/** The package README's examples and claims, run as they are written there. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { PACKAGE, database, folder, outside } from './support.mjs';

const README = readFileSync(fileURLToPath(new URL('../../bindings-wasm/README.md', import.meta.url)), 'utf8');
const blocks = (language) => [...README.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm'))].map(([, code]) => code);

test('the first example runs as it is, in this Node, and ends by itself', async (t) => {
  const here = folder(t);
  const code = blocks('js')[0].replace("from 'ubiqlite'", `from ${JSON.stringify(pathToFileURL(PACKAGE).href)}`);
  writeFileSync(join(here, 'example.mjs'), code);
  await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: here, timeout: 30_000 });
  assert.deepEqual(await outside(join(here, 'app.db'), 'SELECT name, data FROM items'), [['lamp', '{"watt":40}']]);
});

test('the DEFAULT that it names has the form of a Date', async (t) => {
  const { db } = await database(t, {}, blocks('sql')[0]);
  await db.execute('INSERT INTO visits DEFAULT VALUES');
  const at = await db.queryValue('SELECT at FROM visits');
  assert.equal(await db.queryValue('SELECT ?', [new Date(at)]), at);
});

test('a transaction, a session and a batch run their calls in the order of asking, awaited or not', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t (a)');
  const count = 'SELECT count(*) FROM t';
  await db.transaction(async (tx) => {
    const write = tx.execute('INSERT INTO t VALUES (1)');
    assert.equal(await tx.queryValue(count), 1);
    await write;
  });
  const session = await db.acquire();
  const write = session.execute('INSERT INTO t VALUES (2)');
  assert.equal(await session.queryValue(count), 2);
  await write;
  session.release();
  await db.batch(['INSERT INTO t VALUES (3)', `INSERT INTO t ${count}`, 'DELETE FROM t WHERE a < 3']);
  assert.deepEqual(await db.query('SELECT a FROM t'), [{ a: 3 }, { a: 3 }]);
});
