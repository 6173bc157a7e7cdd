// The shell of the built package: `npx ubiqlite` runs `dist/cli.cjs`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from '../../bindings-wasm/dist/node.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const packageFolder = join(here, '../../bindings-wasm');
const { bin } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
const cli = join(packageFolder, bin.ubiqlite);
const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-shell-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the shell with these arguments, and with a script as its input. */
function shell(args, input = '', script = cli) {
  return spawnSync(process.execPath, [script, ...args], { input, encoding: 'utf8', env: { ...process.env, UBIQLITE_HISTORY: '' } });
}

test('arguments, a script and the exit code come through', () => {
  const path = join(folder, 'app.db');
  const made = shell([path], "CREATE TABLE items (id, name);\nINSERT INTO items VALUES (1, 'lämp'), (2, NULL);\n");
  assert.deepEqual([made.status, made.stdout, made.stderr], [0, '', '']);
  assert.equal(shell(['-json', path, 'SELECT * FROM items']).stdout, '[{"id":1,"name":"lämp"},\n{"id":2,"name":null}]\n');
  assert.equal(shell([path, '.tables']).stdout, 'items\n');
  const wrong = shell([path], 'SELECT 1;\nSELECT nope;\nSELECT 2;\n');
  assert.deepEqual([wrong.status, wrong.stdout], [1, '1\n']);
  assert.match(wrong.stderr, /^stdin:2: /);
  assert.equal(shell(['-nope']).status, 2);
});

test('a dump is read again, and a backup is checked', () => {
  const [from, to, copy] = ['from.db', 'to.db', 'copy.db'].map((name) => join(folder, name));
  shell([from, "CREATE TABLE t (a); INSERT INTO t VALUES (x'00ff'), ('it''s'), (1.5)"]);
  const dump = shell([from, '.dump']).stdout;
  assert.equal(shell([to], dump).status, 0);
  assert.equal(shell([to, '.dump']).stdout, dump);
  assert.equal(shell([from, `.backup '${copy}'`]).status, 0);
  assert.equal(shell([copy, '.check']).stdout, 'ok\n');
});

test('a file that this process has open is read and written', { skip: process.env.UBIQLITE_ENGINE === 'wasm' }, async () => {
  const path = join(folder, 'shared.db');
  const db = await open(path, { engine: 'native' });
  await db.execute('CREATE TABLE t (a)');
  const child = spawn(process.execPath, [cli, path, 'INSERT INTO t VALUES (1); SELECT count(*) FROM t']);
  const [code] = await new Promise((done) => child.on('close', (...all) => done(all)));
  assert.equal(code, 0);
  assert.equal(await db.queryValue('SELECT count(*) FROM t'), 1);
  await db.close();
});

test('a file that the wasm engine has open is refused, and says why', async () => {
  const path = join(folder, 'wasm.db');
  const db = await open(path, { engine: 'wasm' });
  await db.execute('CREATE TABLE t (a)');
  const child = spawn(process.execPath, [cli, path, 'SELECT 1']);
  let told = '';
  child.stderr.on('data', (data) => (told += data));
  const [code] = await new Promise((done) => child.on('close', (...all) => done(all)));
  assert.equal(code, 1);
  assert.match(told, /wasm engine/);
  await db.close();
  assert.equal(shell([path, '.tables']).stdout, 't\n');
});

test('without the native library it says what to install', () => {
  // The script alone, where no package is found.
  const script = join(folder, 'cli.cjs');
  cpSync(cli, script);
  const { status, stderr } = shell([join(folder, 'none.db'), 'SELECT 1'], '', script);
  assert.equal(status, 1);
  assert.match(stderr, /needs the native library/);
  assert.match(stderr, /@ubiqlite\//);
});
