// node-sqlite3-wasm: SQLite in wasm on the calling thread, synchronous, with
// prepared statements.

import sqlite from 'node-sqlite3-wasm';

import { CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE, logParams } from '../../js/sql.mjs';

export function open(path, { synchronous }) {
  const db = new sqlite.Database(path);
  // Its VFS has no shared memory, so WAL needs exclusive use of the file.
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('PRAGMA journal_mode = WAL');
  db.exec(`PRAGMA synchronous = ${synchronous}`);
  db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
  const prepared = new Map();
  const statement = (sql) => {
    let found = prepared.get(sql);
    if (!found) prepared.set(sql, (found = db.prepare(sql)));
    return found;
  };
  let one;
  let log;
  return {
    sync: true,
    exec: (sql) => db.exec(sql),
    value: (sql) => Object.values(db.get(sql))[0],
    get: (id) => (one ??= statement(SELECT_ONE)).get(id) ?? undefined,
    all: () => statement(SELECT_ALL).all(),
    stream: () => statement(SELECT_ALL).iterate(),
    insert: (row) => (log ??= statement(INSERT_LOG)).run(logParams(row)),
    insertMany: (sql, many) => {
      const insert = statement(sql);
      db.exec('BEGIN');
      for (const params of many) insert.run(params);
      db.exec('COMMIT');
    },
    close: () => {
      // An unfinalized statement keeps the file locked.
      for (const one of prepared.values()) one.finalize();
      db.close();
    },
  };
}
