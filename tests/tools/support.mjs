/**
 * Projects that have the package as npm would install it, for other people's tools.
 *
 * They are inside this folder, so that Node finds the tools they need by its usual
 * search through the parent folders.
 */

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../bindings-wasm', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
const WINDOWS = process.platform === 'win32';

/** What each tool must run: every kind of operation on a file, with its expected result. */
export const SMOKE = join(HERE, 'smoke.mjs');

/** Makes a new project with the package and `files`, by name. It is removed after the test. */
export function project(t, files, manifest = {}) {
  const work = join(HERE, '.work');
  mkdirSync(work, { recursive: true });
  const folder = mkdtempSync(join(work, 'project-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', PACKAGE, '--json', '--ignore-scripts', '--pack-destination', folder], {
    encoding: 'utf8', shell: WINDOWS,
  }));
  const installed = join(folder, 'node_modules/ubiqlite');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components=1']);
  rmSync(join(folder, filename));
  cpSync(SMOKE, join(folder, 'smoke.mjs'));
  const all = { 'package.json': JSON.stringify({ name: 'app', private: true, type: 'module', ...manifest }), ...files };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** Makes a folder from which the package cannot be found. */
export function elsewhere(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-tools-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the path of a tool's script or program. */
export const tool = (path) => join(HERE, 'node_modules', path);

/** Runs a program to its end, and returns what it wrote and how it ended. */
export function run(program, args, { cwd, env = {}, limit = 180_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, NO_COLOR: '1', ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (data) => (output += data));
    const timer = setTimeout(() => child.kill('SIGKILL'), limit);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output });
    });
  });
}

/** Runs a Node script to its end, which must be a success. */
export async function node(args, how) {
  const { code, signal, output } = await run(process.execPath, args, how);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code ?? signal}:\n${output}`);
  return output;
}
