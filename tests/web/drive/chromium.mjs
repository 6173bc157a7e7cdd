// Chromium, by playwright-core over the DevTools protocol.

import { chromium } from 'playwright-core';

import { decode, source } from './evaluate.mjs';
import { endAll, find, profile, within } from './processes.mjs';

const ARGS = [
  // It runs as root where tests usually run, and there it has no sandbox.
  '--no-sandbox',
  '--disable-gpu',
  // It must ask nobody outside.
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Each tab in a process of its own, so that one can crash alone.
  '--process-per-tab',
  // A container's /dev/shm is often too small.
  '--disable-dev-shm-usage',
];

export async function launchChromium({ dir, args = [] } = {}) {
  const home = await profile(dir);
  let context;
  try {
    context = await chromium.launchPersistentContext(home.dir, {
      executablePath: find('chromium', 'chromium-browser', 'google-chrome'),
      args: [...ARGS, ...args],
      headless: true,
    });
  } catch (error) {
    await home.remove();
    throw error;
  }
  // It begins with a blank tab, which nobody asked for.
  const blank = context.pages()[0];
  return {
    kind: 'chromium',
    version: context.browser()?.version() ?? 'unknown',
    async newPage(url) {
      const page = await ChromiumPage.open(context);
      await page.goto(url);
      await blank?.close().catch(() => {});
      return page;
    },
    close: () => endAll(() => context.close(), home.remove),
  };
}

class ChromiumPage {
  console = [];
  errors = [];
  #page;
  #devtools;

  static async open(context) {
    const page = await context.newPage();
    return new ChromiumPage(page, await context.newCDPSession(page));
  }

  constructor(page, devtools) {
    this.#page = page;
    this.#devtools = devtools;
    page.on('console', (message) => this.console.push(message.text()));
    page.on('pageerror', (error) => this.errors.push(String(error)));
  }

  async evaluate(fn, arg) {
    // As source and not as a function: playwright would rewrite what it cannot send.
    return decode(await this.#page.evaluate(`(() => {${source(fn, arg)}})()`));
  }

  async goto(url) {
    await this.#page.goto(url, { waitUntil: 'load' });
  }

  async reload() {
    await this.#page.reload({ waitUntil: 'load' });
  }

  async close() {
    await this.#page.close({ runBeforeUnload: false });
  }

  async crash() {
    const crashed = this.#page.waitForEvent('crash', { timeout: 10_000 });
    // It answers nothing: who would answer is gone.
    this.#devtools.send('Page.crash').catch(() => {});
    await crashed;
  }

  async freeze() {
    await within(10, 'freezing', this.#devtools.send('Page.setWebLifecycleState', { state: 'frozen' }));
  }

  async thaw() {
    await within(10, 'thawing', this.#devtools.send('Page.setWebLifecycleState', { state: 'active' }));
  }
}
