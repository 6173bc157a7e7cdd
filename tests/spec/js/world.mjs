/**
 * A scenario's place and databases.
 */

import { Failure } from './failure.mjs';
import { read, text } from './data.mjs';
import { readMigrations } from './migrations.mjs';
import { fromExecutedList } from './values.mjs';
import { tell } from './check.mjs';

/**
 * Where a scenario's files are.
 *
 * @typedef {object} Place
 * @property {(path: string) => string} locate returns what `open` gets for a path of the scenario
 * @property {(path: string) => string} nameOf returns the file name that the scenario uses for such a path
 * @property {(file: string, step: Record<string, unknown>) => Promise<void>} [make]
 * @property {() => Promise<void>} end removes everything
 */

/** Options about threads, which an engine on one thread has not: it is what they turn on. */
const NOT_HERE = ['inline', 'leases'];

const OPTIONS = [
  'read_only', 'create', 'readers', 'sessions', 'busy_timeout', 'acquire_timeout', 'stall_timeout',
  'foreign_keys', 'trusted_schema', 'cache_kib', 'statement_cache', 'wal_limit', 'journal_mode',
  'synchronous',
];

export class World {
  /**
   * @param {object} api what the package exports
   * @param {Place} place
   * @param {object} options passed to every `open`
   * @param {string[]} lacks the capabilities that the scenario needs and the backend lacks
   */
  constructor(api, place, options, lacks) {
    this.api = api;
    this.place = place;
    this.options = options;
    this.lacks = lacks;
    /** @type {Map<string, object>} */
    this.databases = new Map();
    /** All databases that were opened, under any name. @type {object[]} */
    this.opened = [];
  }

  nameOf(path) {
    return this.place.nameOf(path);
  }

  /** Opens what the scenario begins with, and runs its setup SQL. */
  async prepare({ open, setup }) {
    if (open === false) {
      if (setup.length > 0) throw new Failure('a setup of a database that is not opened');
      return;
    }
    const { path, options } = typeof open === 'object' ? open : { path: open ?? 'app.db' };
    try {
      const db = await this.open(path, options);
      this.databases.set('db', db);
      if (setup.length > 0) fromExecutedList(await db.batch(setup));
    } catch (error) {
      throw error instanceof Failure ? error : new Failure(`before the first step: ${tell(error)}`);
    }
  }

  /** Opens a database. */
  async open(path, options) {
    const where = path === ':memory:' ? path : this.place.locate(path);
    const db = await this.api.open(where, { ...this.options, ...readOptions(options ?? {}) });
    this.opened.push(db);
    return db;
  }

  /** Makes a file. */
  async make(step) {
    if (!this.place.make) throw new Failure('no file can be made here: the scenario needs "files"');
    const file = text(read(step.make, new Map()));
    await this.place.make(file, step);
  }

  /** Closes all databases. */
  async close() {
    for (const db of this.opened) {
      try {
        await db.close();
      } catch (error) {
        throw new Failure(`closing at the end: ${tell(error)}`);
      }
    }
  }
}

function readOptions(json) {
  const options = {};
  for (const [name, value] of Object.entries(json)) {
    if (NOT_HERE.includes(name)) continue;
    if (name === 'migrations') {
      options.migrations = readMigrations(value);
      continue;
    }
    if (!OPTIONS.includes(name)) throw new Failure(`there is no option "${name}"`);
    options[camelCase(name)] = value;
  }
  return options;
}

/** `query_one` is `queryOne` in JavaScript. */
export function camelCase(name) {
  return name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
}

/**
 * Returns what a `make` writes to a file that is not a directory.
 *
 * @param {Record<string, unknown>} step
 * @param {(name: string) => Promise<Uint8Array>} readFile for a copy
 */
export async function contentOfFile(step, readFile) {
  const known = ['make', 'text', 'bytes', 'copy', 'keep', 'at'];
  const unknown = Object.keys(step).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Failure(`"${unknown}" has no place in make`);
  const data = (key) => (key in step ? read(step[key], new Map()) : undefined);
  if (!('copy' in step)) {
    const content = data('text') ?? data('bytes');
    return typeof content === 'string' ? new TextEncoder().encode(content) : content;
  }
  let content = new Uint8Array(await readFile(step.copy));
  if ('keep' in step) content = content.slice(0, step.keep);
  if ('bytes' in step) content.set(data('bytes'), step.at);
  return content;
}
