// Helpers that the tests of the browser package share: the package and a page under one
// origin, tabs, and bounded waits.

import { fileURLToPath } from 'node:url';

import { launch } from './harness/drive.mjs';
import { serve } from './harness/serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The browsers that can store databases, or those of them that `BROWSERS` lists, separated by commas. */
export const KEEPING = (process.env.BROWSERS ?? 'chromium,firefox').split(',');

/** The ways in which a tab reaches the engine of another. */
export const WAYS = { 'through the hub': '/', 'by BroadcastChannel': '/nohub.html' };

/** The ways in which a leading tab goes away, and how it comes back. */
export const ENDS = {
  closed: (page) => page.close(),
  crashed: (page) => page.crash(),
  reloaded: (page) => page.reload(),
};

/** How many milliseconds a step may take that waits for another tab. */
export const LIMIT = 30_000;

/** Serves the built package and the test's page. */
export function site(options) {
  return serve({ '/': here('site'), '/pkg/': here('../../bindings-wasm/dist') }, options);
}

/** Runs `body` with a fresh browser and a server, which both end with it. */
export async function inBrowser(kind, body, options) {
  const server = await site(options);
  const browser = await launch(kind, options?.launch);
  try {
    await body({
      browser,
      server,
      /** Opens a tab with the package loaded. */
      tab: async (path = '/') => loaded(await browser.newPage(server.url(path))),
    });
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Waits until a tab's page has loaded the package. */
export async function loaded(page) {
  await within(20_000, 'the page loads', page.evaluate(async () => {
    while (!window.ready) await new Promise((resolve) => setTimeout(resolve, 5));
  }));
  return page;
}

/** Opens the database in a tab, and returns how many milliseconds that took. */
export const start = (page, name = 'app.db', options = {}) =>
  within(20_000, 'the database opens', page.evaluate((it) => window.start(it.name, it.options), { name, options }));

/** Returns one value from the tab's database. */
export const value = (page, sql, params = []) =>
  within(20_000, sql, page.evaluate((it) => window.db.queryValue(it.sql, it.params), { sql, params }));

/** Runs a statement on the tab's database. */
export const run = (page, sql, params = []) =>
  within(20_000, sql, page.evaluate(async (it) => void (await window.db.execute(it.sql, it.params)), { sql, params }));

/**
 * Runs a statement that may run twice. One that meets a change of leaders has an unknown outcome,
 * and is repeated.
 */
export const runAgain = (page, sql, params = []) =>
  within(20_000, sql, page.evaluate(async (it) => {
    for (;;) {
      try {
        return void (await window.db.execute(it.sql, it.params));
      } catch (error) {
        if (error.kind !== 'OutcomeUnknown') throw error;
      }
    }
  }, { sql, params }));

/** Returns once the tab, which writes endlessly, has written this many rows more. */
export const written = (writer, count) =>
  within(LIMIT, `${count} more are written`, writer.evaluate(async (more) => {
    const last = window.acknowledged.length + more;
    while (window.acknowledged.length < last) await new Promise((resolve) => setTimeout(resolve, 1));
  }, count));

/** Returns what `promise` settles to, or an error that says what did not happen in time. */
export function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns the `p` quantile of `values`. */
export function quantile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)] ?? 0;
}

/** Returns pseudo-random numbers: the same seed gives the same test. */
export function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
