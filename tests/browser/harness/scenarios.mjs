// Runs the scenarios of tests/spec in a browser:
//
//     node tests/browser/harness/scenarios.mjs firefox [word...]
//
// Chromium and Firefox store in OPFS; WebKitGTK has no sync access handles there,
// so it runs them in memory.

import { fileURLToPath } from 'node:url';

import { launch } from './drive.mjs';
import { serve } from './serve.mjs';

const STORAGE = { chromium: 'opfs', firefox: 'opfs', webkit: 'memory' };

/** The limit for all of them, in minutes. */
const LIMIT = 10;

const [kind, ...words] = process.argv.slice(2);
if (!STORAGE[kind]) throw new Error(`name a browser: ${Object.keys(STORAGE).join(', ')}`);
const server = await serve(fileURLToPath(new URL('../../..', import.meta.url)));
const browser = await launch(kind);
try {
  const query = new URLSearchParams({ storage: STORAGE[kind], words: words.join(',') });
  if (STORAGE[kind] === 'memory') query.set('interrupts', '0');
  console.log(`${kind} ${browser.version}, storage ${STORAGE[kind]}`);
  const page = await browser.newPage(server.url(`/tests/spec/js/browser.html?${query}`));
  const report = await finished(page);
  if (report.error) throw new Error(report.error);
  if (report.failed.length > 0) throw new Error(`${report.failed.length} scenarios failed`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await browser.close();
  await server.close();
}

/** Returns the report once there is one, and prints the page's lines in the meantime. */
async function finished(page) {
  const end = Date.now() + LIMIT * 60_000;
  let seen = 0;
  for (;;) {
    const { text, report } = await page.evaluate(
      (from) => ({
        text: document.getElementById('lines').textContent.slice(from),
        report: document.getElementById('report').textContent,
      }),
      seen,
    );
    process.stdout.write(text);
    seen += text.length;
    if (report) return JSON.parse(report);
    if (Date.now() > end) {
      const told = [...page.errors, ...page.console].join('\n');
      throw new Error(`not over after ${LIMIT} minutes; the page told:\n${told}`);
    }
    await new Promise((done) => setTimeout(done, 250));
  }
}
