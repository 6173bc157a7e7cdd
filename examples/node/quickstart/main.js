/**
 * Everything that ubiqlite does, on a real file, in a few seconds:
 *
 *     npm install && npm start        # a file in a temporary folder
 *     npm start -- app.db             # a new file of your own, which stays
 *
 * One module per subject: read them in the order in which they are called here.
 */

import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as batches from './batches.js';
import * as dashboard from './dashboard.js';
import * as items from './items.js';
import * as limits from './limits.js';
import * as opening from './open.js';
import * as safeInsert from './safe-insert.js';
import * as streams from './streams.js';
import * as tasks from './tasks.js';
import * as transactions from './transactions.js';
import * as transfers from './transfers.js';
import { begin, chapter, refused } from './show.js';

/** @param {string} path */
async function run(path) {
  const db = await opening.run(path);
  // In a Node that supports it, `await using db = await open(path)` closes it as well.
  try {
    await items.run(db);
    await batches.run(db);
    await transfers.run(db);
    await transactions.run(db);
    await tasks.run(db);
    await streams.run(db);
    await dashboard.run(db);
    await safeInsert.run(db, path);
    await limits.run(db);
  } finally {
    chapter('Close', 'Waits for what was accepted, then closes the file.');
    const step = begin('close');
    await db.close();
    step.end(`the file has ${Math.round(statSync(path).size / 1024)} KiB`);
  }
  await refused('a call after that', db.table('items').count());
}

const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-quickstart-'));
const path = process.argv[2] ?? join(folder, 'quickstart.db');
try {
  if (existsSync(path)) throw new Error(`${path} exists; give the name of a new file`);
  await run(path);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
