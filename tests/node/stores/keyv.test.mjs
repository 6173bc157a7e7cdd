/** Keyv on our store: its own suite, and what that does not ask. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import Keyv5 from 'keyv';
import Keyv6 from 'keyv-6';

import { HERE, database, failure, folder, pause } from './support.mjs';

const { UbiqliteStore } = await import('ubiqlite/keyv');

const VERSIONS = [['Keyv 5', Keyv5], ['Keyv 6', Keyv6]];

/** Reads all of an iterator. */
async function all(iterator) {
  const items = [];
  for await (const item of iterator) items.push(item);
  return items;
}

test('all tests of its own suite pass, with those of iterators, and none is skipped', { timeout: 120_000 }, (t) => {
  const report = join(folder(t), 'report.json');
  const args = ['run', '--config', 'suites/vitest.config.mjs', '--reporter=json', `--outputFile=${report}`];
  const { status, stderr } = spawnSync(process.execPath, [join(HERE, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: HERE, encoding: 'utf8', timeout: 100_000 });
  const { numTotalTests, numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const failed = testResults.flatMap((it) => it.assertionResults).filter((it) => it.status !== 'passed');
  assert.deepEqual(failed.map((it) => [it.status, it.fullName, it.failureMessages]), []);
  assert.equal(status, 0, stderr);
  // As many as there are in the version that package.json names.
  assert.deepEqual([numPassedTests, numTotalTests], [42, 42]);
});

for (const [name, Keyv] of VERSIONS) {
  /** Returns a store of this version, whose errors fail the test. */
  const keyv = (client, options = {}) => {
    const it = new Keyv({ store: new UbiqliteStore({ database: client }), ...options });
    it.on('error', (error) => assert.fail(error));
    return it;
  };

  test(`${name}: namespaces on one table see, iterate over and clear their own`, async (t) => {
    const client = await database(t);
    const [a, b] = [keyv(client, { namespace: 'a' }), keyv(client, { namespace: 'b' })];
    for (const it of [a, b]) for (const key of ['x', 'y:z', 'ü']) await it.set(key, [it.namespace, key]);
    assert.deepEqual(await a.get('y:z'), ['a', 'y:z']);
    assert.deepEqual((await all(b.iterator())).map(([key, value]) => [key, ...value]).sort(), [['x', 'b', 'x'], ['y:z', 'b', 'y:z'], ['ü', 'b', 'ü']]);
    await a.clear();
    assert.deepEqual(await a.getMany(['x', 'y:z']), [undefined, undefined]);
    assert.deepEqual(await b.getMany(['x', 'none']), [['b', 'x'], undefined]);
  });

  test(`${name}: many at once`, async (t) => {
    const store = keyv(await database(t));
    assert.deepEqual(await store.setMany([{ key: 'a', value: 1 }, { key: 'b', value: 2, ttl: 60_000 }]), [true, true]);
    assert.deepEqual(await store.hasMany(['a', 'c', 'b']), [true, false, true]);
    assert.deepEqual(await store.getMany(['b', 'c', 'a']), [2, undefined, 1]);
    await store.deleteMany(['a', 'c']);
    assert.deepEqual(await store.getMany(['a', 'b']), [undefined, 2]);
  });

  test(`${name}: what has expired is not there, and does not stay in the table`, async (t) => {
    const client = await database(t);
    const store = keyv(client);
    await store.setMany(Array.from({ length: 20 }, (_, i) => ({ key: `short ${i}`, value: i, ttl: 100 })));
    await store.set('long', 'stays', 3_600_000);
    await pause(110);
    assert.equal(await store.has('short 3'), false);
    assert.equal(await store.get('short 3'), undefined);
    assert.deepEqual((await all(store.iterator())).map(([key]) => key), ['long']);
    for (let i = 0; i < 10; i += 1) await store.set('long', i, 3_600_000);
    assert.equal(await client.queryValue('SELECT count(*) FROM keyv_entries'), 1);
  });

  test(`${name}: every key and text comes back as it was`, async (t) => {
    const store = keyv(await database(t), { namespace: 'n' });
    const texts = ['%', '_', "'", '"', '\\', '\u0000', 'n:', ':', 'é', '\u{10ffff}', 'long '.repeat(10_000)];
    for (const text of texts) await store.set(`k${text}`, text);
    for (const text of texts) assert.equal(await store.get(`k${text}`), text);
    assert.equal((await all(store.iterator())).length, texts.length);
  });

  test(`${name}: an iteration goes on while its entries are removed and others come`, async (t) => {
    const store = keyv(await database(t));
    await store.setMany(Array.from({ length: 250 }, (_, i) => ({ key: `k${1000 + i}`, value: i })));
    const seen = [];
    for await (const [key] of store.iterator()) {
      seen.push(key);
      await store.delete(key);
      if (seen.length === 1) await store.set('k0', 'sorted before');
    }
    assert.equal(seen.length, 250);
    assert.equal(await store.get('k0'), 'sorted before');
  });
}

test('several entries are stored all or none', async (t) => {
  const client = await database(t);
  const store = new UbiqliteStore({ database: client });
  await store.set('a', 'before');
  await client.execute("CREATE TRIGGER no BEFORE INSERT ON keyv_entries WHEN NEW.key = 'c' BEGIN SELECT RAISE(ABORT, 'no'); END");
  assert.equal((await failure(store.setMany([{ key: 'a', value: 'after' }, { key: 'b', value: 'b' }, { key: 'c', value: 'c' }]))).kind, 'TriggerViolation');
  assert.deepEqual(await store.getMany(['a', 'b', 'c']), ['before', undefined, undefined]);
});

test('what is neither text nor bytes is refused, and bytes come back', async (t) => {
  const store = new UbiqliteStore({ database: await database(t), table: 'my "table"' });
  await store.set('bytes', Uint8Array.of(0, 255));
  assert.deepEqual(new Uint8Array(await store.get('bytes')), Uint8Array.of(0, 255));
  const error = await failure(store.set('object', {}));
  assert.ok(error instanceof TypeError);
  assert.match(error.message, /not object: leave Keyv its serializer/);
});

test('a function opens the database at the first use, again after a failure, and disconnect() closes it', async (t) => {
  const path = join(folder(t), 'app.db');
  const { open } = await import('ubiqlite');
  let opened;
  let calls = 0;
  const store = new UbiqliteStore({ database: async () => {
    calls += 1;
    if (calls === 1) throw new Error('not yet');
    return (opened = await open(path));
  } });
  assert.equal((await failure(store.get('a'))).message, 'not yet');
  await store.set('a', '1');
  assert.equal(calls, 2);
  await store.disconnect();
  assert.equal((await failure(opened.query('SELECT 1'))).kind, 'Closed');
  assert.equal(await store.get('a'), '1');
  await store.disconnect();
  const client = await database(t);
  const other = new UbiqliteStore({ database: client });
  await other.set('a', '1');
  await other.disconnect();
  assert.equal(await client.queryValue('SELECT count(*) FROM keyv_entries'), 1);
});

test('a database that was opened for a first use which fails is closed, and one that was given is not', async (t) => {
  const path = join(folder(t), 'app.db');
  const { open } = await import('ubiqlite');
  const setUp = await open(path);
  await setUp.execute('CREATE VIEW keyv_entries AS SELECT 1 AS key');
  const opened = [];
  const store = new UbiqliteStore({ database: async () => {
    opened.push(await open(path));
    return opened.at(-1);
  } });
  const given = new UbiqliteStore({ database: setUp });
  for (let time = 0; time < 3; time += 1) {
    const error = await failure(store.get('a'));
    assert.notEqual(error.kind, 'Closed', 'it tells why');
    assert.equal((await failure(given.get('a'))).message, error.message);
  }
  assert.equal(opened.length, 3);
  for (const it of opened) assert.equal((await failure(it.query('SELECT 1'))).kind, 'Closed');
  await setUp.execute('DROP VIEW keyv_entries');
  await store.set('a', '1');
  assert.equal(await given.get('a'), '1');
  await store.disconnect();
  assert.equal((await failure(opened.at(-1).query('SELECT 1'))).kind, 'Closed');
  await setUp.close();
});

test('on a database with big integers all calls do the same', async (t) => {
  const store = new UbiqliteStore({ database: await database(t, { bigint: true }) });
  assert.deepEqual(await store.setMany([{ key: 'a', value: '1' }, { key: 'b', value: '2', ttl: 60_000 }, { key: 'c', value: '3', ttl: 1 }]), [true, true, true]);
  await pause(3);
  assert.deepEqual(await store.getMany(['a', 'b', 'c']), ['1', '2', undefined]);
  assert.deepEqual(await store.hasMany(['a', 'b', 'c']), [true, true, false]);
  assert.deepEqual(await all(store.iterator()), [['a', '1'], ['b', '2']]);
  assert.equal(await store.delete('a'), true);
  assert.equal(await store.delete('a'), false);
  await store.clear();
  assert.equal(await store.has('b'), false);
});
