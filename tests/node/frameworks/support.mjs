/**
 * Programs with user interfaces, bundled as an application's bundler would, on a page of jsdom in this process; the
 * database is the package's in Node.
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';
import { JSDOM } from 'jsdom';

import { PACKAGE, pause, ubiqlite } from '../support.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** How long anything may take on a busy machine, in ms. */
const LIMIT = 30_000;

// The libraries look for their page among the globals.
const { window } = new JSDOM('<!doctype html><title>test</title><body></body>');
for (const name of Object.getOwnPropertyNames(window)) {
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { get: () => window[name], configurable: true });
}
Object.defineProperty(globalThis, 'navigator', { value: window.navigator, configurable: true });

/** Makes a container on the page, which is removed after the test. */
export function container(t) {
  const element = window.document.createElement('div');
  window.document.body.append(element);
  t.after(() => element.remove());
  return element;
}

/**
 * Bundles a module with the libraries that it imports, and imports that.
 *
 * @param {string} contents an ES module
 * @param {{ alias?: object, plugins?: object[] }} [how] other names of packages; what compiles other languages
 */
export async function bundled(contents, { alias = {}, plugins = [] } = {}) {
  mkdirSync(join(HERE, '.work'), { recursive: true });
  const folder = mkdtempSync(join(HERE, '.work/bundle-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'bundle.mjs');
  await build({
    absWorkingDir: HERE,
    stdin: { contents, resolveDir: HERE, loader: 'jsx' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'node20',
    jsx: 'automatic',
    // As an application has it, with the one copy of React of the application's.
    alias: { 'ubiqlite/react': join(dirname(PACKAGE), 'react.mjs'), react: './node_modules/react', ...alias },
    define: { 'process.env.NODE_ENV': '"development"', __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
    plugins,
    logLevel: 'warning',
  });
  return import(pathToFileURL(outfile).href);
}

/** Compiles files with this end by a function from their name and text to JavaScript. */
export function compiled(end, compile) {
  return {
    name: end,
    setup({ onLoad }) {
      const filter = new RegExp(`${end.replaceAll('.', '\\.')}$`);
      onLoad({ filter }, ({ path }) => ({ contents: compile(basename(path), readFileSync(path, 'utf8')), loader: 'js' }));
    },
  };
}

/** Waits until the condition holds, and returns what it returned. */
export async function until(condition, what = String(condition)) {
  const last = performance.now() + LIMIT;
  for (;;) {
    const holds = condition();
    if (holds) return holds;
    if (performance.now() > last) throw new Error(`not within ${LIMIT} ms: ${what}`);
    await pause(2);
  }
}

/** Waits until the element shows this text. */
export async function shows(element, text) {
  await until(() => element.textContent === text, text).catch((error) => {
    throw new Error(`it shows ${JSON.stringify(element.textContent)}`, { cause: error });
  });
}

/** Counts the watches that are begun and those that have not ended, until the test ends. */
export function watches(t) {
  const { subscribe } = ubiqlite.Watch.prototype;
  const counts = { begun: 0, running: 0 };
  ubiqlite.Watch.prototype.subscribe = function (update, failed) {
    counts.begun += 1;
    counts.running += 1;
    let over = false;
    const ends = () => {
      if (!over) counts.running -= 1;
      over = true;
    };
    const stop = subscribe.call(this, update, (error) => {
      ends();
      failed(error);
    });
    return () => {
      ends();
      stop();
    };
  };
  t.after(() => {
    ubiqlite.Watch.prototype.subscribe = subscribe;
  });
  return counts;
}

/** What a library complains about on the console; the test fails for it. */
export function complaints(t) {
  const said = [];
  const { error, warn } = console;
  console.error = console.warn = (...args) => said.push(args.map(String).join(' '));
  t.after(() => {
    Object.assign(console, { error, warn });
    if (said.length > 0) throw new Error(said.join('\n'));
  });
  return said;
}
