/** Bundles modules of the package's source, for tests that need no engine. */

import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../ts/', import.meta.url));

/** Bundles these modules into one that exports the same, as a file that other processes can import. */
export async function bundled(...modules) {
  const within = mkdtempSync(join(tmpdir(), 'ubiqlite-test-'));
  after(() => rmSync(within, { recursive: true, force: true }));
  const outfile = join(within, 'bundle.mjs');
  const contents = modules.map((name) => `export * from './${name}';`).join('\n');
  await build({
    stdin: { contents, resolveDir: SOURCE, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'warning',
  });
  return outfile;
}

/** Makes a folder that is removed after its test. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'ubiqlite-test-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
