// The adapters for Kysely and Drizzle in a browser, as Vite builds them: the guide's module, which runs the folder that
// drizzle-kit has generated, with the package as npm would install it.

import assert from 'node:assert/strict';
import { cp, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import * as vite from 'vite';

import { launch } from '../harness/drive.mjs';
import { serve } from '../harness/serve.mjs';
import { install } from './build.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const GUIDE = here('../../node/orm/guide');

const PAGE = '<!doctype html><meta charset="utf-8"><title>adapters</title><script type="module" src="./main.js"></script>';

const MAIN = `
import { Kysely, sql } from 'kysely';
import { UbiqliteDialect } from 'ubiqlite/kysely';

const opening = import('./db.js');
const failed = (error) => error.stack ?? String(error);

/** Adds through Drizzle, and returns what both read. */
window.add = async (name) => {
  const { db } = await opening;
  const schema = await import('./schema.mjs');
  await db.transaction(async (tx) => {
    const [{ id }] = await tx.insert(schema.authors).values({ name }).returning();
    await tx.insert(schema.books).values({ author: id, title: name + "'s", year: 2026 });
  });
  const drizzled = await db.query.authors.findMany({ with: { books: true } });
  const kysely = new Kysely({ dialect: new UbiqliteDialect({ database: db.$client }) });
  const rows = await kysely.transaction().execute((trx) => trx.selectFrom('books').select('title').orderBy('id').execute());
  const streamed = [];
  for await (const row of kysely.selectFrom('authors').select('name').orderBy('id').stream(1)) streamed.push(row.name);
  const { rows: notes } = await sql\`SELECT hash, created_at FROM __drizzle_migrations ORDER BY created_at\`.execute(kysely);
  return { drizzled, titles: rows.map((row) => row.title), streamed, notes: notes.map((it) => [it.hash, it.created_at]) };
};
window.bytes = async () => {
  const { db } = await opening;
  const { blob, sqliteTable } = await import('drizzle-orm/sqlite-core');
  await db.run('CREATE TABLE IF NOT EXISTS files (data BLOB)');
  await db.run("INSERT INTO files VALUES (x'0102')");
  return db.select().from(sqliteTable('files', { data: blob() })).then(String, (error) => error.message);
};
window.ready = opening.then(() => 'ready', failed);
`;

let app;
let browser;
let server;
before(async () => {
  app = await install();
  const root = join(app.dir, 'adapters');
  await mkdir(root);
  for (const name of ['drizzle-orm', 'kysely']) await symlink(here(`../node_modules/${name}`), join(app.dir, 'node_modules', name));
  await cp(join(GUIDE, 'drizzle'), join(root, 'drizzle'), { recursive: true });
  await cp(join(GUIDE, 'schema.mjs'), join(root, 'schema.mjs'));
  await cp(join(GUIDE, 'drizzle.vite.js'), join(root, 'db.js'));
  await writeFile(join(root, 'index.html'), PAGE);
  await writeFile(join(root, 'main.js'), MAIN);
  // As in an application, which has one copy of each.
  await vite.build({ root, configFile: false, logLevel: 'error', resolve: { preserveSymlinks: true } });
  server = await serve(join(root, 'dist'));
  browser = await launch('chromium');
});
after(async () => {
  await browser?.close();
  await server?.close();
  await app?.remove();
});

/** Opens a tab in which the database is open. */
async function tab() {
  const page = await browser.newPage(server.url('/'));
  const said = await page.evaluate(async () => {
    while (window.ready === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    return window.ready;
  });
  assert.equal(said, 'ready', page.errors.join('\n'));
  return page;
}

test('drizzle-kit\'s folder is applied once, by tabs that start at the same time, and both libraries use it', { timeout: 120_000 }, async () => {
  const [one, two] = await Promise.all([tab(), tab()]);
  const migrations = (await readdir(join(GUIDE, 'drizzle'))).filter((name) => name.endsWith('.sql')).length;
  const first = await one.evaluate(() => window.add('Ann'));
  assert.deepEqual(first.drizzled, [{ id: 1, name: 'Ann', books: [{ id: 1, author: 1, title: "Ann's", year: 2026 }] }]);
  assert.equal(first.notes.length, migrations);
  const second = await two.evaluate(() => window.add('Bob'));
  assert.deepEqual([second.titles, second.streamed, second.notes], [["Ann's", "Bob's"], ['Ann', 'Bob'], first.notes]);
  await one.reload();
  assert.equal((await one.evaluate(async () => {
    while (window.ready === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    await window.ready;
    return window.add('Cid');
  })).notes.length, migrations, 'nothing is run again');
});

test('Drizzle\'s blob() needs Buffer, as the guide says', { timeout: 120_000 }, async () => {
  const page = await tab();
  assert.match(await page.evaluate(() => window.bytes()), /Buffer/);
});
