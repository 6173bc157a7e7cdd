// better-sqlite3: native and synchronous, with prepared statements.

import Database from 'better-sqlite3';

import { CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE, logParams } from '../../js/sql.mjs';
import { item } from '../../js/data.mjs';

export function open(path, { synchronous }) {
  const connect = () => {
    const db = new Database(path);
    db.pragma('journal_mode = WAL');
    db.pragma(`synchronous = ${synchronous}`);
    db.pragma(`cache_size = -${CACHE_KIB}`);
    return db;
  };
  const db = connect();
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
    database: db,
    exec: (sql) => db.exec(sql),
    value: (sql) => db.prepare(sql).pluck().get(),
    get: (id) => (one ??= statement(SELECT_ONE)).get(id),
    all: () => statement(SELECT_ALL).all(),
    stream: () => statement(SELECT_ALL).iterate(),
    insert: ({ name, data, status, value }) =>
      (log ??= statement(INSERT_LOG)).run(name, data, status, value),
    insertMany: (sql, many) => {
      const insert = statement(sql);
      db.transaction(() => {
        for (const params of many) insert.run(params);
      })();
    },
    // A connection has one transaction: a concurrent one needs another connection.
    hold: () => {
      const writer = connect();
      writer.exec('BEGIN IMMEDIATE');
      writer.prepare(INSERT_LOG).run(logParams(item(1)));
      return () => {
        writer.exec('ROLLBACK');
        writer.close();
      };
    },
    close: () => db.close(),
  };
}
