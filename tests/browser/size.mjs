// Measures the size of the npm package: its wasm and its JavaScript, each as a server
// sends it with gzip -9. The goal is printed; source maps are counted separately.
//
// An argument names the toolchain (`Toolchain::kind` in xtask/src/wasm): compilers
// differ by more than a change of ours should. With an argument, the size last recorded
// for it sets a limit; `record` after it records the current size. The panel is loaded by
// those pages alone that show it, so it is counted by itself.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const PACKAGE = fileURLToPath(new URL('../../bindings-wasm', import.meta.url));

/** The target size. */
const GOAL = 450_000;

/** The limit, as a multiple of the size last recorded with the same toolchain, so that growth is noticed. */
const MOST = 1.015;

/** The panel, and the limit of its size. */
const PANEL = 'dist/inspect.js';
const PANEL_MOST = 17_000;

const RECORD = new URL('size.json', import.meta.url);
const [built, record] = process.argv.slice(2);

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
let panel;
for (const path of counted) {
  const bytes = readFileSync(join(PACKAGE, path));
  const gzipped = gzipSync(bytes, { level: 9 }).length;
  if (path === PANEL) panel = gzipped;
  else total += gzipped;
  console.log(`${String(gzipped).padStart(8)}  ${path} (${bytes.length} as it is)`);
}
console.log(`${String(total).padStart(8)}  in all but the panel; the goal is ${GOAL}`);
if (!(panel <= PANEL_MOST)) {
  console.error(`the panel must have at most ${PANEL_MOST} bytes; it has ${panel}`);
  process.exitCode = 1;
}

// They are loaded only for debugging.
const maps = files.filter((path) => path.endsWith('.map'));
const weights = maps.map((path) => gzipSync(readFileSync(join(PACKAGE, path)), { level: 9 }).length);
console.log(`${String(weights.reduce((sum, weight) => sum + weight, 0)).padStart(8)}  beside it, source maps`);

const recorded = JSON.parse(readFileSync(RECORD, 'utf8'));
const last = recorded[built];
if (record === 'record') {
  recorded[built] = total;
  writeFileSync(RECORD, `${JSON.stringify(recorded, null, 2)}\n`);
  console.log(`recorded for ${built}`);
} else if (last === undefined) {
  console.log(`not compared: size.json has nothing for ${built ?? 'what built it, which is not said'}`);
} else {
  const limit = Math.floor(last * MOST);
  console.log(`${String(last).padStart(8)}  when it was recorded for ${built}; the limit is ${limit}`);
  if (total > limit) {
    console.error(
      `${total - limit} bytes too many; where that is meant: ` +
        `node tests/browser/size.mjs '${built}' record`,
    );
    process.exitCode = 1;
  }
}
