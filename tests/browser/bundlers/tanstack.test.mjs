// TanStack DB and the hook for React in tabs, as Vite builds them with the package as npm would install it: what one tab
// writes the other shows, whichever leads, and what was written is there when the leading tab is gone and after a reload.

import assert from 'node:assert/strict';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as vite from 'vite';

import { launch } from '../harness/drive.mjs';
import { serve } from '../harness/serve.mjs';
import { ENDS, LIMIT, within } from '../support.mjs';
import { install } from './build.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const PAGE = '<!doctype html><meta charset="utf-8"><title>tanstack</title><div id="root"></div><script type="module" src="./main.js"></script>';

const MAIN = `
import { open } from 'ubiqlite';
import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { useLiveQuery } from 'ubiqlite/react';
import { add, todosOf, watchTexts } from './tanstack.mjs';

/** The same rows without TanStack DB, as they are stored. */
function Count({ db }) {
  const { rows } = useLiveQuery(db, 'SELECT sum(latest_row_version) AS n FROM collection_version');
  return createElement('p', null, String(rows?.[0].n));
}
async function main() {
  const db = await open('app.db');
  const todos = todosOf(db);
  watchTexts(todos, (texts) => void (window.texts = texts.join()));
  await todos.stateWhenReady();
  createRoot(document.getElementById('root')).render(createElement(Count, { db }));
  Object.assign(window, { db, todos, add: (id) => add(todos, id, id) });
  /** Adds without end, and notes what is in the database for certain. */
  window.write = async (prefix) => {
    window.saved = [];
    for (let n = 0; !window.enough; n += 1) {
      const id = prefix + n;
      await window.add(id);
      window.saved.push(id);
    }
    return window.saved;
  };
}
window.ready = main().then(() => 'ready', (error) => error.stack ?? String(error));
`;

let app;
let server;
let browser;
before(async () => {
  app = await install();
  const root = join(app.dir, 'tanstack');
  await mkdir(root);
  for (const name of ['@tanstack', 'react', 'react-dom']) await symlink(here(`../node_modules/${name}`), join(app.dir, 'node_modules', name));
  await cp(here('../../node/orm/guide/tanstack.mjs'), join(root, 'tanstack.mjs'));
  await writeFile(join(root, 'index.html'), PAGE);
  await writeFile(join(root, 'main.js'), MAIN);
  await vite.build({ root, configFile: false, logLevel: 'error' });
  server = await serve(join(root, 'dist'));
});
after(async () => {
  await browser?.close();
  await server?.close();
  await app?.remove();
});

/** Runs `body` with a browser that has no database yet. */
async function fresh(body) {
  browser = await launch('chromium');
  await body();
  await browser.close();
  browser = undefined;
}

async function started(page) {
  const said = await within(LIMIT, 'the page starts', page.evaluate(async () => {
    while (window.ready === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    return window.ready;
  }));
  assert.equal(said, 'ready', page.errors.join('\n'));
  return page;
}

const tab = async () => started(await browser.newPage(server.url('/')));
const add = (page, id) => within(LIMIT, `adds ${id}`, page.evaluate((it) => window.add(it), id));

/** Waits until the page's collection, and what React has rendered, are these. */
const shows = (page, ids) =>
  within(LIMIT, `shows ${ids}`, page.evaluate(async ({ texts, count }) => {
    const there = () => window.texts === texts && document.querySelector('p')?.textContent === count;
    while (!there()) await new Promise((resolve) => setTimeout(resolve, 5));
  }, { texts: ids.join(), count: String(ids.length) }));

test('what a tab writes another shows, whichever of them leads, by TanStack DB and by React', { timeout: 120_000 }, () =>
  fresh(async () => {
    // They make the tables at the same time.
    const [one, two] = await Promise.all([tab(), tab()]);
    await add(one, 'a');
    for (const page of [one, two]) await shows(page, ['a']);
    await add(two, 'b');
    for (const page of [one, two]) await shows(page, ['a', 'b']);
    await Promise.all([one, two].flatMap((page, at) => ['x', 'y', 'z'].map((id) => add(page, `${id}${at}`))));
    for (const page of [one, two]) await shows(page, ['a', 'b', 'x0', 'x1', 'y0', 'y1', 'z0', 'z1']);
    await one.reload();
    await started(one);
    await add(two, 'c');
    for (const page of [one, two]) await shows(page, ['a', 'b', 'c', 'x0', 'x1', 'y0', 'y1', 'z0', 'z1']);
  }));

for (const [how, end] of Object.entries(ENDS)) {
  test(`when the leading tab is ${how}, while another writes, nothing that was written is lost and nothing fails`, { timeout: 120_000 }, () =>
    fresh(async () => {
      const leader = await tab();
      await add(leader, 'a');
      const [writer, reader] = [await tab(), await tab()];
      await writer.evaluate(() => void (window.writing = window.write('w')));
      const more = (count) => within(LIMIT, `${count} more`, writer.evaluate(async (wanted) => {
        const until = window.saved.length + wanted;
        while (window.saved.length < until) await Promise.race([window.writing, new Promise((resolve) => setTimeout(resolve, 1))]);
      }, count));
      await more(10);
      await within(LIMIT, how, end(leader));
      await more(10);
      const saved = await writer.evaluate(() => {
        window.enough = true;
        return window.writing;
      });
      const wanted = ['a', ...saved].sort();
      for (const page of [writer, reader]) await shows(page, wanted);
      await reader.reload();
      await started(reader);
      await shows(reader, wanted);
      await add(reader, 'b');
      await shows(writer, [...wanted, 'b'].sort());
    }));
}
