// Firefox, driven by puppeteer-core over WebDriver BiDi.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kill } from 'node:process';

import puppeteer from 'puppeteer-core';

import { endAll, find, gone, profile, start, within } from './processes.mjs';
import { Tab } from './tab.mjs';

const PREFS = {
  // Each tab has its own process, so that one can crash alone.
  'dom.ipc.processCount.webIsolated': 16,
  'dom.ipc.processPrelaunch.enabled': false,
  // It must contact no outside servers, and open nothing on its own.
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.aboutwelcome.enabled': false,
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.sessionstore.resume_from_crash': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage': 'about:blank',
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.startup.page': 0,
  'browser.tabs.unloadOnLowMemory': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'datareporting.healthreport.uploadEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#none',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.server': 'data:,#none',
};

// System access gives the process of a tab.
const REMOTE = ['--remote-debugging-port', '0', '--remote-allow-system-access'];

export async function launchFirefox({ dir, args = [] } = {}) {
  const home = await profile(dir);
  const lines = Object.entries(PREFS).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  await writeFile(join(home.dir, 'user.js'), lines.join('\n'));
  const firefox = start(
    find('firefox-esr', 'firefox'),
    ['--headless', '--no-remote', '--profile', home.dir, ...REMOTE, ...args, 'about:blank'],
    // It keeps crash reports and caches under HOME.
    { env: { HOME: home.dir, MOZ_CRASHREPORTER_DISABLE: '1', MOZ_REMOTE_SETTINGS_DEVTOOLS: '1' } },
  );
  try {
    const [, address] = await firefox.line(/WebDriver BiDi listening on (ws:\S+)/);
    const browser = await puppeteer.connect({
      browserWSEndpoint: `${address}/session`,
      protocol: 'webDriverBiDi',
      defaultViewport: null,
      protocolTimeout: 600_000,
    });
    return {
      kind: 'firefox',
      version: await browser.version(),
      async newPage(url) {
        const tab = new FirefoxTab(await browser.newPage(), browser);
        await tab.goto(url);
        return tab;
      },
      close: () =>
        endAll(
          // It flushes its data only when it exits on its own.
          () => within(10, 'closing Firefox', browser.close()).catch(() => {}),
          firefox.end,
          home.remove,
        ),
    };
  } catch (error) {
    await endAll(firefox.end, home.remove);
    throw error;
  }
}

class FirefoxTab extends Tab {
  #browser;

  constructor(page, browser) {
    super(page);
    this.#browser = browser;
  }

  async crash() {
    const title = `to crash ${crypto.randomUUID()}`;
    await this.evaluate((it) => void (document.title = it), title);
    const process = await processOf(this.#browser, title);
    kill(process, 'SIGKILL');
    await gone(process);
    this.leave('the page crashed');
  }

  async freeze() {
    throw new Error('Firefox cannot be told to freeze a page');
  }

  async thaw() {
    throw new Error('Firefox cannot be told to freeze a page');
  }
}

/** Returns the process of the tab with this title, which the browser's own window knows. */
async function processOf(browser, title) {
  // Puppeteer has no method for the browser's own windows, but sends any command.
  const ask = async (method, params) => (await browser.connection.send(method, params)).result;
  const { contexts } = await ask('browsingContext.getTree', { 'moz:scope': 'chrome' });
  const expression = `
    gBrowser.tabs
      .filter((tab) => tab.linkedBrowser.contentTitle === ${JSON.stringify(title)})
      .map((tab) => tab.linkedBrowser.browsingContext.currentWindowGlobal.osPid)[0]`;
  const end = Date.now() + 10_000;
  while (Date.now() < end) {
    for (const { context } of contexts) {
      const { result } = await ask('script.evaluate', { target: { context }, expression, awaitPromise: false });
      if (result?.type === 'number') return result.value;
    }
    // It takes a while for the title to get from the page's process to the browser's.
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('Firefox does not tell the process of the tab');
}
