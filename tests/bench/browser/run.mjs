// node run.mjs SUBJECT WORK PROFILE [--quick] [--browser chromium|firefox]
//
// Does one work with one subject in a browser of its own, whose storage is in the
// folder PROFILE, and prints the figure: {"work":..,"unit":..,"value":..}

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import puppeteer from 'puppeteer-core';

import { serve } from './serve.mjs';

// Storage belongs to an origin: the port is part of it.
const PORT = 47_931;
const LOADS = 5;
const LIMIT = 180_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, browser: { type: 'string', default: 'chromium' } },
});
const [subject, work, profile] = positionals;

mkdirSync(profile, { recursive: true });
const folder = fileURLToPath(new URL('../../../target/bench/browser/', import.meta.url));
const server = await serve(folder, PORT, subject === 'sqlocal');
const browser = await launch(values.browser);
try {
  const { unit, value } = work === 'open' ? await reloads() : await load();
  console.log(JSON.stringify({ work, unit, value }));
} finally {
  await browser.close();
  server.close();
  server.closeAllConnections();
}

/** Does the work in a new page. */
async function load() {
  const page = await browser.newPage();
  page.on('console', (message) => console.error(message.text()));
  page.on('pageerror', (error) => console.error(error));
  page.setDefaultTimeout(LIMIT);
  await page.goto(`http://localhost:${PORT}/`);
  await page.waitForFunction('globalThis.work !== undefined');
  const figure = await page.evaluate(
    (subject, work, quick) => globalThis.work(subject, work, { quick }),
    subject, work, values.quick,
  );
  await page.close();
  return figure;
}

/** The work of a page that has been loaded before: the middle one of some loads. */
async function reloads() {
  await load();
  const figures = [];
  for (let done = 0; done < LOADS; done += 1) figures.push(await load());
  return figures.sort((a, b) => a.value - b.value)[(LOADS - 1) / 2];
}

function launch(name) {
  if (name === 'firefox') {
    return puppeteer.launch({
      browser: 'firefox', executablePath: process.env.BROWSER ?? '/usr/bin/firefox', userDataDir: profile,
      headless: true, protocolTimeout: LIMIT, env: { ...process.env, HOME: profile },
    });
  }
  return puppeteer.launch({
    browser: 'chrome', executablePath: process.env.BROWSER ?? '/usr/bin/chromium', userDataDir: profile,
    headless: true, protocolTimeout: LIMIT,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}
