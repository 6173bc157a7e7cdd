/** The lock of a database file in Node, among real processes. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs, { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { bundled, folder } from './bundled.mjs';

const MODULE = pathToFileURL(await bundled('node/lock.js', 'node/acquire.js', 'node/holder.js', 'node/life.js')).href;
const { Lock, acquire, busy, holderOf, lifeOf, lockOf, removeLock, signOf, thisHolder } = await import(MODULE);

const onLinux = process.platform === 'linux' ? false : 'only Linux tells';

/** A process that takes and releases locks on command, one command per line. */
const RIVAL = `
  const { Lock } = await import(${JSON.stringify(MODULE)});
  const { createInterface } = await import('node:readline');
  let lock;
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, path] = line.split(' ');
    if (verb === 'take') {
      lock = new Lock(path);
      const held = lock.take();
      console.log(held === undefined ? 'mine' : String(held.by?.pid));
    } else {
      lock.release();
      console.log('released');
    }
  }`;

class Rival {
  static async start(t) {
    const rival = new Rival(spawn(process.execPath, ['--input-type=module', '-e', RIVAL], { stdio: ['pipe', 'pipe', 'inherit'] }));
    t.after(() => rival.kill());
    assert.equal(await rival.line(), 'ready');
    return rival;
  }

  constructor(child) {
    this.child = child;
    this.pid = child.pid;
    this.lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async line() {
    return (await this.lines.next()).value;
  }

  ask(...words) {
    this.child.stdin.write(`${words.join(' ')}\n`);
    return this.line();
  }

  async kill() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** Returns the id of a process that has ended. */
async function deadPid() {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid;
}

/** Leaves a lock file as another holder would have. */
function leave(path, changes) {
  writeFileSync(path, JSON.stringify({ ...thisHolder('left'), ...changes }));
}

test('a lock that is held names its holder, and leaves nothing when it is released', async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const rival = await Rival.start(t);
  assert.equal(await rival.ask('take', path), 'mine');
  const lock = new Lock(path);
  const { by } = lock.take();
  assert.equal(by.pid, rival.pid);
  assert.match(busy(lock, 'app.db', { by }).message, new RegExp(`open in process ${rival.pid} on .* since 20`));
  assert.equal(await rival.ask('release'), 'released');
  assert.equal(lock.take(), undefined);
  assert.equal(lock.take(), undefined, 'what is ours already');
  lock.release();
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('the lock of a killed process is taken over', async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const rival = await Rival.start(t);
  assert.equal(await rival.ask('take', path), 'mine');
  await rival.kill();
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  lock.release();
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('of eight processes that want a stale lock at once exactly one gets it', { timeout: 120_000 }, async (t) => {
  const dir = folder(t);
  const rivals = await Promise.all(Array.from({ length: 8 }, () => Rival.start(t)));
  const dead = await deadPid();
  const rounds = 40;
  const winners = new Set();
  for (let round = 0; round < rounds; round += 1) {
    const path = lockOf(join(dir, `${round}.db`));
    leave(path, { pid: dead, token: `stale-${round}` });
    // Every second time a process has already died while taking over the lock.
    if (round % 2 === 1) leave(`${path}.stale-${round}`, { pid: dead, token: `claim-${round}` });
    const outcomes = await Promise.all(rivals.map((rival) => rival.ask('take', path)));
    const won = rivals.filter((_, index) => outcomes[index] === 'mine');
    assert.equal(won.length, 1, `round ${round}: ${outcomes}`);
    winners.add(won[0].pid);
    assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, won[0].pid);
    await Promise.all(rivals.map((rival) => rival.ask('release')));
    assert.deepEqual(readdirSync(dir), [], `round ${round} leaves nothing`);
  }
  console.log(`    ${rounds} rounds, won by ${winners.size} different processes`);
});

test('eight processes that take and release one lock never hold it together', { timeout: 120_000 }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const rivals = await Promise.all(Array.from({ length: 8 }, () => Rival.start(t)));
  let holding = 0;
  let turns = 0;
  await Promise.all(
    rivals.map(async (rival) => {
      for (let tries = 0; tries < 50; tries += 1) {
        if ((await rival.ask('take', path)) !== 'mine') continue;
        holding += 1;
        turns += 1;
        assert.equal(holding, 1);
        await new Promise((resolve) => setTimeout(resolve, 1));
        holding -= 1;
        await rival.ask('release');
      }
    }),
  );
  assert.ok(turns > 8, `${turns} turns`);
});

test('a process that has the number of the dead holder is not the holder', { skip: onLinux }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const rival = await Rival.start(t);
  const began = readFileSync(`/proc/${rival.pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[19];
  leave(path, { pid: rival.pid, began });
  assert.equal(new Lock(path).take()?.by.pid, rival.pid, 'while it is the one');
  leave(path, { pid: rival.pid, began: String(Number(began) - 1) });
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  lock.release();
});

test('our own number in a lock of an earlier process is not us', { skip: onLinux }, (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  leave(path, { began: '1' });
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  lock.release();
});

test('no process outlives the system that it ran on', { skip: onLinux }, (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  leave(path, { pid: process.ppid, boot: 'another' });
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  lock.release();
});

test('the lock of another host is never taken over, and the error says how to', async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const pid = await deadPid();
  leave(path, { pid, host: 'elsewhere' });
  const before = readFileSync(path, 'utf8');
  const lock = new Lock(path);
  const begun = performance.now();
  await assert.rejects(acquire(lock, '/data/app.db', 120, () => false), (error) => {
    assert.equal(error.kind, 'Busy');
    assert.equal(error.path, '/data/app.db');
    assert.match(error.message, new RegExp(`process ${pid} on another host, elsewhere`));
    assert.ok(error.message.includes(`remove ${path}`), error.message);
    return true;
  });
  assert.ok(performance.now() - begun >= 115, 'it waited as long as it was told to');
  assert.equal(readFileSync(path, 'utf8'), before);
});

test('the process of another container cannot be told from here, and keeps its lock', { skip: onLinux }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  leave(path, { pid: await deadPid(), space: 'pid:[1]' });
  const lock = new Lock(path);
  const held = lock.take();
  assert.match(busy(lock, 'app.db', held).message, /another container/);
});

/** Whether processes cannot get their own PID namespace here, as containers do. */
const contained = process.platform !== 'linux' || spawnSync('unshare', ['--pid', '--fork', '--uts', 'true']).status !== 0;

test('a lock is taken over from a container that is gone, and from none that lives', { skip: contained && 'no containers here' }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const inside = ['sh', '-c', 'hostname other; exec "$0" "$@"', process.execPath, '--input-type=module', '-e', RIVAL];
  const rival = new Rival(
    spawn('unshare', ['--pid', '--fork', '--kill-child', '--uts', ...inside], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  t.after(() => rival.kill());
  assert.equal(await rival.line(), 'ready');
  assert.equal(await rival.ask('take', path), 'mine');
  const holder = JSON.parse(readFileSync(path, 'utf8'));
  assert.equal(holder.host, 'other');
  assert.ok(existsSync(signOf(path, holder.token)));
  const lock = new Lock(path);
  await assert.rejects(acquire(lock, 'app.db', 100, () => false), { kind: 'Busy' });
  assert.equal(await lifeOf(path, holder, lock.me), 'lives');
  await rival.kill();
  await acquire(lock, 'app.db', 10_000, () => false);
  assert.ok(lock.isTaken);
  lock.release();
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('a sign of life is asked of nobody on another system, and of nobody who gave none', { skip: onLinux }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const me = thisHolder('me');
  // A socket that nobody listens on any more, left by a killed process.
  const child = spawn(process.execPath, ['-e', `require('net').createServer().listen(${JSON.stringify(signOf(path, 'left'))}, () => process.kill(process.pid, 'SIGKILL'))`]);
  await once(child, 'close');
  const left = { ...thisHolder('left'), sign: true };
  assert.equal(await lifeOf(path, left, me), 'gone');
  assert.equal(await lifeOf(path, { ...left, boot: 'another' }, me), 'unknown');
  assert.equal(await lifeOf(path, { ...left, boot: undefined }, me), 'unknown');
  assert.equal(await lifeOf(path, { ...left, sign: undefined }, me), 'unknown');
  assert.equal(await lifeOf(path, { ...left, token: 'nobody' }, me), 'unknown');
});

test('who has just taken a lock is not taken for dead before they listen', { skip: onLinux }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const { Pipe } = process.binding('pipe_wrap');
  const { listen } = Pipe.prototype;
  t.after(() => (Pipe.prototype.listen = listen));
  let seen;
  Pipe.prototype.listen = function (...values) {
    // The socket has its name, but does not accept connections yet.
    const script = `import(${JSON.stringify(MODULE)}).then(async ({ lifeOf, thisHolder }) => {
      const holder = JSON.parse(require('fs').readFileSync(${JSON.stringify(path)}, 'utf8'));
      console.log(await lifeOf(${JSON.stringify(path)}, holder, thisHolder('me')));
    });`;
    seen = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout.trim();
    return listen.apply(this, values);
  };
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  assert.equal(seen, 'unknown');
  assert.equal(await lifeOf(path, lock.me, thisHolder('me')), 'lives');
  lock.release();
  assert.deepEqual(readdirSync(join(path, '..')), []);
});

test('a lock that is being released is nobody’s to take until it is gone', { skip: onLinux }, async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  const turn = new Int32Array(new SharedArrayBuffer(8));
  const rival = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     import(workerData.module).then(({ Lock }) => {
       const { turn, path } = workerData;
       parentPort.postMessage('ready');
       Atomics.wait(turn, 0, 0);
       Atomics.store(turn, 1, new Lock(path).take() === undefined ? 1 : 2);
       Atomics.notify(turn, 1);
     });`,
    { eval: true, workerData: { module: MODULE, path, turn } },
  );
  t.after(() => rival.terminate());
  await once(rival, 'message');
  // This thread stops just before the lock file is removed, while the other one tries.
  const { rmSync } = fs;
  t.after(() => (fs.rmSync = rmSync));
  fs.rmSync = (file, options) => {
    if (file === path && turn[0] === 0) {
      Atomics.store(turn, 0, 1);
      Atomics.notify(turn, 0);
      Atomics.wait(turn, 1, 0, 10_000);
    }
    rmSync(file, options);
  };
  syncBuiltinESMExports();
  lock.release();
  fs.rmSync = rmSync;
  syncBuiltinESMExports();
  assert.equal(turn[1], 2, 'two hold the lock');
});

test('a lock that cannot be read is nobody’s to take over', (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  for (const text of ['', '{', '{"pid":1}', '[]', 'null', '{"token":"../x","pid":1,"host":"h","since":"s"}']) {
    writeFileSync(path, text);
    const lock = new Lock(path);
    const held = lock.take();
    assert.equal(held.by, undefined, text);
    assert.ok(busy(lock, 'app.db', held).message.includes(`remove ${path}`));
  }
});

test('a lock is waited for', async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const rival = await Rival.start(t);
  assert.equal(await rival.ask('take', path), 'mine');
  const lock = new Lock(path);
  const waiting = acquire(lock, 'app.db', 20_000, () => false);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(!lock.isTaken);
  assert.equal(await rival.ask('release'), 'released');
  await waiting;
  assert.ok(lock.isTaken);
  lock.release();
});

