/** What unstorage documents of storages and drivers, on our driver. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';

import { ENGINE, LIMIT, database, failure, folder, open, pause, within } from './support.mjs';
import { join } from 'node:path';

const { default: ubiqlite } = await import('ubiqlite/unstorage');

/** Returns a storage on a new database, and that. */
async function storage(t, options = {}) {
  const client = await database(t);
  return { client, storage: createStorage({ driver: ubiqlite({ database: client, ...options }) }) };
}

/** Collects the events of a watch, to be waited for. */
async function events(t, storage) {
  const seen = [];
  let arrived = () => {};
  t.after(await storage.watch((event, key) => {
    seen.push(`${event} ${key}`);
    arrived();
  }));
  return async (...wanted) => {
    const sorted = JSON.stringify(wanted.sort());
    while (JSON.stringify([...seen].sort()) !== sorted) await within(LIMIT, new Promise((resolve) => (arrived = resolve)), `${wanted} and not ${seen}`);
    seen.length = 0;
  };
}

test('items of every kind come back, and none that is not there', async (t) => {
  const { storage: it } = await storage(t);
  const values = { text: 'é "x"', number: 1.5, no: false, list: [1, { a: null }], object: { a: { b: 'c' } }, empty: '' };
  for (const [key, value] of Object.entries(values)) await it.setItem(key, value);
  for (const [key, value] of Object.entries(values)) assert.deepEqual(await it.getItem(key), value, key);
  assert.deepEqual([await it.hasItem('text'), await it.hasItem('none')], [true, false]);
  assert.equal(await it.getItem('none'), null);
  await it.setItem('text', 'other');
  assert.equal(await it.getItem('text'), 'other');
  await it.removeItem('text');
  assert.equal(await it.getItem('text'), null);
  await it.setItem('number', undefined);
  assert.equal(await it.hasItem('number'), false, 'undefined removes');
});

test('keys by their base and depth; clear by base', async (t) => {
  const { storage: it } = await storage(t);
  for (const key of ['a', 'b:c', 'b:c:d', 'bb', 'b%', 'B:x']) await it.setItem(key, key);
  assert.deepEqual((await it.getKeys()).sort(), ['B:x', 'a', 'b%', 'b:c', 'b:c:d', 'bb']);
  assert.deepEqual(await it.getKeys('b'), ['b:c', 'b:c:d']);
  assert.deepEqual((await it.getKeys('', { maxDepth: 0 })).sort(), ['a', 'b%', 'bb']);
  assert.deepEqual(await it.getKeys('b', { maxDepth: 1 }), ['b:c']);
  await it.getMount('').driver.clear('b:');
  assert.deepEqual((await it.getKeys()).sort(), ['B:x', 'a', 'b%', 'bb']);
  await it.clear();
  assert.deepEqual(await it.getKeys(), []);
});

test('several items, all or none', async (t) => {
  const { client, storage: it } = await storage(t);
  await it.setItems([{ key: 'a', value: 1 }, { key: 'b', value: { c: 2 } }]);
  assert.deepEqual(await it.getItems(['b', 'none', { key: 'a' }]), [{ key: 'b', value: { c: 2 } }, { key: 'none', value: null }, { key: 'a', value: 1 }]);
  await client.execute("CREATE TRIGGER no BEFORE INSERT ON unstorage_items WHEN NEW.key = 'd' BEGIN SELECT RAISE(ABORT, 'no'); END");
  assert.equal((await failure(it.setItems([{ key: 'a', value: 9 }, { key: 'd', value: 9 }]))).kind, 'TriggerViolation');
  assert.equal(await it.getItem('a'), 1);
});

test('raw items are bytes, or texts, and nothing else', async (t) => {
  const { storage: it } = await storage(t);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const value of [bytes, bytes.buffer, Buffer.from(bytes), new DataView(bytes.buffer)]) {
    await it.setItemRaw('bytes', value);
    assert.deepEqual(new Uint8Array(await it.getItemRaw('bytes')), bytes);
  }
  await it.setItemRaw('text', 'é');
  assert.equal(await it.getItemRaw('text'), 'é');
  await it.setItemRaw('json', new TextEncoder().encode('{"a":"é"}'));
  assert.deepEqual(await it.getItem('json'), { a: 'é' }, 'bytes are read as UTF-8');
  assert.equal(await it.getItemRaw('none'), null);
  assert.ok((await failure(it.setItemRaw('object', {}))) instanceof TypeError);
});

test('metadata: the driver\'s own, and the user\'s beside it', async (t) => {
  const { storage: it } = await storage(t);
  const before = Date.now();
  await it.setItem('a', 1);
  const first = await it.getMeta('a');
  assert.ok(first.birthtime instanceof Date && Number(first.birthtime) >= before && Number(first.birthtime) <= Date.now());
  await pause(3);
  await it.setItem('a', 2);
  const second = await it.getMeta('a');
  assert.deepEqual(second.birthtime, first.birthtime);
  assert.ok(second.mtime > first.mtime);
  await it.setMeta('a', { owner: 'ann' });
  assert.equal((await it.getMeta('a')).owner, 'ann');
  assert.deepEqual(await it.getKeys(), ['a']);
  assert.deepEqual({ ...(await it.getMeta('none')) }, {});
  await it.removeItem('a', { removeMeta: true });
  assert.equal((await it.getMeta('a')).owner, undefined);
});

