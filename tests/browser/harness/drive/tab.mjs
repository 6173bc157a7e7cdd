// A tab driven by puppeteer: what Chromium and Firefox have in common.

import { decode, source } from './evaluate.mjs';
import { within } from './processes.mjs';

/** Seconds that a tab may take to load, and to close. */
const LOAD = 60;
const CLOSE = 10;

export class Tab {
  console = [];
  errors = [];
  page;
  #gone;
  #leave;

  constructor(page) {
    this.page = page;
    page.on('console', (message) => this.console.push(message.text()));
    page.on('pageerror', (error) => this.errors.push(String(error?.message ?? error)));
    this.#gone = new Promise((_, leave) => (this.#leave = leave));
    this.#gone.catch(() => {});
  }

  async evaluate(fn, arg) {
    return decode(await this.#here(this.page.evaluate(`(() => {${source(fn, arg)}})()`)));
  }

  goto(url) {
    return this.#loaded(this.page.goto(url, { waitUntil: 'load', timeout: LOAD * 1000 }));
  }

  reload() {
    return this.#loaded(this.page.reload({ waitUntil: 'load', timeout: LOAD * 1000 }));
  }

  async close() {
    this.leave('the page was closed');
    await within(CLOSE, 'closing a page', this.page.close({ runBeforeUnload: false }));
  }

  /** Ends all waits for the page, now and later. */
  leave(reason) {
    this.#leave(new Error(reason));
  }

  async #loaded(loading) {
    await this.#here(loading);
  }

  // Neither driver reports reliably that the page that a call waits for is gone.
  #here(answer) {
    answer.catch(() => {});
    return Promise.race([this.#gone, answer]);
  }
}
