/** The engine's files over node:fs. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled, folder } from './bundled.mjs';

const { NodeFiles, fileOf, isStopped, stop, stopTable, withoutWithdrawn } = await import(
  pathToFileURL(await bundled('node/files.js', 'node/path.js', 'node/stop.js', 'node/withdrawn.js')).href
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

test('a request is stopped by its client and number, and no other one is', () => {
  const table = stopTable();
  stop(table, 3, 70_000);
  assert.ok(isStopped(table, 3, 70_000));
  for (const [client, request] of [[3, 70_001], [3, 70_000 + 1024], [4, 70_000 - 31], [4, 70_000]]) {
    assert.ok(!isStopped(table, client, request), `${client}, ${request}`);
  }
  stop(table, 1, 0xffff_fff0);
  assert.ok(isStopped(table, 1, 0xffff_fff0), 'numbers beyond 31 bits');
});

test('what was given up is taken out of a batch, and the rest stays as it was', () => {
  const request = (id, length) => {
    const bytes = new Uint8Array(4 + length);
    new DataView(bytes.buffer).setUint32(0, length, true);
    new DataView(bytes.buffer).setUint32(4, id, true);
    return [...bytes.fill(id, 8)];
  };
  const [one, two, three] = [request(1, 10), request(2, 17), request(3, 30)];
  const batch = new Uint8Array([...one, ...two, ...three]).buffer;
  const without = (...ids) => [...new Uint8Array(withoutWithdrawn(batch, (id) => ids.includes(id)))];
  assert.equal(withoutWithdrawn(batch, () => false), batch);
  assert.deepEqual(without(1), [...two, ...three]);
  assert.deepEqual(without(2), [...one, ...three]);
  assert.deepEqual(without(3), [...one, ...two]);
  assert.deepEqual(without(1, 2, 3), []);
  const torn = new Uint8Array([...one, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 7]).buffer;
  assert.deepEqual([...new Uint8Array(withoutWithdrawn(torn, (id) => id === 1))], [0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 7]);
});

function openFiles() {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
