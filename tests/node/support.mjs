/**
 * Helpers that the tests of the package in Node share.
 *
 * `UBIQLITE_PACKAGE` names a build other than the one in this checkout, `UBIQLITE_ENGINE`
 * the engine that opens databases: native, which is the default, or wasm.
 */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The ES module of the package. */
export const PACKAGE = resolve(process.env.UBIQLITE_PACKAGE ?? join(HERE, '../../bindings-wasm/dist/node.mjs'));

/** The exports of the package. */
export const ubiqlite = await import(pathToFileURL(PACKAGE).href);

/** The engine that opens databases. */
export const ENGINE = process.env.UBIQLITE_ENGINE || 'native';

/** Returns the `skip` option of a test that is about one engine only, with the reason. */
export function only(engine, why) {
  return ENGINE === engine ? false : `only with the ${engine} engine: ${why}`;
}

/** A query that never ends on its own. */
export const ENDLESS = 'WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r';

/** Makes a folder that is removed after its test. */
export function folder(t) {
  const path = mkdtempSync(join(tmpdir(), 'ubiqlite-node-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Opens a database in a new folder, and closes it after its test. */
export async function database(t, options = {}, schema = '') {
  const path = join(folder(t), 'app.db');
  const db = await ubiqlite.open(path, options);
  // Anything that keeps it from closing has already failed its test.
  t.after(() => within(10_000, db.close(), 'close'));
  if (schema !== '') await db.batch(schema);
  return { db, path };
}

/** Returns the names of the files in the folder of a database. */
export function filesBeside(path) {
  return readdirSync(resolve(path, '..')).sort();
}

export function pause(millis) {
  return new Promise((after) => {
    setTimeout(after, millis);
  });
}

/** Returns the promise's outcome, or fails after `millis`. */
export async function within(millis, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${millis} ms`)), millis);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the error of a call that must fail. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the call did not fail');
}

/**
 * Another Node process, which runs a script in `children/`. It prints lines on its
 * standard output, and reads lines from its standard input.
 */
export class Child {
  /**
   * @param {string} script
   * @param {string[]} args
   * @param {{ flags?: string[], before?: string[], input?: boolean, env?: object, program?: string }} [how]
   *   `before`: a program that runs it; without `input` its standard input is empty;
   *   `env`: more environment variables; `program`: another Node
   */
  constructor(script, args = [], { flags = [], before = [], input = true, env = {}, program: node = process.execPath } = {}) {
    const [program, ...rest] = [...before, node, ...flags, join(HERE, 'children', script), ...args];
    this.process = spawn(program, rest, {
      env: { ...process.env, UBIQLITE_PACKAGE: PACKAGE, UBIQLITE_ENGINE: ENGINE, ...env },
      stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    this.output = '';
    this.errors = '';
    this.process.stdout.setEncoding('utf8').on('data', (data) => (this.output += data));
    this.process.stderr.setEncoding('utf8').on('data', (data) => (this.errors += data));
    this.ended = once(this.process, 'close').then(([code, signal]) => ({ code, signal }));
  }

  get pid() {
    return this.process.pid;
  }

  get lines() {
    return this.output.split('\n').slice(0, -1);
  }

  /** Waits until it has printed the line. */
  async tells(line, millis = 20_000) {
    const until = performance.now() + millis;
    while (!this.lines.includes(line)) {
      if (this.process.exitCode !== null || this.process.signalCode !== null || performance.now() > until) {
        throw new Error(`the child did not say "${line}", but: ${this.output}\n${this.errors}`);
      }
      await pause(1);
    }
  }

  say(line) {
    this.process.stdin.write(`${line}\n`);
  }

  /** Kills it, as a crash would. */
  async kill() {
    this.process.kill('SIGKILL');
    return this.ended;
  }

  /** Waits for its end, which must be a success. */
  async ends(millis = 20_000) {
    const { code, signal } = await within(millis, this.ended, 'the end of the child').catch(async (error) => {
      await this.kill();
      throw error;
    });
    if (code !== 0) throw new Error(`the child ended with ${code ?? signal}: ${this.output}\n${this.errors}`);
    return this.output;
  }
}

const READ = `
import json, sqlite3, sys
path, sql = sys.argv[1:]
db = sqlite3.connect(path)
print(json.dumps([db.execute("PRAGMA integrity_check").fetchall(), db.execute(sql).fetchall()]))
db.close()
`;

/** Returns the rows of a file as another tool reads them: Python's sqlite3, on the system's SQLite. */
export async function outside(path, sql) {
  const { stdout } = await promisify(execFile)('python3', ['-c', READ, path, sql]);
  const [integrity, rows] = JSON.parse(stdout);
  if (JSON.stringify(integrity) !== '[["ok"]]') throw new Error(`${path} is damaged: ${JSON.stringify(integrity)}`);
  return rows;
}

/** Whether a program is installed. */
export async function installed(program, args = ['--version']) {
  return promisify(execFile)(program, args).then(() => true, () => false);
}

/** Whether the process still runs. */
export function runs(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Subscribes to a watch: `seen` has `value` of each of its results, and `until` waits for that many. */
export function subscribed(watch, value) {
  const seen = [];
  let told;
  const stop = watch.subscribe((result) => {
    seen.push(value(result));
    told?.();
  });
  const until = (count) =>
    new Promise((resolve) => {
      told = () => seen.length >= count && resolve();
      told();
    });
  return { seen, until, stop };
}
