/** Files that are attached while they are open elsewhere, under any name. */

import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { Child, ENGINE, database, failure, filesBeside, folder, only, ubiqlite } from './support.mjs';

const SCHEMA = 'CREATE TABLE written (by TEXT, number INTEGER)';

async function write(to, table, by) {
  for (let number = 0; number < 200; number += 1) await to.execute(`INSERT INTO ${table} VALUES (?, ?)`, [by, number]);
}

test('a file that is open elsewhere is attached with its locks, or not at all', { timeout: 60_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 5_000 }, SCHEMA);
  const beside = await ubiqlite.open(join(folder(t), 'beside.db'), { busyTimeout: 5_000 });
  t.after(() => beside.close());
  const spelled = join(dirname(path), 'by-another-name.db');
  symlinkSync(path, spelled);
  const session = await beside.acquire();
  for (const name of [path, `${dirname(path)}/.//app.db`, spelled]) {
    if (ENGINE === 'wasm') {
      const refused = await failure(session.execute('ATTACH ? AS other', [name]));
      assert.equal(refused.kind, 'Busy', name);
      continue;
    }
    await session.execute('ATTACH ? AS other', [name]);
    await Promise.all([write(db, 'written', name), write(session, 'other.written', name)]);
    assert.equal(await db.queryValue('SELECT count(*) FROM written WHERE by = ?', [name]), 400);
    await session.execute('DETACH other');
  }
  await db.close();
  // Now nobody has the file open.
  await session.execute('ATTACH ? AS other', [path]);
  await session.execute("INSERT INTO other.written VALUES ('session', 1)");
  if (ENGINE === 'wasm') {
    const refused = await failure(ubiqlite.open(path, { engine: 'wasm', busyTimeout: 50 }));
    assert.equal(refused.kind, 'Busy');
    assert.match(refused.message, /this very process/);
  }
  await session.execute('DETACH other');
  session.release();
  const again = await ubiqlite.open(path, { busyTimeout: 5_000 });
  assert.equal(await again.queryValue("SELECT count(*) FROM written WHERE by = 'session'"), 1);
  await again.close();
  assert.deepEqual(filesBeside(path), ['app.db', 'by-another-name.db']);
});

test('a database that is attached to itself by another name loses nothing that was acknowledged', { timeout: 60_000 }, async (t) => {
  const { db, path } = await database(t, { busyTimeout: 50 }, SCHEMA);
  const session = await db.acquire();
  await session.execute('ATTACH ? AS other', [`${dirname(path)}/.//app.db`]);
  let done = 0;
  const each = async (to, table) => {
    for (let number = 0; number < 20; number += 1) {
      // A connection that has a file open twice may block itself.
      const error = await to.execute(`INSERT INTO ${table} VALUES ('x', ?)`, [number]).then(() => (done += 1, undefined), (error) => error);
      if (error !== undefined) assert.equal(error.kind, 'Busy');
    }
  };
  await Promise.all([each(session, 'other.written'), each(db, 'written')]);
  session.release();
  assert.ok(done >= 20);
  assert.equal(await db.queryValue('SELECT count(*) FROM written'), done);
});

test('a file that is made by VACUUM INTO is whole, and held by nobody', async (t) => {
  const { db, path } = await database(t, {}, `${SCHEMA}; INSERT INTO written VALUES ('a', 1)`);
  const copy = join(dirname(path), 'copy.db');
  await db.execute('VACUUM INTO ?', [copy]);
  const opened = await ubiqlite.open(copy);
  assert.equal(await opened.queryValue('SELECT count(*) FROM written'), 1);
  await opened.close();
  await db.close();
  assert.deepEqual(filesBeside(path), ['app.db', 'copy.db']);
});

test('the native engine attaches no file that a wasm one has, and is seen by it while it has one', { skip: only('native', 'it looks at both'), timeout: 60_000 }, async (t) => {
  const path = join(folder(t), 'app.db');
  const own = await ubiqlite.open(join(dirname(path), 'own.db'));
  const memory = await ubiqlite.open(':memory:');
  t.after(() => Promise.all([own.close(), memory.close()]));
  const child = new Child('holder.mjs', [path], { env: { UBIQLITE_ENGINE: 'wasm' } });
  t.after(() => child.kill());
  await child.tells('holds');
  for (const db of [own, memory]) {
    const session = await db.acquire();
    const file = [path];
    assert.equal((await failure(session.execute('ATTACH ? AS other', file))).kind, 'Busy');
    assert.equal((await failure(session.batch(`ATTACH '${path}' AS other`))).kind, 'Busy');
    assert.equal((await failure(session.query('ATTACH ? AS other', file))).kind, 'Busy');
    session.release();
    assert.equal((await failure(db.execute('VACUUM INTO ?', file))).kind, 'Busy');
  }
  // The file has all acknowledged writes, and its log.
  child.say('close');
  await child.tells('closed');

  for (const db of [own, memory]) {
    const session = await db.acquire();
    await session.execute('ATTACH ? AS other', [path]);
    assert.equal(await session.queryValue('SELECT count(*) FROM other.held'), 1);
    const busy = await failure(ubiqlite.open(path, { engine: 'wasm', busyTimeout: 50 }));
    assert.equal(busy.kind, 'Busy');
    assert.match(busy.message, /native engine/);
    await session.execute('DETACH other');
    const wasm = await ubiqlite.open(path, { engine: 'wasm' });
    await wasm.close();
    // Files that a session attached are detached when it ends.
    await session.execute('ATTACH ? AS other', [path]);
    session.release();
    const again = await ubiqlite.open(path, { engine: 'wasm' });
    await again.close();
  }
});

test('a lock that a killed wasm engine left is no hindrance to ATTACH', { skip: only('native', 'it looks at both'), timeout: 60_000 }, async (t) => {
  const path = join(folder(t), 'app.db');
  const child = new Child('holder.mjs', [path], { env: { UBIQLITE_ENGINE: 'wasm' } });
  await child.tells('holds');
  await child.kill();
  const db = await ubiqlite.open(':memory:');
  t.after(() => db.close());
  const session = await db.acquire();
  await session.execute('ATTACH ? AS other', [path]);
  assert.equal(await session.queryValue('SELECT count(*) FROM other.held'), 1);
  session.release();
});
