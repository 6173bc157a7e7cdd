// What the npm package weighs: its wasm and its JavaScript, each as a server
// sends it with gzip -9. More than the limit is an error; the goal is told.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const PACKAGE = fileURLToPath(new URL('../../bindings-wasm', import.meta.url));

/** What it is to weigh. */
const GOAL = 450_000;

/**
 * So that it does not grow unnoticed: it weighs 583 KB, and some 20 KB more where Rust's
 * standard library could not be built with it.
 */
const LIMIT = 610_000;

const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
  cwd: PACKAGE,
  encoding: 'utf8',
  shell: process.platform === 'win32',
});
const files = JSON.parse(packed)[0].files.map(({ path }) => path);
const counted = files.filter((path) => /\.(wasm|[cm]?js)$/.test(path));
if (counted.filter((path) => path.endsWith('.wasm')).length !== 1) {
  throw new Error(`the package must have one wasm; it has: ${files.join(', ')}`);
}

let total = 0;
for (const path of counted) {
  const bytes = readFileSync(join(PACKAGE, path));
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  total += gzipped;
  console.log(`${String(gzipped).padStart(8)}  ${path} (${bytes.length} as it is)`);
}
console.log(`${String(total).padStart(8)}  in all; the goal is ${GOAL}, the limit ${LIMIT}`);
if (total > LIMIT) {
  console.error(`${total - LIMIT} bytes too many`);
  process.exitCode = 1;
}
