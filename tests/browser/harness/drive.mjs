// One way to drive three browsers.
//
//     const browser = await launch('firefox');
//     const page = await browser.newPage(server.url('/'));
//     const sum = await page.evaluate(async ({ a, b }) => a + b, { a: 1, b: 2 });
//     await browser.close();
//
// Each browser has its own profile, and its pages are tabs of that profile: they share
// an origin's storage, locks and shared workers. A browser ends with `close()`, and with
// this process, however that ends.

import { launchChromium } from './drive/chromium.mjs';
import { launchFirefox } from './drive/firefox.mjs';
import { launchWebkit } from './drive/webkit.mjs';

const LAUNCHERS = { chromium: launchChromium, firefox: launchFirefox, webkit: launchWebkit };

/** The browsers by name. */
export const BROWSERS = Object.keys(LAUNCHERS);

/**
 * Starts a browser.
 *
 * @param {'chromium' | 'firefox' | 'webkit'} kind
 * @param {object} [options]
 * @param {string} [options.dir] the profile, which is kept; without it a new one
 *   is made and removed. To restart a browser, a test starts it twice on one
 *   folder.
 * @param {string[]} [options.args] more arguments for Chromium or Firefox
 * @returns {Promise<import('./drive/types.d.ts').Browser>}
 */
export async function launch(kind, options = {}) {
  const launcher = LAUNCHERS[kind];
  if (!launcher) throw new Error(`no browser ${kind}: there are ${BROWSERS.join(', ')}`);
  return launcher(options);
}
