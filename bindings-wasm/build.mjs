// Builds what npm publishes: `node build.mjs`, after `cargo xtask build wasm`.
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
  // So that a stack shows lines of the source, where maps are read.
  sourcemap: 'linked',
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

// The panel is a file of its own, which has the package as the page has it: a page without it loads nothing of it.
await build({
  ...browser,
  entryPoints: { inspect: 'ts/inspect/index.ts' },
  plugins: [
    {
      name: 'package',
      setup({ onResolve }) {
        onResolve({ filter: /\/browser\/index\.js$/ }, () => ({ path: './browser.js', external: true }));
      },
    },
  ],
});

// A page of a Tauri app has the client in this file, and the engine in the app: no module and no worker.
await build({ ...browser, entryPoints: { tauri: 'ts/tauri/index.ts' }, external: ['@tauri-apps/api'] });

// What other libraries are used through has nothing of the rest in it, nor of them. The hook for React has no
// 'use client', about which Vite and Rollup warn: the component that calls it has one.
const adapters = ['db0', 'drizzle', 'keyv', 'kysely', 'prisma', 'react', 'unstorage'];
for (const [format, extension] of [['esm', '.mjs'], ['cjs', '.cjs']]) {
  await build({
    ...common, platform: 'neutral', format, packages: 'external', outExtension: { '.js': extension },
    entryPoints: Object.fromEntries(adapters.map((name) => [name, `ts/${name}/index.ts`])),
  });
}

const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
// The native library is to be of the same one.
const define = { UBIQLITE_VERSION: JSON.stringify(version) };
const node = { ...common, platform: 'node', target: 'node20', define };

/**
 * Builds a script for Node, on lines: Node prints the one in which an error was thrown
 * that nobody catches, which is not to be all of the package. It is minified before, so
 * that no comments are left. (`lineLimit` breaks lines within texts, which Rollup indents.)
 */
async function buildLines(options) {
  const [entry] = Object.keys(options.entryPoints);
  const { outputFiles } = await build({ ...node, ...options, sourcemap: 'inline', write: false });
  const draft = join(dist, `${entry}.draft.${options.format === 'cjs' ? 'cjs' : 'mjs'}`);
  writeFileSync(draft, outputFiles[0].contents);
  const { outExtension } = options;
  await build({
    ...node, bundle: false, minify: false, minifySyntax: true, outExtension, entryPoints: { [entry]: draft }, format: options.format,
  });
  rmSync(draft);
}

/**
 * Node's own modules as Node gives them, where it does: in a program that is bundled
 * into one ES module there is no `require`.
 */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path, namespace }) => {
      return namespace === 'builtin' ? { path, external: true } : { path, namespace: 'builtin' };
    });
    onLoad({ filter: /^node:/, namespace: 'builtin' }, ({ path }) => {
      const name = JSON.stringify(path);
      return { contents: `module.exports = process.getBuiltinModule?.(${name}) ?? require(${name});`, loader: 'js' };
    });
  },
};
await buildLines({
  format: 'esm',
  entryPoints: { 'node-worker': 'ts/node/worker.ts' },
  outExtension: { '.js': '.mjs' },
});
await buildLines({
  format: 'cjs',
  entryPoints: { node: 'ts/node/index.ts' },
  outExtension: { '.js': '.cjs' },
  inject: ['ts/node/scope.ts'],
  plugins: [builtins],
});
await buildLines({
  format: 'cjs',
  entryPoints: { cli: 'ts/node/cli.ts' },
  outExtension: { '.js': '.cjs' },
});
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
for (const entry of ['node', ...adapters]) writeFileSync(join(dist, 'types', entry, 'index.d.cts'), "export * from './index.js';\n");
