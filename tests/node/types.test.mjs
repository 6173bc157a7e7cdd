/** The types that the package publishes, as a strict compiler sees them in a project that uses it. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { PACKAGE, folder } from './support.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MODULES = join(ROOT, 'bindings-wasm/node_modules');
const COMPILER = join(MODULES, 'typescript/bin/tsc');
const skip = existsSync(COMPILER) ? false : 'TypeScript is not installed in bindings-wasm: the types were NOT tested';

/** Compiles files in a project that has the package as a dependency; returns the errors. */
async function errors(t, files, options = {}) {
  const project = folder(t);
  for (const scope of ['@prisma', '@types']) mkdirSync(join(project, 'node_modules', scope), { recursive: true });
  symlinkSync(dirname(dirname(PACKAGE)), join(project, 'node_modules/ubiqlite'));
  for (const name of ['@prisma/debug', '@prisma/driver-adapter-utils', '@standard-schema', '@tanstack', '@tauri-apps', '@types/node', 'db0', 'drizzle-orm', 'keyv', 'kysely', 'undici-types', 'unstorage']) symlinkSync(join(MODULES, name), join(project, 'node_modules', name));
  // So that the files find the package in the project, not one next to their originals.
  files.forEach(({ from, to }) => symlinkSync(from, join(project, to)));
  const config = {
    compilerOptions: {
      strict: true, noEmit: true, target: 'es2022', module: 'nodenext', preserveSymlinks: true,
      lib: ['es2023', 'esnext.disposable', 'dom', 'dom.asynciterable'], types: [],
      // The package's own declarations are under test.
      skipLibCheck: false, ...options,
    },
    files: files.map(({ to }) => to),
  };
  writeFileSync(join(project, 'package.json'), '{"type": "module"}');
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  return promisify(execFile)(process.execPath, [COMPILER, '-p', project], { cwd: project }).then(() => '', ({ stdout }) => ours(stdout));
}

/** Leaves out errors within the declarations of other packages, some of which refer to each of their drivers' libraries. */
function ours(output) {
  return output.split(/\n(?=\S)/).filter((error) => !/^node_modules\/(?!ubiqlite\/dist\/)/.test(error)).join('\n').trim();
}

const USAGES = ['usage.ts', 'react.ts', 'kysely.ts', 'drizzle.ts', 'prisma.ts', 'tanstack.ts', 'inspect.ts', 'stores.ts', 'tauri.ts'].map((to) => ({ from: fileURLToPath(new URL(`types/${to}`, import.meta.url)), to }));

test('a strict compiler takes what is right and refuses what is wrong', { skip, timeout: 120_000 }, async (t) => {
  assert.equal(await errors(t, USAGES), '');
});

test('the same with the exactest settings', { skip, timeout: 120_000 }, async (t) => {
  assert.equal(await errors(t, USAGES, { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }), '');
});

test('the quickstart is typed', { skip, timeout: 120_000 }, async (t) => {
  const example = join(ROOT, 'examples/node/quickstart');
  const files = readdirSync(example).map((name) => ({ from: join(example, name), to: name }));
  assert.equal(await errors(t, files, { allowJs: true, checkJs: true, types: ['node'] }), '');
});
