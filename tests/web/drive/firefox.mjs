// Firefox, by puppeteer-core over WebDriver BiDi.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import puppeteer from 'puppeteer-core';

import { decode, source } from './evaluate.mjs';
import { endAll, find, profile, start, within } from './processes.mjs';

const PREFS = {
  // A tab of its own process each, so that one can crash alone.
  'dom.ipc.processCount.webIsolated': 16,
  'dom.ipc.processPrelaunch.enabled': false,
  // It must ask nobody outside, and open nothing of its own.
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

export async function launchFirefox({ dir, args = [] } = {}) {
  const home = await profile(dir);
  const lines = Object.entries(PREFS).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
  );
  await writeFile(join(home.dir, 'user.js'), lines.join('\n'));
  const firefox = start(
    find('firefox-esr', 'firefox'),
    ['--headless', '--no-remote', '--profile', home.dir, '--remote-debugging-port', '0', ...args, 'about:blank'],
    // Its crash reports and caches go under HOME.
    { env: { HOME: home.dir, MOZ_CRASHREPORTER_DISABLE: '1', MOZ_REMOTE_SETTINGS_DEVTOOLS: '1' } },
  );
  try {
    const [, address] = await firefox.line(/WebDriver BiDi listening on (ws:\S+)/);
    const browser = await puppeteer.connect({
      browserWSEndpoint: `${address}/session`,
      protocol: 'webDriverBiDi',
      defaultViewport: null,
    });
    return {
      kind: 'firefox',
      version: await browser.version(),
      async newPage(url) {
        const page = new FirefoxPage(await browser.newPage());
        await page.goto(url);
        return page;
      },
      close: () =>
        endAll(
          // It flushes what it keeps only when it ends by itself.
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

class FirefoxPage {
  console = [];
  errors = [];
  #page;

  constructor(page) {
    this.#page = page;
    page.on('console', (message) => this.console.push(message.text()));
    page.on('pageerror', (error) => this.errors.push(String(error)));
  }

  async evaluate(fn, arg) {
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
    // The page answers nothing any more: its process ends at this address.
    await within(10, 'the crash', this.#page.goto('about:crashcontent')).catch(() => {});
  }

  async freeze() {
    throw new Error('Firefox cannot be told to freeze a page');
  }

  async thaw() {
    throw new Error('Firefox cannot be told to freeze a page');
  }
}
