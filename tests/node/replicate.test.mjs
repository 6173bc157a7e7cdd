/** Replicas of a database in Node, in a folder and in a program's own storage. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { filesIn } from './children/folder-storage.mjs';
import { Child, database, failure, folder, only, outside, pause, ubiqlite, within } from './support.mjs';

const { open, restoreReplica } = ubiqlite;
const NATIVE = { skip: only('native', 'the wasm engine keeps no replicas') };
const SCHEMA = 'CREATE TABLE items (id INTEGER PRIMARY KEY, data BLOB)';
const FIRST = 'ltx/9/0000000000000001-0000000000000001.ltx';
/** The most bytes of a file that are sent at once. */
const PIECE = 256 * 1024;
const OWNER = 'ubiqlite.owner';
const count = async (path) => (await outside(path, 'SELECT count(*) FROM items'))[0][0];

/** Keeps files in memory; `kind`: in which form it returns them. */
class Bucket {
  files = new Map();
  refuses = undefined;
  sent = 0;
  /** The most bytes that came at once. */
  largest = 0;

  constructor(kind = 'bytes') {
    this.kind = kind;
  }

  async put(name, content) {
    if (this.refuses !== undefined) throw new Error(this.refuses);
    const pieces = [];
    for await (const piece of content) pieces.push(piece);
    this.largest = Math.max(this.largest, ...pieces.map(({ length }) => length));
    this.files.set(name, new Uint8Array(await new Blob(pieces).arrayBuffer()));
  }

  list() {
    return [...this.files.keys(), 'readme.txt'];
  }

  async get(name) {
    const bytes = this.files.get(name);
    if (bytes === undefined || this.kind === 'bytes') return bytes;
    return this.kind === 'blob' ? new Blob([bytes]) : this.pieces(bytes);
  }

  async *pieces(bytes) {
    for (let at = 0; at < bytes.length; at += 1000) {
      this.sent += 1;
      yield bytes.subarray(at, at + 1000);
    }
  }

  remove(name) {
    this.files.delete(name);
  }
}

test('a replica in a folder is restored by its path or URL, at the moment of a transaction or of a time', NATIVE, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const to = `${path}.replica`;
  const replica = await db.replicate(pathToFileURL(to), { interval: 0, keep: Infinity, snapshotEvery: Infinity, memory: 1e6, closeTimeout: 5000 });
  const first = await replica.flush();
  assert.ok(first.time instanceof Date && Math.abs(first.time - Date.now()) < 60_000);
  await pause(5);
  await db.execute("INSERT INTO items (data) VALUES (x'00')");
  const second = await replica.flush({ timeout: 10_000 });
  assert.deepEqual([second.transaction, second.lag, second.error, second.ended], [first.transaction + 1, 0, undefined, false]);
  assert.equal(await restoreReplica(to, `${path}.1`, { transaction: first.transaction }), first.transaction);
  assert.equal(await restoreReplica(to, `${path}.2`, { time: first.time }), first.transaction);
  assert.equal(await restoreReplica(pathToFileURL(to), pathToFileURL(`${path}.3`)), second.transaction);
  assert.deepEqual([await count(`${path}.1`), await count(`${path}.2`), await count(`${path}.3`)], [0, 0, 1]);
  assert.equal((await replica.stop()).ended, true);
  assert.equal((await failure(replica.flush())).kind, 'Closed');
});

test('what a program keeps is restored, whatever form it has', NATIVE, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  // Several times what is sent at once.
  await db.executeMany('INSERT INTO items (data) VALUES (randomblob(?))', Array.from({ length: 2000 }, () => [1000]));
  for (const kind of ['bytes', 'blob', 'pieces']) {
    const bucket = new Bucket(kind);
    const replica = await db.replicate(bucket);
    const { transaction } = await replica.flush();
    await db.execute("INSERT INTO items (data) VALUES (x'00')");
    assert.equal((await replica.stop()).snapshots, 1);
    assert.ok(bucket.files.get(FIRST).length > 1_000_000);
    assert.ok(bucket.largest <= PIECE, `${bucket.largest} bytes`);
    // Also what comes as one piece is sent in several: the engine takes no larger ones.
    await restoreReplica(bucket, `${path}.${kind}`);
    assert.equal(await count(`${path}.${kind}`), await db.queryValue('SELECT count(*) FROM items'));
    bucket.sent = 0;
    const time = new Date(0);
    assert.equal((await failure(restoreReplica(bucket, `${path}.none`, { time }))).kind, 'NotFound');
    // Of each file, its beginning alone is read for its time.
    assert.ok(bucket.sent < 10, `${bucket.sent} pieces`);
    assert.equal((await failure(restoreReplica(bucket, `${path}.none`, { transaction: transaction + 99 }))).kind, 'NotFound');
    assert.ok(!existsSync(`${path}.none`));
  }
});

test('closing stores what was committed, in a storage of the program too, and the next replica goes on', NATIVE, async (t) => {
  const path = join(folder(t), 'app.db');
  const bucket = new Bucket();
  for (let round = 0; round < 2; round += 1) {
    const db = await open(path);
    await db.batch(SCHEMA.replace('TABLE', 'TABLE IF NOT EXISTS'));
    await db.replicate(bucket, { interval: 3_600_000 });
    await db.execute("INSERT INTO items (data) VALUES (x'00')");
    const late = db.transaction(async (tx) => {
      await tx.execute("INSERT INTO items (data) VALUES (x'01')");
      await pause(50);
    });
    // The transaction has begun when the database closes.
    await pause(20);
    const begun = performance.now();
    await within(10_000, Promise.all([db.close(), late]), 'closing');
    // It waits neither for the replica's handle nor for its next task.
    assert.ok(performance.now() - begun < 4000);
  }
  assert.deepEqual([...bucket.files.keys()].filter((name) => name.startsWith('ltx/9')), [FIRST]);
  await restoreReplica(bucket, `${path}.new`);
  assert.equal(await count(`${path}.new`), 4);
});

