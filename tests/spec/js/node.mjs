/**
 * Runs the scenarios in Node:
 *
 *     node tests/spec/js/node.mjs                      all of them
 *     node tests/spec/js/node.mjs transfer cancel      those with one of the words
 *     node tests/spec/js/node.mjs --package=PATH       on the package at that path
 */

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { SUBJECTS, assemble } from './scenarios.mjs';
import { choose, runAll } from './runner.mjs';
import { contentOfFile } from './world.mjs';

const SPEC = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = fileURLToPath(new URL('../../../bindings-wasm/dist/node.mjs', import.meta.url));

/** Reads all files. */
export async function scenarios() {
  const found = (await readdir(SPEC)).filter((name) => name.endsWith('.json') && name !== 'fixtures.json');
  const subjects = found.map((name) => name.slice(0, -'.json'.length)).sort();
  if (JSON.stringify(subjects) !== JSON.stringify(SUBJECTS)) {
    throw new Error(`scenarios.mjs lists other subjects than there are files: ${subjects}`);
  }
  const json = async (name) => JSON.parse(await readFile(join(SPEC, `${name}.json`), 'utf8'));
  const files = await Promise.all(SUBJECTS.map(async (name) => [name, await json(name)]));
  return assemble(new Map(files), await json('fixtures'));
}

/** Imports the package at a path. */
export async function load(path) {
  const file = path ? resolve(path) : PACKAGE;
  if (!existsSync(file)) throw new Error(`there is no package at ${file}: build it, or give --package=PATH`);
  return import(pathToFileURL(file).href);
}

/** @returns {import('./runner.mjs').Environment} what is lacking depends on the engine */
export function environment(api, print = console.log) {
  const lacks = process.env.UBIQLITE_ENGINE === 'wasm' ? [['recovery', 'only native engines recover a damaged file']] : [];
  return { api, options: {}, lacks: new Map(lacks), place: directory, print, watch };
}

/** Makes a separate directory. */
async function directory() {
  const root = await mkdtemp(join(tmpdir(), 'ubiqlite-spec-'));
  // Not `join`, which would turn `a/../b` into another path.
  const locate = (path) => `${root}/${path}`;
  return {
    locate,
    nameOf: (path) => path.slice(path.lastIndexOf('/') + 1),
    async make(file, step) {
      if (step.directory === true) return mkdir(locate(file));
      await writeFile(locate(file), await contentOfFile(step, (name) => readFile(locate(name))));
    },
    // A scenario that failed may leave a database whose engine is still making its files.
    end: () => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }),
  };
}

function watch(told) {
  process.on('unhandledRejection', told);
  return () => process.off('unhandledRejection', told);
}

async function main(args) {
  const packages = args.filter((arg) => arg.startsWith('--package='));
  const words = args.filter((arg) => !arg.startsWith('-'));
  const unknown = args.find((arg) => arg.startsWith('-') && !packages.includes(arg));
  if (unknown) throw new Error(`${unknown} is no option`);
  const api = await load(packages[0]?.slice('--package='.length));
  const { failed } = await runAll(choose(await scenarios(), words), environment(api));
  process.exitCode = failed.length === 0 ? 0 : 1;
  // The process must exit on its own now: nothing is open any more.
  setTimeout(() => {
    console.log('FAILED  the package keeps the process alive after everything was closed');
    process.exit(1);
  }, 5000).unref();
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  await main(process.argv.slice(2)).catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
