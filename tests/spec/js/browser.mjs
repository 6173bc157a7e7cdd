/**
 * Runs the scenarios in a browser, as the script of `browser.html`. The query string may have
 *
 *     storage=memory           instead of opfs
 *     package=/path/to.js      instead of /bindings-wasm/dist/browser.js
 *     words=transfer,cancel    to run those with one of the words
 *
 * At the end `#report` holds the report as JSON (`failed` is empty if all scenarios passed;
 * `error` is set if the page could not even begin), `globalThis.specReport` holds the same
 * as an object, and the title says `done`.
 */

import { SUBJECTS, assemble } from './scenarios.mjs';
import { choose, runAll } from './runner.mjs';

const query = new URLSearchParams(location.search);
const storage = query.get('storage') ?? 'opfs';
const words = (query.get('words') ?? '').split(',').filter((word) => word !== '');

/** Keeps two pages apart that run the scenarios at once. */
const RUN = Math.random().toString(36).slice(2, 8);
let places = 0;

async function json(name) {
  const url = new URL(`../${name}.json`, import.meta.url);
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} responds with ${answer.status}`);
  return answer.json();
}

async function scenarios() {
  const files = await Promise.all(SUBJECTS.map(async (name) => [name, await json(name)]));
  return assemble(new Map(files), await json('fixtures'));
}

/** Returns a place with its own file names for each scenario. */
function place(api) {
  places += 1;
  const prefix = `spec-${RUN}-${places}-`;
  const used = new Set();
  return {
    locate(path) {
      used.add(prefix + path);
      return prefix + path;
    },
    nameOf: (path) => path.replace(prefix, ''),
    async end() {
      // Refused names, and memory, leave nothing to remove.
      if (storage === 'opfs') await Promise.allSettled([...used].map((name) => api.remove(name)));
    },
  };
}

function watch(told) {
  const listener = (event) => {
    event.preventDefault();
    told(event.reason);
  };
  addEventListener('unhandledrejection', listener);
  return () => removeEventListener('unhandledrejection', listener);
}

function print(line) {
  document.getElementById('lines').append(`${line}\n`);
}

function finish(report) {
  globalThis.specReport = report;
  document.getElementById('report').textContent = JSON.stringify(report);
  document.title = `The scenarios: done, ${report.error ?? `${report.failed.length} failed`}`;
}

async function main() {
  const api = await import(query.get('package') ?? '/bindings-wasm/dist/browser.js');
  const lacks = new Map([['files', 'a browser has no file system with real paths']]);
  if (query.get('interrupts') === '0') {
    lacks.set('interrupts', 'a running call is stopped by a file of OPFS, which this browser has not');
  }
  return runAll(choose(await scenarios(), words), {
    api, options: { storage }, lacks, place: async () => place(api), print, watch,
  });
}

main().then(finish, (error) => finish({ error: `${error?.stack ?? error}`, failed: [] }));
