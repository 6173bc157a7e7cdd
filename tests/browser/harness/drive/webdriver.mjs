// The small part of WebDriver that a tab needs, over HTTP.

import { within } from './processes.mjs';

export class WebDriver {
  #base;
  #session;
  // A session has one current window, so a command to a window takes two commands,
  // and nothing may come between them.
  #last = Promise.resolve();

  static async connect(base, capabilities) {
    const driver = new WebDriver(base);
    const { sessionId, capabilities: got } = await driver.#send('POST', '/session', {
      capabilities: { alwaysMatch: capabilities },
    });
    driver.#session = `/session/${sessionId}`;
    driver.version = got.browserVersion ?? 'unknown';
    return driver;
  }

  constructor(base) {
    this.#base = base;
  }

  /** Sends one command of the session. */
  command(method, path, body) {
    return this.#next(() => this.#send(method, this.#session + path, body));
  }

  /** Sends one command in the window of `handle`. */
  inWindow(handle, method, path, body) {
    return this.#next(async () => {
      await this.#send('POST', `${this.#session}/window`, { handle });
      return this.#send(method, this.#session + path, body);
    });
  }

  #next(work) {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #send(method, path, body) {
    const answered = fetch(this.#base + path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined,
    });
    const response = await within(60, `${method} ${path}`, answered);
    const { value } = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${value?.error}: ${value?.message}`);
    return value;
  }
}
