/** Copies of a database into files and as bytes, and replacing it by one. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { ENGINE, database, failure, filesBeside, folder, only, outside, pause, subscribed, ubiqlite, within } from './support.mjs';

const { deserialize, open } = ubiqlite;
const LIMIT = 30_000;
const INTO_FILES = only('native', 'the wasm engine writes no files but those of the database');

/** Two tables that have as many rows as each other, whenever nobody is in the middle of `writeBoth`. */
const SCHEMA = `CREATE TABLE a(id INTEGER PRIMARY KEY, data BLOB); CREATE TABLE b(id INTEGER PRIMARY KEY);
  WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 2000) INSERT INTO a(data) SELECT randomblob(5000) FROM r;
  INSERT INTO b SELECT id FROM a`;
const ROWS = 2000;
const COUNTS = 'SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b), (SELECT max(id) FROM a)';

const writeBoth = (db) => db.batch(['INSERT INTO a(data) VALUES (randomblob(5000))', 'INSERT INTO b(id) VALUES (NULL)']);

/** Writes while `work` goes on, and returns what it returns. */
async function underWrites(db, work) {
  const ends = new AbortController();
  const writing = (async () => {
    while (!ends.signal.aborted) await writeBoth(db);
  })();
  try {
    return await work();
  } finally {
    ends.abort();
    await writing;
  }
}

/** Checks that another program reads the copy as one moment, not before there were this many rows. */
async function isOneMoment(copy, most) {
  const [[a, b, last]] = await outside(copy, COUNTS);
  assert.equal(a, b);
  assert.equal(a, last);
  assert.ok(a >= ROWS && a <= most, `${a} rows`);
}

/** Waits until the folder has no file of a copy: the engine removes it once it learns that nobody wants it. */
async function noCopyIn(path) {
  await within(LIMIT, (async () => {
    while (readdirSync(path).some((name) => name.startsWith('copy'))) await pause(2);
  })(), `${path} has no copy`);
}

/** Waits until a copy into the folder has begun. */
async function isBegun(path) {
  await within(LIMIT, (async () => {
    while (!readdirSync(path).includes('copy.db.part')) await pause(2);
  })(), 'a copy has begun');
}

async function bytesOf(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

/** Returns the bytes of a database with one row, and its path. */
async function small(t, value = 'restored') {
  const path = join(folder(t), 'small.db');
  const db = await open(path, { journalMode: 'delete' });
  await db.batch('CREATE TABLE t(x)');
  await db.execute('INSERT INTO t VALUES (?)', [value]);
  await db.close();
  return { path, bytes: new Uint8Array(readFileSync(path)) };
}

test('a copy that is made under writes is one moment of the database, and another program opens it', { skip: INTO_FILES }, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const copy = join(folder(t), 'copy.db');
  await underWrites(db, () => db.backup(copy));
  await isOneMoment(copy, await db.queryValue('SELECT count(*) FROM a'));
  assert.deepEqual(filesBeside(copy), ['copy.db']);
});

test('a copy has all that the database has when nobody writes, wherever its path leads', { skip: INTO_FILES }, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const whole = "SELECT count(*), group_concat(hex(substr(data, 1, 8)), '') FROM a";
  const [wanted] = await db.query(whole, [], { rows: 'array' });
  const target = folder(t);
  for (const [name, place] of [['copy.db', (at) => at], ['copy ü.db', pathToFileURL], ['copy 3.db', (at) => relative(process.cwd(), at)]]) {
    const at = join(target, name);
    await db.backup(place(at));
    assert.deepEqual(await outside(at, whole), [wanted], name);
  }
});

test('progress ends with all pages, and never goes beyond them', { skip: INTO_FILES }, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const seen = [];
  await db.backup(join(folder(t), 'copy.db'), { onProgress: (progress) => void seen.push(progress) });
  const pages = await db.queryValue('PRAGMA page_count');
  assert.deepEqual(seen.at(-1), { done: pages, total: pages });
  for (const { done, total } of seen) assert.ok(done <= total, `${done} of ${total}`);
  assert.ok(seen.length > 1 && seen.every(({ done }, at) => at === 0 || done > seen[at - 1].done), 'each comes further');
});

