/** The engine's files on node:fs. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled, folder } from './bundled.mjs';

const { NodeFiles, begins, fileOf, requestStop, isStopped, stopTable } = await import(
  pathToFileURL(await bundled('node/files.js', 'node/path.js', 'node/stop.js')).href
);

const files = new NodeFiles();
const onPosix = process.platform === 'win32' ? 'Windows has no such permissions' : false;

test('what was written is read, and beyond the end there is nothing', (t) => {
  const name = join(folder(t), 'app.db');
  const file = files.open(name, true, false);
  assert.ok(file >= 0);
  assert.equal(files.exists(name), false, 'an empty file is none');
  assert.equal(files.write(file, new TextEncoder().encode('hello'), 3), 0);
  assert.equal(files.sync(file), 0);
  const into = new Uint8Array(10).fill(9);
  assert.equal(files.read(file, into, 0), 8);
  assert.deepEqual([...into], [0, 0, 0, 104, 101, 108, 108, 111, 9, 9]);
  assert.equal(files.read(file, into, 100), 0);
  assert.equal(files.truncate(file, 4), 0);
  assert.equal(files.size(file), 4);
  assert.equal(files.exists(name), true);
  files.close(file);
  assert.equal(files.remove(name), 0);
  assert.equal(files.remove(name), 0, 'what is not there is removed');
  assert.equal(files.exists(name), false);
});

test('what cannot be opened says why in a number, and leaves nothing open', (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'file'), 'x');
  mkdirSync(join(dir, 'directory'));
  symlinkSync(join(dir, 'nowhere'), join(dir, 'link'));
  const before = openFiles();
  assert.equal(files.open(join(dir, 'missing'), false, false), -2);
  assert.equal(files.open(join(dir, 'missing/app.db'), true, false), -2);
  assert.equal(files.open(join(dir, 'file/app.db'), true, false), -2);
  assert.equal(files.open(join(dir, 'directory'), true, false), -5);
  assert.equal(files.open(join(dir, 'directory'), false, true), -5);
  assert.equal(files.open(join(dir, 'link'), true, false), -2);
  assert.equal(openFiles(), before);
  const file = files.open(join(dir, 'file'), false, true);
  assert.ok(files.write(file, new Uint8Array(1), 0) < 0, 'a file that is open for reading is not written');
  files.close(file);
  assert.ok(files.size(file) < 0, 'a closed file has no size');
});

test('who may not read a database may not read its log', { skip: onPosix }, (t) => {
  const name = join(folder(t), 'app.db');
  writeFileSync(name, 'x');
  for (const mode of [0o600, 0o660]) {
    chmodSync(name, mode);
    const log = files.open(`${name}-wal`, true, false);
    assert.equal(statSync(`${name}-wal`).mode & 0o777, mode);
    files.close(log);
    files.remove(`${name}-wal`);
  }
});

test('a database has one name, whatever links lead to it', { skip: onPosix }, (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, 'real'));
  symlinkSync(join(dir, 'real'), join(dir, 'there'));
  symlinkSync('real/app.db', join(dir, 'link.db'));
  const name = fileOf(join(dir, 'real/app.db'));
  assert.equal(fileOf(join(dir, 'there/app.db')), name);
  assert.equal(fileOf(join(dir, 'link.db')), name, 'while the file is not there yet');
  writeFileSync(name, 'x');
  assert.equal(fileOf(join(dir, 'link.db')), name);
  for (const wrong of ['', 'a\0b', undefined]) assert.throws(() => fileOf(wrong), { kind: 'InvalidArgument' });
});

test('a request that was given up before it began never does, and its client is certain of that', () => {
  for (const first of [1, 70_000, 0x7fff_fff0, 0xffff_fff0]) {
    const table = stopTable();
    const number = (nth) => (first + nth) >>> 0 || 1;
    assert.ok(begins(table, number(0)));
    assert.ok(requestStop(table, number(2)), 'the engine is not there yet');
    assert.ok(!isStopped(table, number(1)) && !isStopped(table, number(2 + 1024)));
    assert.ok(begins(table, number(1)));
    assert.ok(!begins(table, number(2)));
    assert.ok(begins(table, number(3)));
    assert.ok(!requestStop(table, number(3)), 'it has begun, and is stopped');
    assert.ok(isStopped(table, number(3)));
    assert.ok(!requestStop(table, number(1)), 'it was begun before');
  }
});

test('a request that was given up is not forgotten for another one at its place', () => {
  const table = stopTable();
  begins(table, 1);
  assert.ok(requestStop(table, 5));
  assert.ok(!requestStop(table, 5 + 1024));
  assert.ok(!begins(table, 5));
  assert.ok(begins(table, 5 + 1024));
  assert.ok(requestStop(table, 5 + 2048));
});

function openFiles() {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
