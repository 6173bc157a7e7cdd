/** Several processes and one file. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, ENGINE, failure, filesBeside, folder, installed, only, outside, pause, ubiqlite } from './support.mjs';

const alone = only('wasm', 'several processes share a file with the other: see native-processes');

test('a second process is told Busy, and which process holds the file', { skip: alone }, async (t) => {
  const path = join(folder(t), 'app.db');
  const holder = new Child('holder.mjs', [path]);
  t.after(() => holder.kill());
  await holder.tells('holds');
  const error = await failure(ubiqlite.open(path, { busyTimeout: 200 }));
  assert.ok(error instanceof ubiqlite.BusyError, `${error}`);
  assert.equal(error.kind, 'Busy');
  assert.match(error.message, new RegExp(`\\b${holder.pid}\\b`), 'the message names the process');
  assert.equal(error.path, path);

  holder.say('close');
  await holder.ends();
  const db = await ubiqlite.open(path);
  assert.equal(await db.queryValue('SELECT by FROM held'), holder.pid);
  await db.close();
});

test('a second process waits as long as the busy timeout says, and gets the file that is closed meanwhile', { skip: alone }, async (t) => {
  const path = join(folder(t), 'app.db');
  const holder = new Child('holder.mjs', [path]);
  t.after(() => holder.kill());
  await holder.tells('holds');
  const opening = ubiqlite.open(path, { busyTimeout: 20_000 });
  await pause(300);
  holder.say('close');
  const db = await opening;
  await db.execute('INSERT INTO held VALUES (0)');
  await db.close();
  await holder.ends();
});

test('the lock of a killed process is taken over, and what it committed is there', async (t) => {
  const path = join(folder(t), 'app.db');
  const holder = new Child('holder.mjs', [path]);
  await holder.tells('holds');
  await holder.kill();
  const since = performance.now();
  const db = await ubiqlite.open(path, { busyTimeout: 1000 });
  console.log(`    taken over within ${(performance.now() - since).toFixed(0)} ms`);
  assert.equal(await db.queryValue('SELECT by FROM held'), holder.pid);
  await db.execute('DELETE FROM held');
  await db.close();
  assert.deepEqual(filesBeside(path), ['app.db']);
  assert.deepEqual(await outside(path, 'SELECT count(*) FROM held'), [[0]]);
});

/** Whether processes cannot get their own PID namespace here, as containers do. */
const contained = process.platform !== 'linux' || !(await installed('unshare', ['--pid', '--fork', '--uts', 'true']));

for (const engine of ['wasm', 'native']) {
  const skip = (contained && 'no containers here') || (engine === 'native' && only('native', 'there is none'));
  test(`a container is stopped that had the file open with the ${engine} engine, and another opens it`, { skip }, async (t) => {
    const path = join(folder(t), 'app.db');
    const before = ['unshare', '--pid', '--fork', '--kill-child', '--uts', 'sh', '-c', 'hostname other; exec "$0" "$@"'];
    for (const way of ['open', 'ATTACH']) {
      const holder = new Child('holder.mjs', [path], { before, env: { UBIQLITE_ENGINE: engine } });
      t.after(() => holder.kill());
      await holder.tells('holds');
      const other = { engine: engine === 'wasm' || way === 'ATTACH' ? ENGINE : 'wasm', busyTimeout: 200 };
      const busy = await failure(ubiqlite.open(path, { engine: 'wasm', busyTimeout: 200 }));
      assert.equal(busy.kind, 'Busy');
      assert.match(busy.message, /another host, other,|of another container/);
      await holder.kill();
      if (way === 'open' || ENGINE === 'wasm') {
        const db = await ubiqlite.open(path, other);
        assert.equal(await db.queryValue('SELECT count(*) FROM held'), 1);
        await db.execute('DELETE FROM held');
        await db.close();
        continue;
      }
      const db = await ubiqlite.open(':memory:', other);
      const session = await db.acquire();
      await session.execute('ATTACH ? AS other', [path]);
      assert.equal(await session.queryValue('SELECT count(*) FROM other.held'), 1);
      session.release();
      await db.close();
    }
  });
}

test('of many processes that want the file of a killed one, one gets it', { skip: alone }, async (t) => {
  const path = join(folder(t), 'app.db');
  const dead = new Child('holder.mjs', [path]);
  await dead.tells('holds');
  await dead.kill();
  const rivals = Array.from({ length: 4 }, () => new Child('holder.mjs', [path]));
  t.after(() => Promise.all(rivals.map((rival) => rival.kill())));
  const until = performance.now() + 20_000;
  const holding = () => rivals.filter((rival) => rival.lines.includes('holds') && !rival.lines.includes('closed'));
  let seen = 0;
  while (seen < rivals.length && performance.now() < until) {
    const holders = holding();
    assert.ok(holders.length <= 1, 'two processes hold one file');
    if (holders.length === 1) {
      // Long enough for another one to get in, if it could.
      await pause(100);
      assert.equal(holding().length, 1);
      holders[0].say('close');
      await holders[0].tells('closed');
      seen += 1;
    } else if (rivals.every((rival) => rival.process.exitCode !== null)) {
      break;
    }
    await pause(5);
  }
  // Rivals that gave up got Busy, which ends them with an error.
  const gaveUp = rivals.filter((rival) => /Busy/.test(rival.errors)).length;
  assert.equal(seen + gaveUp, rivals.length, rivals.map((rival) => rival.errors).join('\n'));
  assert.ok(seen >= 1);
  const rows = await outside(path, 'SELECT count(DISTINCT by), count(*) FROM held');
  assert.deepEqual(rows, [[seen + 1, seen + 1]]);
});

test('one process opens one file twice', async (t) => {
  const path = join(folder(t), 'app.db');
  const [one, two] = await Promise.all([ubiqlite.open(path), ubiqlite.open(path, { cacheKib: 100 })]);
  await one.execute('CREATE TABLE t(a)');
  await two.execute('INSERT INTO t VALUES (1)');
  await one.close();
  assert.equal(await two.queryValue('SELECT count(*) FROM t'), 1);
  await two.close();
  assert.deepEqual(filesBeside(path), ['app.db']);
});
