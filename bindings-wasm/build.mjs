// Builds what npm publishes: `node build.mjs`, after `cargo xtask build wasm`.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');
const wasm = join(dist, 'wasm/ubiqlite_wasm_bg.wasm');

if (!existsSync(wasm)) {
  console.error('dist/wasm is missing: run `cargo xtask build wasm` first');
  process.exit(1);
}
// The module stays: it is what the next build is compared with.
for (const name of readdirSync(dist)) if (name !== 'wasm') rmSync(join(dist, name), { recursive: true });
copyFileSync(wasm, join(dist, 'ubiqlite.wasm'));

const common = {
  absWorkingDir: here,
  outdir: 'dist',
  bundle: true,
  minify: true,
  target: 'es2022',
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
};

/** Addresses beside the bundle, which bundlers find only when they are written just so. */
const browser = { ...common, platform: 'browser', format: 'esm' };
await build({
  ...browser,
  entryPoints: { browser: 'ts/browser/index.ts', worker: 'ts/browser/worker.ts', hub: 'ts/browser/hub.ts' },
  // The glue's own address of the wasm, which is never used: the page says where it is.
  define: { 'globalThis.UBIQLITE': 'undefined' },
});

const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
// The native library is to be of the same one.
const define = { UBIQLITE_VERSION: JSON.stringify(version) };
const node = { ...common, platform: 'node', target: 'node20', define };
await build({
  ...node,
  format: 'esm',
  entryPoints: { 'node-worker': 'ts/node/worker.ts' },
  outExtension: { '.js': '.mjs' },
});
await build({ ...node, format: 'cjs', entryPoints: { node: 'ts/node/index.ts' }, outExtension: { '.js': '.cjs' } });
// One copy of the code for both kinds of modules, so that a program which has both
// has each database open once.
const names = Object.keys(createRequire(import.meta.url)('./dist/node.cjs')).sort();
writeFileSync(
  join(dist, 'node.mjs'),
  `import node from './node.cjs';\nexport const { ${names.join(', ')} } = node;\n`,
);

const types = spawnSync(
  process.execPath,
  [join(here, 'node_modules/typescript/bin/tsc'), '--emitDeclarationOnly', '--outDir', join(dist, 'types')],
  { cwd: here, stdio: 'inherit' },
);
if (types.status !== 0) process.exit(types.status ?? 1);
// Declarations of a CommonJS module are the same, under another extension.
mkdirSync(join(dist, 'types/node'), { recursive: true });
writeFileSync(join(dist, 'types/node/index.d.cts'), "export * from './index.js';\n");
