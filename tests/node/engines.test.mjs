/** Which engine is used, where there is a native one and where there is none. */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { Child, PACKAGE, failure, folder, ubiqlite } from './support.mjs';

/** Lays the package out as npm does, without a native library; `library`: the file in its place. */
function installed(t, library) {
  const root = folder(t);
  const dist = join(root, 'node_modules/ubiqlite/dist');
  const from = dirname(PACKAGE);
  for (const name of readdirSync(from)) if (/\.(mjs|cjs|wasm)$/.test(name)) cpSync(join(from, name), join(dist, name));
  if (library !== undefined) {
    for (const name of ['linux-x64-gnu', 'linux-arm64-gnu', 'darwin-x64', 'darwin-arm64', 'win32-x64-msvc']) {
      const place = join(root, 'node_modules/@ubiqlite', name);
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, 'package.json'), JSON.stringify({ name: `@ubiqlite/${name}`, main: 'index.cjs' }));
      writeFileSync(join(place, 'index.cjs'), library);
    }
  }
  return join(dist, 'node.mjs');
}

async function told(t, library, ...args) {
  const env = { UBIQLITE_PACKAGE: installed(t, library), UBIQLITE_ENGINE: '' };
  const child = new Child('engine.mjs', [join(folder(t), 'app.db'), ...args], { input: false, env });
  t.after(() => child.kill());
  await child.ends();
  return child.output.trim();
}

test('without a native library the wasm engine is used, and who asks for the other is told what to install', async (t) => {
  assert.equal(await told(t, undefined), 'wasm');
  const refused = await told(t, undefined, 'native');
  assert.match(refused, /^Unsupported UnsupportedError .*install @ubiqlite\/\S+ /);
  assert.match(refused, /\{ engine: 'wasm' \}/);
});

test('a native library of another version is not used, nor one that does not load', async (t) => {
  const other = "exports.version = () => '9.9.9';";
  assert.equal(await told(t, other), 'wasm');
  assert.match(await told(t, other, 'native'), /9\.9\.9/);
  const broken = "throw new Error('GLIBC_9.99 not found');";
  assert.equal(await told(t, broken), 'wasm');
  assert.match(await told(t, broken, 'native'), /GLIBC_9\.99 not found/);
});

test('an engine that there is not is refused, and an option that Node has not', async (t) => {
  const path = join(folder(t), 'app.db');
  const error = await failure(ubiqlite.open(path, { engine: 'turbo' }));
  assert.ok(error instanceof ubiqlite.InvalidArgumentError, `${error}`);
  const wasm = await ubiqlite.open(':memory:', { engine: 'wasm' });
  assert.equal(wasm.engine, 'wasm');
  assert.equal(wasm.timeout(5).engine, 'wasm');
  await wasm.close();
  const storage = await failure(ubiqlite.open(path, { storage: 'memory' }));
  assert.equal(storage.kind, 'InvalidArgument');
  assert.deepEqual(readdirSync(dirname(path)), [], 'no file was made');
});