test('a lock of another thread of this process is its, as long as the thread lives', async (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const code = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(MODULE)}).then(({ Lock }) => {
      new Lock(${JSON.stringify(path)}).take();
      parentPort.postMessage('taken');
      setInterval(() => {}, 1000);
    });`;
  const thread = new Worker(code, { eval: true });
  t.after(() => thread.terminate());
  await once(thread, 'message');
  const lock = new Lock(path);
  const held = lock.take();
  assert.match(busy(lock, 'app.db', held).message, /this very process .* by thread \d/);
  await thread.terminate();
  if (onLinux) return;
  assert.equal(lock.take(), undefined, 'its lock is left behind, its open file is not');
  lock.release();
});

test('what those left who died while they took a lock is cleared away', async (t) => {
  const dir = folder(t);
  const path = lockOf(join(dir, 'app.db'));
  const dead = await deadPid();
  leave(path, { pid: dead, token: 'stale' });
  leave(`${path}.an-older-one`, { pid: dead, token: 'draft' });
  leave(`${path}.a-living-one`, { pid: process.ppid, began: undefined, token: 'living' });
  const lock = new Lock(path);
  assert.equal(lock.take(), undefined);
  assert.ok(!existsSync(`${path}.an-older-one`));
  assert.ok(existsSync(`${path}.a-living-one`));
  lock.release();
});

test('who removes the lock of a dead worker removes no other', (t) => {
  const path = lockOf(join(folder(t), 'app.db'));
  const lock = new Lock(path, 'ours');
  lock.take();
  removeLock(path, 'another');
  assert.equal(holderOf(path).by.token, 'ours');
  removeLock(path, 'ours');
  assert.equal(holderOf(path), undefined);
  lock.release();
});
