// The official @sqlite.org/sqlite-wasm with its opfs-sahpool, in its own worker,
// with prepared statements.

import sqlite3InitModule from '@sqlite.org/sqlite-wasm';

import { serve } from '../rpc.mjs';
import { CACHE_KIB } from '../../js/sql.mjs';

let pool;
let db;

const prepared = new Map();

function statement(sql) {
  let found = prepared.get(sql);
  if (!found) prepared.set(sql, (found = db.prepare(sql)));
  return found;
}

async function open({ synchronous, wal }) {
  const sqlite3 = await sqlite3InitModule();
  pool = await sqlite3.installOpfsSAHPoolVfs({});
  db = new pool.OpfsSAHPoolDb('/bench.db');
  if (wal) db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL');
  db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -${CACHE_KIB}`);
}

serve({
  open,
  exec: (sql) => void db.exec(sql),
  value: (sql) => db.selectValue(sql),
  get(sql, params) {
    const one = statement(sql).bind(params);
    const row = one.step() ? one.get({}) : undefined;
    one.reset();
    return row;
  },
  all(sql) {
    const every = statement(sql);
    const rows = [];
    while (every.step()) rows.push(every.get([]));
    const columns = every.getColumnNames();
    every.reset();
    return { columns, rows };
  },
  run(sql, params) {
    statement(sql).bind(params).stepReset();
  },
  many(sql, many) {
    const insert = statement(sql);
    db.transaction(() => {
      for (const params of many) insert.bind(params).stepReset();
    });
  },
  close() {
    for (const one of prepared.values()) one.finalize();
    db.close();
    pool.pauseVfs();
  },
});
