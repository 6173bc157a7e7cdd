/** How the adapters are found: by both kinds of modules, and apart from the rest. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { PACKAGE, database } from './support.mjs';

const require = createRequire(import.meta.url);
const NAMES = ['db0', 'keyv', 'unstorage'];

test('require() finds them, and they work with what import opened', async (t) => {
  const client = await database(t);
  const store = new (require('ubiqlite/keyv').UbiqliteStore)({ database: client });
  await store.set('a', 'b');
  assert.equal(await store.get('a'), 'b');
  assert.equal(await require('ubiqlite/unstorage').default({ database: client, table: 'keyv_entries' }).getItem('a'), 'b');
  assert.deepEqual(await require('ubiqlite/db0').default({ database: client }).prepare('SELECT 1 AS one').all(), [{ one: 1 }]);
});

test('they import nothing, and nothing imports them', () => {
  const text = (name) => readFileSync(join(dirname(PACKAGE), name), 'utf8');
  for (const name of NAMES) for (const kind of ['mjs', 'cjs']) assert.doesNotMatch(text(`${name}.${kind}`), /\bimport\s*[{"*]|\bfrom\s*"|\brequire\(/, name);
  for (const name of ['browser.js', 'worker.js', 'hub.js', 'node.cjs', 'node.mjs']) assert.doesNotMatch(text(name), /json_each|UbiqliteStore/, name);
});
