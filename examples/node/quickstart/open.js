/**
 * Opening a database.
 */

import { open } from 'ubiqlite';

import { begin, chapter, note, refused } from './show.js';
import { SCHEMA } from './tables.js';

/** @param {string} path */
export async function run(path) {
  chapter('Open', 'Safe and fast settings are the default, and each can be changed.');

  let step = begin('open');
  const db = await open(path, { busyTimeout: 2000 });
  step.end(path);

  const settings = [];
  for (const name of ['journal_mode', 'foreign_keys', 'synchronous', 'trusted_schema']) {
    settings.push(`${name}=${await db.queryValue(`PRAGMA ${name}`)}`);
  }
  note('settings, read back', settings.join(', '));
  note('', "Reading and writing don't wait for each other, references are checked, and what");
  note('', 'was committed survives a power failure (synchronous=2 is FULL).');

  step = begin('run a script: the schema');
  await db.batch(SCHEMA);
  step.end('every statement of it, or none');
  const tables = await db.queryValue("SELECT count(*) FROM sqlite_schema WHERE type = 'table'");
  note('', `${tables} tables`);

  await refused("a path that can't be opened", open('no/such/folder/app.db'));
  return db;
}
