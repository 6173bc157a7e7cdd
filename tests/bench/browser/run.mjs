// node run.mjs SUBJECT WORK PROFILE [--quick] [--browser chromium|firefox]
//
// Runs one work with one subject in a separate browser, whose storage is in the folder
// PROFILE, and prints the figure: {"work":..,"unit":..,"value":..}

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { launch } from '../../browser/harness/drive.mjs';
import { serve } from '../../browser/harness/serve.mjs';

const PORT = 47_931;
/** How often the page is loaded for `open`, after the first time. */
const LOADS = 5;
/**
 * How long the first page stays open, in milliseconds: Chromium keeps a page's compiled
 * wasm for the next page if nothing was compiled for 2 s.
 */
const STAY = 4_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    browser: { type: 'string', default: 'chromium' },
  },
});
const [subject, work, profile] = positionals;
const site = fileURLToPath(new URL('../../../target/bench/browser/', import.meta.url));

const server = await serve(site, {
  port: PORT,
  // sqlocal's instructions require it; no other subject needs it. Clocks are exact with it.
  isolated: subject === 'sqlocal' || work.startsWith('live_'),
  // As a real server does for files whose names change with their content.
  headers: { 'cache-control': 'public, max-age=31536000, immutable' },
  routes: {
    '/': (request, response) => {
      response.writeHead(200, { 'content-type': 'text/html', 'cache-control': 'no-cache' });
      response.end(readFileSync(`${site}/index.html`));
    },
  },
});
try {
  const browser = await launch(values.browser, { dir: profile });
  try {
    for (const figure of await figures(browser)) console.log(JSON.stringify(figure));
  } finally {
    await browser.close();
  }
} finally {
  await server.close();
}

async function figures(browser) {
  if (work.startsWith('live_')) return live(browser, work === 'live_tab');
  return [{ work, ...(work === 'open' ? await reloads(browser) : await load(browser)) }];
}

/**
 * Measures from the return of a write's call to the result of it that a live query has, in the page
 * that writes or in another one, and the same from before the call. Both are told by messages, so
 * the result may come before the return.
 */
async function live(browser, elsewhere) {
  const pages = [await browser.newPage(server.url('/'))];
  if (elsewhere) pages.push(await browser.newPage(server.url('/')));
  const writer = pages[0];
  const watcher = pages.at(-1);
  const ask = (page, name, ...args) =>
    page.evaluate(
      async ({ name, args }) => {
        while (!globalThis.live) await new Promise((done) => setTimeout(done, 10));
        return globalThis.live[name](...args);
      },
      { name, args },
    );
  for (const page of pages) await ask(page, 'open', subject);
  await ask(writer, 'prepare');
  await ask(watcher, 'watch');
  const commits = values.quick ? 50 : 300;
  const late = [];
  const whole = [];
  for (let n = 1; n <= commits; n += 1) {
    const [seen, written] = await Promise.all([ask(watcher, 'seen', n), ask(writer, 'write', n)]);
    late.push((seen - written.after) * 1_000);
    whole.push((seen - written.before) * 1_000);
  }
  const figure = (name, times, part) => ({
    work: `${work}_${name}`,
    unit: 'us',
    value: times.sort((a, b) => a - b)[Math.floor((times.length - 1) * part)],
  });
  return [
    figure('p50', late, 0.5),
    figure('p99', late, 0.99),
    figure('whole_p50', whole, 0.5),
    figure('whole_p99', whole, 0.99),
  ];
}

/** Runs the work in a new page. */
async function load(browser, stay = 0) {
  const page = await browser.newPage(server.url('/'));
  try {
    return await page.evaluate(
      async ({ subject, work, ...options }) => {
        while (!globalThis.work) await new Promise((done) => setTimeout(done, 10));
        return globalThis.work(subject, work, options);
      },
      { subject, work, quick: values.quick, stay },
    );
  } finally {
    if (page.errors.length > 0) console.error(page.errors.join('\n'));
    await page.close();
  }
}

/** Runs the work of a page that was loaded before: returns the median of `LOADS` loads. */
async function reloads(browser) {
  await load(browser, STAY);
  const figures = [];
  for (let done = 0; done < LOADS; done += 1) figures.push(await load(browser));
  return figures.sort((a, b) => a.value - b.value)[(LOADS - 1) / 2];
}
