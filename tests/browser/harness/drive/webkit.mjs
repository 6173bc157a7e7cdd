// WebKitGTK: MiniBrowser driven by WebKitWebDriver, on its own screen.

import { createServer } from 'node:net';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { decode, source } from './evaluate.mjs';
import { endAll, find, profile, start, within } from './processes.mjs';
import { WebDriver } from './webdriver.mjs';

export async function launchWebkit({ dir } = {}) {
  const home = await profile(dir);
  const ends = [home.remove];
  const undo = () => endAll(...ends.toReversed());
  try {
    const screen = start(find('Xvfb'), ['-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp']);
    ends.push(screen.end);
    const [, display] = await screen.line(/^(\d+)$/);

    const port = await freePort();
    const server = start(find('WebKitWebDriver'), [`--port=${port}`], {
      env: {
        DISPLAY: `:${display}`,
        GDK_BACKEND: 'x11',
        HOME: home.dir,
        XDG_CACHE_HOME: join(home.dir, 'cache'),
        XDG_CONFIG_HOME: join(home.dir, 'config'),
        XDG_DATA_HOME: join(home.dir, 'data'),
        // There is neither a graphics card nor a desktop bus.
        LIBGL_ALWAYS_SOFTWARE: '1',
        WEBKIT_DISABLE_DMABUF_RENDERER: '1',
        NO_AT_BRIDGE: '1',
      },
    });
    ends.push(server.end);
    const base = `http://127.0.0.1:${port}`;
    await answering(base);
    const driver = await within(60, 'starting MiniBrowser', WebDriver.connect(base, {
      browserName: 'MiniBrowser',
      'webkitgtk:browserOptions': { binary: miniBrowser(), args: ['--automation'] },
    }));
    ends.push(() => within(10, 'closing MiniBrowser', driver.command('DELETE', '')).catch(() => {}));
    await driver.command('POST', '/timeouts', { script: 300_000, pageLoad: 60_000 });
    return {
      kind: 'webkit',
      version: driver.version,
      async newPage(url) {
        const { handle } = await driver.command('POST', '/window/new', { type: 'tab' });
        const page = new WebkitPage(driver, handle);
        await page.goto(url);
        return page;
      },
      close: undo,
    };
  } catch (error) {
    await undo();
    throw error;
  }
}

class WebkitPage {
  // WebDriver gives no access to the console.
  console = [];
  errors = [];
  #driver;
  #handle;

  constructor(driver, handle) {
    this.#driver = driver;
    this.#handle = handle;
  }

  #ask(method, path, body) {
    return this.#driver.inWindow(this.#handle, method, path, body);
  }

  async evaluate(fn, arg) {
    const script = `const done = arguments[0]; (() => {${source(fn, arg)}})().then(done);`;
    return decode(await this.#ask('POST', '/execute/async', { script, args: [] }));
  }

  async goto(url) {
    await this.#ask('POST', '/url', { url });
  }

  async reload() {
    await this.#ask('POST', '/refresh');
  }

  async close() {
    await this.#ask('DELETE', '/window');
  }

  async crash() {
    throw new Error('WebKitGTK cannot be told to crash a page');
  }

  async freeze() {
    throw new Error('WebKitGTK cannot be told to freeze a page');
  }

  async thaw() {
    throw new Error('WebKitGTK cannot be told to freeze a page');
  }
}

/** Finds MiniBrowser, which is not on the PATH but next to WebKit's library. */
function miniBrowser() {
  for (const lib of ['/usr/lib', '/usr/libexec', '/usr/lib64']) {
    const dirs = existsSync(lib) ? [lib, ...readdirSync(lib).map((name) => join(lib, name))] : [];
    for (const dir of dirs) {
      for (const version of ['webkitgtk-6.0', 'webkit2gtk-4.1', 'webkit2gtk-4.0']) {
        const path = join(dir, version, 'MiniBrowser');
        if (existsSync(path)) return path;
      }
    }
  }
  throw new Error('MiniBrowser of WebKitGTK is missing: run `cargo xtask setup browser`');
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function answering(base) {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      await fetch(`${base}/status`);
      return;
    } catch (error) {
      if (Date.now() > end) throw new Error('WebKitWebDriver does not answer', { cause: error });
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}