test('what a storage throws is told, never those who write, and is tried again', NATIVE, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const bucket = new Bucket();
  bucket.refuses = 'the bucket is full \ud800';
  const replica = await db.replicate(bucket);
  await db.execute("INSERT INTO items (data) VALUES (x'00')");
  let state;
  while ((state = await replica.state()).error === undefined) await pause(10);
  assert.match(state.error, /the storage has failed/);
  bucket.refuses = 'the bucket is full';
  while (!(state = await replica.state()).error.includes(bucket.refuses)) await pause(10);
  bucket.refuses = undefined;
  // It goes on with what has waited, also when someone stops the calls of the database.
  db.interrupt();
  assert.equal((await replica.flush()).error, undefined);
  const [name, bytes] = [FIRST, bucket.files.get(FIRST)];
  bucket.files.set(name, bytes.subarray(0, bytes.length - 9));
  const damaged = await failure(restoreReplica(bucket, `${path}.new`));
  assert.deepEqual([damaged.kind, damaged.message.includes(name), existsSync(`${path}.new`)], ['Corrupt', true, false]);
});

test('half a file does not count as stored, and a storage that never replies ends with its replica', NATIVE, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  await db.execute('INSERT INTO items (data) VALUES (randomblob(1000000))');
  const hasty = new Bucket();
  hasty.put = async (_name, content) => void (await content.getReader().read());
  const replica = await db.replicate(hasty, { closeTimeout: 100 });
  let state;
  while ((state = await replica.state()).error === undefined) await pause(10);
  assert.match(state.error, /not read to its end/);
  assert.equal((await failure(replica.stop())).kind, 'Io');
  const silent = new Bucket();
  const { put } = silent;
  silent.put = (name, content) => (name.startsWith('ltx/') ? new Promise(() => {}) : put.call(silent, name, content));
  const stuck = await db.replicate(silent, { closeTimeout: 100 });
  const stopped = await within(5000, failure(stuck.stop()), 'stopping');
  assert.equal(stopped.kind, 'Io');
  assert.match(stopped.message, /has not returned within the close timeout/);
  assert.equal((await stuck.state()).ended, true);
  await db.replicate(silent, { closeTimeout: 100 });
  await within(4000, db.close(), 'closing');
});

test('a second replica in a storage is refused while there is one, and the file that says so goes with it', NATIVE, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const bucket = new Bucket();
  const replica = await db.replicate(bucket);
  const other = await open(`${path}.other`);
  for (const each of [db, other]) assert.equal((await failure(each.replicate(bucket))).kind, 'Busy');
  await db.execute("INSERT INTO items (data) VALUES (x'00')");
  await replica.flush();
  assert.ok(bucket.files.has(OWNER));
  await replica.stop();
  assert.ok(!bucket.files.has(OWNER));
  await (await db.replicate(bucket)).stop();
  await other.close();
});

test('a replica of another process takes a storage over, and the one before ends', NATIVE, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const storage = filesIn(`${path}.bucket`);
  const child = new Child('replicated-elsewhere.mjs', [path, `${path}.bucket`]);
  await child.tells('stored');
  const replica = await db.replicate(storage);
  await db.execute("INSERT INTO items (data) VALUES (x'00')");
  assert.equal((await replica.flush()).error, undefined);
  child.say('write');
  const told = await child.ends();
  assert.match(told, /Busy: another replica has begun to write to this storage/);
  assert.match(told, /ended true/);
  assert.equal((await replica.flush()).error, undefined);
  await restoreReplica(storage, `${path}.new`);
  assert.equal(await count(`${path}.new`), 2);
});

test('a process ends although a replica is kept up to date', NATIVE, async (t) => {
  const child = new Child('replicated.mjs', [join(folder(t), 'app.db')], { input: false });
  await child.tells('stored');
  const { code, signal } = await within(10_000, child.ended, 'its end');
  assert.deepEqual([code, signal, child.errors], [0, null, '']);
});

test('what can not be replicated is refused', async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const native = db.engine === 'native';
  assert.equal((await db.capabilities()).replicas, native);
  for (const wrong of [undefined, 7, {}, { put() {} }]) assert.equal((await failure(db.replicate(wrong))).kind, 'InvalidArgument');
  for (const options of [{ interval: -1 }, { memory: 0.5 }, { every: 1 }, { keep: '1 h' }]) {
    assert.equal((await failure(db.replicate(`${path}.replica`, options))).kind, 'InvalidArgument');
  }
  for (const moment of [{ transaction: 0 }, { time: 5 }, { time: new Date(NaN) }, { transaction: 1, time: new Date() }]) {
    assert.equal((await failure(restoreReplica(`${path}.replica`, `${path}.new`, moment))).kind, 'InvalidArgument');
  }
  if (!native) {
    for (const to of [`${path}.replica`, new Bucket()]) assert.equal((await failure(db.replicate(to))).kind, 'Unsupported');
    assert.equal((await failure(restoreReplica(new Bucket(), `${path}.new`))).kind, 'Unsupported');
  }
});
