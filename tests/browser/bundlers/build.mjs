// Builds the tiny app with each bundler, the way its own guide says, and with the
// package as npm would install it.

import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import esbuild from 'esbuild';
import * as vite from 'vite';
import webpack from 'webpack';

const PACKAGE = fileURLToPath(new URL('../../../bindings-wasm', import.meta.url));
const GUIDE = fileURLToPath(new URL('../../../docs/examples/js/migrations.vite.js', import.meta.url));
const APP = fileURLToPath(new URL('./app', import.meta.url));

/** Makes a folder with the app, and with the package in its `node_modules`. */
export async function install() {
  const dir = await mkdtemp(join(tmpdir(), 'ubiqlite-app-'));
  const npm = (...args) =>
    execFileSync('npm', args, { cwd: dir, encoding: 'utf8', shell: process.platform === 'win32' });
  await cp(APP, dir, { recursive: true });
  await writeFile(join(dir, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  const [{ filename }] = JSON.parse(npm('pack', PACKAGE, '--json', '--ignore-scripts'));
  // The package has no dependencies, so nothing has to be fetched.
  npm('install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', `./${filename}`);
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Builds with Vite, with no settings that a user would have to know. */
export async function buildWithVite(dir) {
  await vite.build({ root: dir, configFile: false, logLevel: 'error' });
  return join(dir, 'dist');
}

/** The migrations of the app in their files, which its bundle has in it. */
const MIGRATIONS = {
  '0001_visits.sql': 'CREATE TABLE visits (id INTEGER PRIMARY KEY)',
  '0002_place.sql': "ALTER TABLE visits ADD COLUMN place TEXT DEFAULT 'somewhere'",
  '0002_place.down.sql': 'ALTER TABLE visits DROP COLUMN place',
};

/** Makes the app open its database with migrations from files, as the guide's module does, and builds it with Vite. */
export async function buildWithMigrations(dir) {
  const root = join(dir, 'migrated');
  await cp(APP, root, { recursive: true });
  await mkdir(join(root, 'migrations'));
  for (const [name, text] of Object.entries(MIGRATIONS)) await writeFile(join(root, 'migrations', name), text);
  await cp(GUIDE, join(root, 'db.js'));
  const main = await readFile(join(root, 'main.js'), 'utf8');
  const migrated = main
    .replace("import { open } from 'ubiqlite'", "import { db } from './db.js'")
    .replace(/  const db = await open.*\n  await db\.batch.*\n/, '');
  await writeFile(join(root, 'main.js'), migrated);
  await vite.build({ root, configFile: false, logLevel: 'error' });
  return join(root, 'dist');
}

/** Makes the app show the panel of `ubiqlite/inspect` too, before it says its result; returns its folder. */
export async function withPanel(dir) {
  const root = join(dir, 'inspected');
  await cp(APP, root, { recursive: true });
  await symlink(join(dir, 'node_modules'), join(root, 'node_modules'), 'junction');
  const main = await readFile(join(root, 'main.js'), 'utf8');
  const inspected = main
    .replace("from 'ubiqlite';", "from 'ubiqlite';\nimport { inspect } from 'ubiqlite/inspect';")
    .replace('visit().then(', "visit().then(show).then(");
  const show = `
    async function show(text) {
      const { element, ready } = inspect('visits.db');
      await ready;
      while (!element.shadowRoot.textContent.includes('visits')) await new Promise((done) => setTimeout(done, 5));
      return text;
    }
  `;
  await writeFile(join(root, 'main.js'), inspected + show);
  return root;
}

/** Starts Vite's development server. */
export async function serveWithVite(dir) {
  const server = await vite.createServer({ root: dir, configFile: false, logLevel: 'error', server: { port: 0 } });
  await server.listen();
  return { url: server.resolvedUrls.local[0], close: () => server.close() };
}

/** Builds with webpack, which by default puts everything into `dist/main.js`. */
export async function buildWithWebpack(dir) {
  const out = join(dir, 'packed');
  const compiler = webpack({ mode: 'production', context: dir, entry: './main.js', output: { path: out } });
  const stats = await new Promise((done, failed) =>
    compiler.run((error, stats) => (error ? failed(error) : done(stats))),
  );
  await new Promise((done) => compiler.close(done));
  if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
  // Its bundle is a classic script.
  await page(dir, out, '<script defer src="./main.js"></script>');
  return out;
}

/** Builds with esbuild: three files go next to the bundle, as the README says. */
export async function buildWithEsbuild(dir) {
  const out = join(dir, 'bundled');
  await esbuild.build({
    absWorkingDir: dir,
    entryPoints: ['main.js'],
    bundle: true,
    minify: true,
    format: 'esm',
    outdir: out,
    logLevel: 'error',
  });
  for (const file of ['worker.js', 'hub.js', 'ubiqlite.wasm']) {
    await cp(join(dir, 'node_modules/ubiqlite/dist', file), join(out, file));
  }
  await page(dir, out, '<script type="module" src="./main.js"></script>');
  return out;
}

/** Builds nothing: an import map says where the package is. */
export async function withImportMap(dir) {
  const out = join(dir, 'mapped');
  const map = { imports: { ubiqlite: './ubiqlite/browser.js', 'ubiqlite/inspect': './ubiqlite/inspect.js' } };
  await plain(dir, out);
  await page(
    dir,
    out,
    `<script type="importmap">${JSON.stringify(map)}</script>\n<script type="module" src="./main.js"></script>`,
  );
  return out;
}

/** Builds nothing, and inlines nothing, as a strict policy requires. */
export async function withPath(dir) {
  const out = join(dir, 'plain');
  await plain(dir, out);
  const main = await readFile(join(out, 'main.js'), 'utf8');
  await writeFile(join(out, 'main.js'), main.replace("'ubiqlite'", "'./ubiqlite/browser.js'").replace("'ubiqlite/inspect'", "'./ubiqlite/inspect.js'"));
  return out;
}

async function plain(dir, out) {
  await mkdir(out, { recursive: true });
  await cp(join(dir, 'node_modules/ubiqlite/dist'), join(out, 'ubiqlite'), { recursive: true });
  for (const file of ['index.html', 'main.js']) await cp(join(dir, file), join(out, file));
}

/** Writes the app's page with other scripts. */
async function page(dir, out, scripts) {
  const html = await readFile(join(dir, 'index.html'), 'utf8');
  await mkdir(out, { recursive: true });
  await writeFile(join(out, 'index.html'), html.replace(/<script.*<\/script>/, () => scripts));
}