test('a copy that is aborted, late or interrupted leaves no file', { skip: INTO_FILES }, async (t) => {
  const { db } = await database(t, { busyTimeout: 600_000 }, SCHEMA);
  const target = folder(t);
  const copy = join(target, 'copy.db');
  // It waits for this transaction, so that it is never complete before it is ended.
  const transaction = await db.begin();
  await transaction.execute('DELETE FROM b');
  const ends = new AbortController();
  const reason = new Error('enough');
  const aborted = failure(db.backup(copy, { signal: ends.signal }));
  await isBegun(target);
  ends.abort(reason);
  assert.equal((await aborted).kind, 'Cancelled');
  assert.equal((await aborted).cause, reason);
  await noCopyIn(target);
  assert.equal((await failure(db.backup(copy, { signal: ends.signal }))).cause, reason);

  assert.equal((await failure(db.backup(copy, { timeout: 50 }))).kind, 'Timeout');
  assert.equal((await failure(db.timeout(50).backup(join(target, 'copy 2.db')))).kind, 'Timeout');
  await noCopyIn(target);

  const interrupted = failure(db.backup(copy));
  await isBegun(target);
  db.interrupt();
  assert.equal((await interrupted).kind, 'Cancelled');
  await noCopyIn(target);
  await transaction.rollback();
  // None of it is in the way of another.
  await db.backup(copy);
  await isOneMoment(copy, ROWS);
});

test('an exception of the callback ends the copy, of which nothing but the whole stays', { skip: INTO_FILES }, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const target = folder(t);
  const copy = join(target, 'copy.db');
  const own = new TypeError('of the callback');
  let calls = 0;
  const onProgress = () => {
    calls += 1;
    throw own;
  };
  assert.equal(await failure(db.backup(copy, { onProgress })), own);
  assert.equal(calls, 1);
  await within(LIMIT, (async () => {
    while (readdirSync(target).includes('copy.db.part')) await pause(2);
  })(), 'the part is gone');
  // On a busy machine it may have been complete when the callback was told of its beginning.
  if (readdirSync(target).includes('copy.db')) await isOneMoment(copy, ROWS);
});

test('a file that exists is replaced only when told to, and the database never', { skip: INTO_FILES }, async (t) => {
  const { db, path } = await database(t, {}, SCHEMA);
  const copy = join(folder(t), 'copy.db');
  writeFileSync(copy, 'precious');
  const exists = await failure(db.backup(copy));
  assert.equal(exists.kind, 'InvalidArgument');
  assert.equal(exists.path, copy);
  assert.equal(readFileSync(copy, 'utf8'), 'precious');
  await db.backup(copy, { overwrite: true });
  await isOneMoment(copy, ROWS);
  for (const own of [path, `${path}-wal`]) {
    assert.equal((await failure(db.backup(own, { overwrite: true }))).kind, 'InvalidArgument', own);
  }
  assert.equal((await failure(db.backup(join(path, '..', 'none', 'copy.db')))).kind, 'CannotOpen');
});

test('a compact copy has all rows, and not the space of those that are gone', { skip: INTO_FILES }, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  await db.execute('DELETE FROM a WHERE id > 10');
  const target = folder(t);
  const size = async (name, options) => {
    await db.backup(join(target, name), options);
    assert.deepEqual(await outside(join(target, name), 'SELECT count(*) FROM a'), [[10]]);
    return readFileSync(join(target, name)).length;
  };
  const [plain, compact] = [await size('plain.db'), await size('compact.db', { compact: true })];
  assert.ok(compact < plain / 10, `${compact} of ${plain} bytes`);
  assert.equal((await db.serialize({ compact: true })).length, compact);
});

test('the wasm engine refuses a copy into a file, and says what to do', { skip: only('wasm', 'the native one makes it') }, async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const target = folder(t);
  const error = await failure(db.backup(join(target, 'copy.db')));
  assert.equal(error.kind, 'Unsupported');
  assert.match(error.message, /bytes/);
  assert.deepEqual(readdirSync(target), []);
  assert.equal((await failure(db.serialize({ compact: true }))).kind, 'Unsupported');
});

