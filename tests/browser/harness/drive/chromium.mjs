// Chromium, driven by puppeteer over the DevTools protocol. (Playwright keeps every page
// visible, and a visible page cannot be frozen.)

import puppeteer from 'puppeteer-core';

import { endAll, find, profile, within } from './processes.mjs';
import { Tab } from './tab.mjs';

const ARGS = [
  // Tests usually run as root, where it has no sandbox.
  '--no-sandbox',
  '--disable-gpu',
  // It must contact no outside servers.
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Each tab has its own process, so that one can crash alone.
  '--process-per-tab',
  // A container's /dev/shm is often too small.
  '--disable-dev-shm-usage',
];

/** Milliseconds that a call may take: the longest tests are a single call. */
const PROTOCOL = 600_000;

export async function launchChromium({ dir, args = [] } = {}) {
  const home = await profile(dir);
  let browser;
  try {
    browser = await puppeteer.launch({
      executablePath: find('chromium', 'chromium-browser', 'google-chrome'),
      args: [...ARGS, ...args],
      userDataDir: home.dir,
      headless: true,
      defaultViewport: null,
      protocolTimeout: PROTOCOL,
      // The browser ends when the pipe does, and so when this process does.
      pipe: true,
    });
    const [blank] = await browser.pages();
    return {
      kind: 'chromium',
      version: await browser.version(),
      async newPage(url) {
        const page = await browser.newPage();
        const tab = new ChromiumTab(page, blank, await page.createCDPSession());
        await tab.goto(url);
        return tab;
      },
      close: () => endAll(() => within(20, 'closing Chromium', browser.close()), home.remove),
    };
  } catch (error) {
    await endAll(() => browser?.close(), home.remove);
    throw error;
  }
}

class ChromiumTab extends Tab {
  #blank;
  #devtools;

  constructor(page, blank, devtools) {
    super(page);
    this.#blank = blank;
    this.#devtools = devtools;
  }

  async crash() {
    const crashed = new Promise((done) => this.#devtools.once('Inspector.targetCrashed', done));
    await this.#devtools.send('Inspector.enable');
    // It never returns: the page that would reply is gone.
    this.#devtools.send('Page.crash').catch(() => {});
    await within(10, 'the crash', crashed);
    this.leave('the page crashed');
  }

  async freeze() {
    // Only a hidden page can be frozen.
    await this.#blank.bringToFront();
    await this.#state('frozen');
  }

  async thaw() {
    await this.#state('active');
  }

  async quota(bytes) {
    const { origin } = new URL(this.page.url());
    await this.#devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: bytes });
  }

  #state(state) {
    return within(10, `making a page ${state}`, this.#devtools.send('Page.setWebLifecycleState', { state }));
  }
}