test('items expire by the option of the call, or of the driver', async (t) => {
  const { storage: it } = await storage(t, { ttl: 3600 });
  await it.setItem('short', 1, { ttl: 0.002 });
  await it.setItems([{ key: 'shorter', value: 1, options: { ttl: 0.001 } }, { key: 'long', value: 2 }]);
  await pause(6);
  assert.deepEqual(await it.getKeys(), ['long']);
  assert.deepEqual([await it.hasItem('short'), await it.getItem('shorter'), await it.getItem('long')], [false, null, 2]);
  assert.equal((await it.getMeta('long')).ttl, 3600);
});

test('on a database with big integers all calls do the same', async (t) => {
  const it = createStorage({ driver: ubiqlite({ database: await database(t, { bigint: true }) }) });
  const until = await events(t, it);
  const before = Date.now();
  await it.setItem('a', 1, { ttl: 60 });
  await it.setItem('b', 2);
  await until('update a', 'update b');
  assert.deepEqual(await it.getItems(['a', 'b']), [{ key: 'a', value: 1 }, { key: 'b', value: 2 }]);
  const { birthtime, mtime, ttl } = await it.getMeta('a');
  assert.ok(birthtime >= before && birthtime <= Date.now() && Number(mtime) === Number(birthtime));
  assert.ok(ttl > 0 && ttl <= 60, `${ttl}`);
  assert.equal((await it.getMeta('b')).ttl, undefined);
  assert.deepEqual(await it.getKeys(), ['a', 'b']);
  await it.removeItem('a');
  await until('remove a');
});

test('mounts, prefixes and snapshots', async (t) => {
  const client = await database(t);
  const it = createStorage();
  it.mount('kept', ubiqlite({ database: client }));
  it.mount('cached', ubiqlite({ database: client, table: 'cache' }));
  await it.setItem('kept:a', 1);
  await it.setItem('cached:a', 2);
  await it.setItem('neither', 3);
  assert.deepEqual(await client.query('SELECT key, content FROM unstorage_items UNION ALL SELECT key, content FROM cache', [], { rows: 'array' }), [['a', '1'], ['a', '2']]);
  assert.deepEqual((await it.getKeys()).sort(), ['cached:a', 'kept:a', 'neither']);
  assert.equal(await prefixStorage(it, 'kept').getItem('a'), 1);
  const saved = await snapshot(it, 'kept');
  await it.clear('kept');
  await restoreSnapshot(it, saved, 'kept');
  assert.equal(await it.getItem('kept:a'), 1);
});

test('a watch is told of every change, also of those that others make, and until it ends', async (t) => {
  const { client, storage: it } = await storage(t);
  await it.setItem('there', 1);
  const until = await events(t, it);
  await it.setItem('a', 1);
  await until('update a');
  await it.setItem('a', 1);
  await until('update a');
  await client.transaction(async (tx) => {
    await tx.execute("DELETE FROM unstorage_items WHERE key = 'a'");
    await tx.execute("INSERT INTO unstorage_items VALUES ('a', random(), NULL, 0, 0, '1')");
  });
  await until('update a');
  await createStorage({ driver: ubiqlite({ database: client }) }).setItems([{ key: 'b', value: 1 }, { key: 'c:d', value: 2 }]);
  await until('update b', 'update c:d');
  await it.removeItem('a');
  await until('remove a');
  await it.clear();
  await until('remove b', 'remove c:d', 'remove there');
  await it.unwatch();
  const again = await events(t, it);
  await it.setItem('e', 1);
  await again('update e');
});

test('a watch is told what another process or engine on the file has changed', { skip: ENGINE === 'native' ? false : 'only with the native engine: the file is opened twice' }, async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = [await database(t, {}, path), await open(path)];
  const it = createStorage({ driver: ubiqlite({ database: one }) });
  const until = await events(t, it);
  const other = createStorage({ driver: ubiqlite({ database: two }) });
  await other.setItem('theirs', 1);
  await until('update theirs');
  await other.removeItem('theirs');
  await until('remove theirs');
  await two.close();
});

test('dispose() closes what was opened for the driver, which opens it again', async (t) => {
  const path = join(folder(t), 'app.db');
  const driver = ubiqlite({ database: () => open(path) });
  const it = createStorage({ driver });
  await it.setItem('a', 1);
  const client = await driver.getInstance();
  await it.dispose();
  assert.equal((await failure(client.query('SELECT 1'))).kind, 'Closed');
  assert.equal(await it.getItem('a'), 1);
  await it.dispose();
});