test('arguments that are none are refused before anything is written', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t(x)');
  const target = folder(t);
  const copy = join(target, 'copy.db');
  const calls = {
    'no path': () => db.backup(),
    'an empty path': () => db.backup(''),
    'no file URL': () => db.backup(new URL('https://example.com/a.db')),
    'an unknown option': () => db.backup(copy, { replace: true }),
    'overwrite by a word': () => db.backup(copy, { overwrite: 'yes' }),
    'compact by a number': () => db.backup(copy, { compact: 1 }),
    'progress to an object': () => db.backup(copy, { onProgress: {} }),
    'a time that is none': () => db.backup(copy, { timeout: 'long' }),
    'a stream that overwrites': () => bytesOf(db.backupStream({ overwrite: true })),
    'a stream, compact by a word': () => bytesOf(db.backupStream({ compact: 'yes' })),
    'an unknown option of serialize': () => db.serialize({ onProgress() {} }),
    'a number to restore': () => db.restore(17),
    'nothing to restore': () => db.restore(),
    'restoring texts': () => db.restore(['SQLite format 3']),
    'an unknown option of restore': () => db.restore(new Uint8Array(1), { overwrite: true }),
    'migrations of what is deserialized': () => deserialize(new Uint8Array(1), { migrations: [] }),
  };
  for (const [what, call] of Object.entries(calls)) assert.equal((await failure(call())).kind, 'InvalidArgument', what);
  assert.deepEqual(readdirSync(target), []);
});

test('the bytes of a stream that is read under writes are a database of one moment', async (t) => {
  const { db } = await database(t, {}, SCHEMA);
  const copy = join(folder(t), 'copy.db');
  await underWrites(db, async () => writeFileSync(copy, await bytesOf(db.backupStream())));
  await isOneMoment(copy, await db.queryValue('SELECT count(*) FROM a'));
});

/** Opens a database which waits long for what is open in it, has `work` done with it, and closes it, which must not take long. */
async function closesAfter(t, what, work, options) {
  const db = await open(join(folder(t), 'app.db'), { busyTimeout: 600_000, ...options });
  await db.batch(SCHEMA);
  // What it returns is kept, so that no collection of garbage ends it.
  const kept = await work(db);
  await within(LIMIT, db.close(), `closing after ${what}`);
  return kept;
}

test('a copy as bytes that is cancelled, left, aborted or read to its end holds nothing back', async (t) => {
  const kept = [];
  const begun = async (db, options) => {
    const stream = db.backupStream(options);
    const reader = stream.getReader();
    assert.ok((await reader.read()).value.length > 0);
    kept.push(stream, reader);
    return reader;
  };
  const ways = {
    cancelled: async (db) => (await begun(db)).cancel(),
    left: async (db) => {
      const stream = db.backupStream();
      kept.push(stream);
      for await (const _ of stream) break;
    },
    aborted: async (db) => {
      const ends = new AbortController();
      const reader = await begun(db, { signal: ends.signal });
      ends.abort(new Error('enough'));
      const error = await failure((async () => {
        while (!(await reader.read()).done);
      })());
      assert.equal(error.kind, 'Cancelled');
      assert.equal(error.cause, ends.signal.reason);
    },
    read: async (db) => {
      const reader = await begun(db);
      while (!(await reader.read()).done);
    },
    serialized: (db) => db.serialize(),
  };
  for (const [what, way] of Object.entries(ways)) {
    // The next one needs the only reader.
    await closesAfter(t, what, async (db) => [await way(db), await way(db), await db.serialize()], { readers: 1 });
  }
});

test('a copy into a file that has ended holds nothing back', { skip: INTO_FILES }, async (t) => {
  const at = () => join(folder(t), 'copy.db');
  const ways = {
    aborted: async (db) => {
      const ends = new AbortController();
      await failure(db.backup(at(), { signal: ends.signal, onProgress: () => ends.abort() }));
    },
    late: async (db) => {
      const transaction = await db.begin();
      assert.equal((await failure(db.backup(at(), { timeout: 50 }))).kind, 'Timeout');
      await transaction.rollback();
    },
    'ended by its callback': (db) => failure(db.backup(at(), { onProgress: () => { throw new Error('enough'); } })),
    refused: (db) => failure(db.backup(db.path, { overwrite: true })),
    complete: (db) => db.backup(at()),
  };
  for (const [what, way] of Object.entries(ways)) await closesAfter(t, what, way);
});

