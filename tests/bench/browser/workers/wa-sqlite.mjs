// @journeyapps/wa-sqlite with one of its synchronous VFSes on OPFS, with
// prepared statements.

import SQLiteESMFactory from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import * as SQLite from '@journeyapps/wa-sqlite';
import { AccessHandlePoolVFS } from '@journeyapps/wa-sqlite/src/examples/AccessHandlePoolVFS.js';
import { OPFSCoopSyncVFS } from '@journeyapps/wa-sqlite/src/examples/OPFSCoopSyncVFS.js';

import { serve } from '../rpc.mjs';
import { CACHE_KIB } from '../../js/sql.mjs';

const VFSES = { AccessHandlePoolVFS, OPFSCoopSyncVFS };

let sqlite3;
let db;
let files;
const prepared = new Map();

async function statement(sql) {
  let found = prepared.get(sql);
  if (found === undefined) {
    for await (const one of sqlite3.statements(db, sql, { unscoped: true })) {
      found = one;
      break;
    }
    prepared.set(sql, found);
  }
  return found;
}

async function open({ synchronous, vfs, wal }) {
  const module = await SQLiteESMFactory();
  sqlite3 = SQLite.Factory(module);
  files = await VFSES[vfs].create('bench', module);
  sqlite3.vfs_register(files, true);
  db = await sqlite3.open_v2('bench.db');
  if (wal) await sqlite3.exec(db, 'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL');
  await sqlite3.exec(db, `PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -${CACHE_KIB}`);
}

async function step(sql, params, each) {
  const one = await statement(sql);
  if (params) sqlite3.bind_collection(one, params);
  while ((await sqlite3.step(one)) === SQLite.SQLITE_ROW) each?.(one);
  await sqlite3.reset(one);
  return one;
}

serve({
  open,
  exec: async (sql) => void (await sqlite3.exec(db, sql)),
  async value(sql) {
    let value;
    await sqlite3.exec(db, sql, (row) => (value = row[0]));
    return value;
  },
  async get(sql, params) {
    let row;
    await step(sql, params, (one) => {
      const names = sqlite3.column_names(one);
      row = {};
      sqlite3.row(one).forEach((value, index) => (row[names[index]] = value));
    });
    return row;
  },
  async all(sql) {
    const rows = [];
    const one = await step(sql, undefined, (it) => rows.push(sqlite3.row(it)));
    return { columns: sqlite3.column_names(one), rows };
  },
  run: async (sql, params) => void (await step(sql, params)),
  async many(sql, many) {
    await sqlite3.exec(db, 'BEGIN');
    for (const params of many) await step(sql, params);
    await sqlite3.exec(db, 'COMMIT');
  },
  async close() {
    for (const one of prepared.values()) await sqlite3.finalize(one);
    await sqlite3.close(db);
    await files.close();
  },
});
