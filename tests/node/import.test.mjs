/** How a program imports the package. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { PACKAGE, ubiqlite } from './support.mjs';

const run = promisify(execFile);

test('an ES module imports the names of the package', async () => {
  for (const name of ['open', 'UbiqliteError', 'BusyError', 'CancelledError', 'TimeoutError']) {
    assert.equal(typeof ubiqlite[name], 'function', name);
  }
});

test('a CommonJS program requires the package, and works with it', async () => {
  const commonJs = PACKAGE.replace(/\.mjs$/, '.cjs');
  assert.ok(existsSync(commonJs), `${commonJs} is there`);
  const child = fileURLToPath(new URL('children/reader.cjs', import.meta.url));
  const { stdout } = await run(process.execPath, [child, commonJs]);
  assert.deepEqual(JSON.parse(stdout), [1, true]);
});

test('importing the package starts nothing: a program that only imports it ends at once', async () => {
  const script = `
    const since = performance.now();
    await import(${JSON.stringify(PACKAGE)});
    console.log(process.getActiveResourcesInfo().filter((name) => /worker|port/i.test(name)).length);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 });
  assert.equal(stdout.trim(), '0');
});

test('the package prints nothing', async () => {
  const script = `
    const { open } = await import(${JSON.stringify(PACKAGE)});
    const db = await open(':memory:');
    await db.execute('CREATE TABLE t(a)');
    await db.execute('nonsense').catch(() => {});
    await db.close();`;
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 });
  assert.equal(stdout + stderr, '');
});