test('a stream of a closed database fails, and so does one whose database closes', async (t) => {
  const db = await open(join(folder(t), 'app.db'), { busyTimeout: 100 });
  await db.batch(SCHEMA);
  const reader = db.backupStream().getReader();
  await reader.read();
  await db.close();
  const error = await failure((async () => {
    while (!(await reader.read()).done);
  })());
  assert.equal(error.kind, 'Closed');
  assert.equal((await failure(db.serialize())).kind, 'Closed');
  assert.equal((await failure(db.restore(new Uint8Array(1)))).kind, 'Closed');
});

test('a database is restored from bytes of every kind', async (t) => {
  const { bytes } = await small(t);
  const { db } = await database(t);
  const odd = new Uint8Array(bytes.length + 3);
  odd.set(bytes, 3);
  const half = Math.floor(bytes.length / 2);
  const sources = {
    'a Uint8Array': bytes,
    'a buffer of Node': Buffer.from(bytes),
    'an ArrayBuffer': bytes.buffer,
    'a view in the middle': new DataView(odd.buffer, 3),
    'a view of other numbers': new Uint16Array(bytes.buffer),
    'shared memory': new Uint8Array(new SharedArrayBuffer(bytes.length)),
    'a Blob': new Blob([bytes]),
    'a stream': new Blob([bytes]).stream(),
    'pieces': [bytes.subarray(0, half), bytes.subarray(half)],
    'a copy of another database': (await deserialize(bytes)).backupStream(),
  };
  sources['shared memory'].set(bytes);
  for (const [what, source] of Object.entries(sources)) {
    await db.batch('DROP TABLE IF EXISTS t; CREATE TABLE u(x)');
    await db.restore(source);
    assert.equal(await db.queryValue('SELECT x FROM t'), 'restored', what);
    assert.equal(await db.queryValue("SELECT count(*) FROM sqlite_schema WHERE name = 'u'"), 0, what);
  }
});

test('bytes may be changed once they are given', async (t) => {
  const { bytes } = await small(t);
  const { db } = await database(t);
  const given = bytes.slice();
  const restoring = db.restore(given);
  given.fill(0);
  await restoring;
  assert.equal(await db.queryValue('SELECT x FROM t'), 'restored');
});

test('a database is restored from a path, and the file is not changed', async (t) => {
  const { path, bytes } = await small(t);
  const { db } = await database(t, {}, 'CREATE TABLE u(x)');
  for (const source of [path, pathToFileURL(path), relative(process.cwd(), path)]) {
    await db.execute('DROP TABLE IF EXISTS t');
    await db.restore(source);
    assert.equal(await db.queryValue('SELECT x FROM t'), 'restored');
  }
  assert.deepEqual(new Uint8Array(readFileSync(path)), bytes);
});

test('what is restored is seen by all who read, and by a live query once', async (t) => {
  const { db, path } = await database(t, {}, "CREATE TABLE t(x); INSERT INTO t VALUES ('old')");
  const { bytes } = await small(t);
  const other = await open(path);
  t.after(() => other.close());
  const live = subscribed(db.watch('SELECT x FROM t'), ({ rows }) => rows.map(({ x }) => x).join());
  await live.until(1);
  const snapshot = await db.snapshot();
  assert.equal(await snapshot.queryValue('SELECT x FROM t'), 'old');
  await db.restore(bytes);
  assert.equal(await snapshot.queryValue('SELECT x FROM t'), 'old');
  snapshot.close();
  for (const reader of [db, other]) assert.equal(await reader.queryValue('SELECT x FROM t'), 'restored');
  await live.until(2);
  await other.execute("INSERT INTO t VALUES ('more')");
  await live.until(3);
  live.stop();
  assert.deepEqual(live.seen, ['old', 'restored', 'restored,more']);
});

