// node:sqlite, in Node since 22: native and synchronous, with prepared statements.

import { DatabaseSync } from 'node:sqlite';

import { CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE, logParams } from '../../js/sql.mjs';
import { item } from '../../js/data.mjs';

export function open(path, { synchronous }) {
  const connect = () => {
    const db = new DatabaseSync(path);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec(`PRAGMA synchronous = ${synchronous}`);
    db.exec(`PRAGMA cache_size = -${CACHE_KIB}`);
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
    exec: (sql) => db.exec(sql),
    value: (sql) => Object.values(db.prepare(sql).get())[0],
    get: (id) => (one ??= statement(SELECT_ONE)).get(id),
    all: () => statement(SELECT_ALL).all(),
    stream: () => statement(SELECT_ALL).iterate(),
    insert: ({ name, data, status, value }) => (log ??= statement(INSERT_LOG)).run(name, data, status, value),
    insertMany: (sql, many) => {
      const insert = statement(sql);
      db.exec('BEGIN');
      for (const params of many) insert.run(...params);
      db.exec('COMMIT');
    },
    // A connection has one transaction: a concurrent one needs another connection.
    hold: () => {
      const writer = connect();
      writer.exec('BEGIN IMMEDIATE');
      writer.prepare(INSERT_LOG).run(...logParams(item(1)));
      return () => {
        writer.exec('ROLLBACK');
        writer.close();
      };
    },
    close: () => db.close(),
  };
}
