// ubiqlite with the native engine, as it is published: built by `cargo xtask build npm`.

import { open as openDatabase } from '../../../../bindings-wasm/dist/node.mjs';

import { CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE, logParams } from '../../js/sql.mjs';
import { item } from '../../js/data.mjs';

export async function open(path, { synchronous, engine = 'native' }) {
  const db = await openDatabase(path, {
    engine,
    busyTimeout: 60_000,
    cacheKib: CACHE_KIB,
    synchronous: synchronous.toLowerCase(),
  });
  return {
    sync: false,
    database: db,
    exec: (sql) => db.execute(sql),
    value: (sql) => db.queryValue(sql),
    get: (id) => db.queryOptional(SELECT_ONE, [id]),
    all: () => db.query(SELECT_ALL),
    stream: () => db.stream(SELECT_ALL),
    iterate: (sql) => db.stream(sql),
    insert: (row) => db.execute(INSERT_LOG, logParams(row)),
    insertMany: (sql, many) => db.executeMany(sql, many),
    hold: async () => {
      const transaction = await db.begin();
      await transaction.execute(INSERT_LOG, logParams(item(1)));
      return () => transaction.rollback();
    },
    close: () => db.close(),
  };
}