test('what is no database is refused, and nothing is changed', async (t) => {
  const { db } = await database(t, {}, "CREATE TABLE t(x); INSERT INTO t VALUES ('old')");
  const { bytes } = await small(t);
  const damaged = bytes.slice();
  // The root page of the table.
  damaged.fill(0xff, 4096, 8192);
  const target = folder(t);
  const file = (name, content) => {
    writeFileSync(join(target, name), content);
    return join(target, name);
  };
  const text = new TextEncoder().encode('no database at all, but long enough to be one'.repeat(100));
  const wanted = [
    ['no bytes', new Uint8Array(0), 'NotADatabase'],
    ['a text', text, 'NotADatabase'],
    ['a damaged page', damaged, 'Corrupt'],
    ['half of a file', bytes.slice(0, 4096), 'Corrupt'],
    ['an empty file', file('empty', ''), 'NotADatabase'],
    ['a file of text', file('text', text), 'NotADatabase'],
    ['a damaged file', file('damaged', damaged), 'Corrupt'],
    ['no file', join(target, 'none.db'), 'CannotOpen'],
    ['too much', new Uint8Array(2 ** 32), 'TooBig'],
  ];
  for (const [what, source, kind] of wanted) {
    const error = await failure(db.restore(source));
    assert.equal(error.kind, kind, `${what}: ${error.message}`);
    assert.equal(await db.queryValue('SELECT x FROM t'), 'old', what);
  }
  for (const source of [text, damaged]) {
    assert.match((await failure(deserialize(source))).kind, /NotADatabase|Corrupt/);
  }
});

test('a source that fails or stalls restores nothing, and learns that it is no longer read', async (t) => {
  const { db } = await database(t, {}, "CREATE TABLE t(x); INSERT INTO t VALUES ('old')");
  const { bytes } = await small(t);
  const own = new Error('the network');
  assert.equal(await failure(db.restore((async function* () { yield bytes; throw own; })())), own);
  const ends = new AbortController();
  let asked;
  const stalled = new Promise((resolve) => (asked = resolve));
  const restoring = failure(db.restore(new ReadableStream({ pull: () => (asked(), new Promise(() => {})) }, { highWaterMark: 0 }), { signal: ends.signal }));
  await stalled;
  ends.abort();
  assert.equal((await within(LIMIT, restoring, 'the end')).kind, 'Cancelled');
  assert.equal((await failure(db.restore(bytes, { signal: ends.signal }))).kind, 'Cancelled');

  const later = new AbortController();
  let left = false;
  const endless = (async function* () {
    try {
      for (;;) {
        yield new Uint8Array(10);
        later.abort();
        await pause(1);
      }
    } finally {
      left = true;
    }
  })();
  assert.equal((await failure(db.restore(endless, { signal: later.signal }))).kind, 'Cancelled');
  await within(LIMIT, (async () => { while (!left) await pause(1); })(), 'it is left');
  assert.equal(await db.queryValue('SELECT x FROM t'), 'old');
});

test('a database in memory goes into bytes and comes back, with the options that are given', async (t) => {
  const db = await open(':memory:');
  t.after(() => db.close());
  await db.batch("CREATE TABLE t(x); INSERT INTO t VALUES ('kept'), (9007199254740993)");
  const bytes = await db.serialize();
  assert.equal(bytes.constructor, Uint8Array);
  assert.equal(Buffer.from(bytes.subarray(0, 15)).toString(), 'SQLite format 3');
  const copy = await deserialize(bytes, { bigint: true, engine: ENGINE });
  t.after(() => copy.close());
  assert.equal(copy.engine, ENGINE);
  assert.equal(copy.path, ':memory:');
  assert.deepEqual((await copy.query('SELECT x FROM t')).map(({ x }) => x), ['kept', 9007199254740993n]);
  // Progress and counts are numbers whatever integers are.
  assert.deepEqual(await copy.serialize(), bytes);
  await copy.execute('DELETE FROM t');
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 2);
  assert.equal((await db.capabilities()).backups, true);
});
