// sqlocal, through its documented functions.

import { SQLocal } from 'sqlocal';

import { CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE, logParams } from '../../js/sql.mjs';

export const slowness = 20;

export async function open({ synchronous }) {
  const db = new SQLocal({
    databasePath: 'bench.db',
    onInit: (sql) => [
      sql(`PRAGMA synchronous = ${synchronous}`),
      sql(`PRAGMA cache_size = -${CACHE_KIB}`),
    ],
  });
  return {
    sync: false,
    exec: (text) => db.sql(text),
    value: async (text) => Object.values((await db.sql(text))[0])[0],
    get: async (id) => (await db.sql(SELECT_ONE, id))[0],
    all: () => db.sql(SELECT_ALL),
    insert: (row) => db.sql(INSERT_LOG, ...logParams(row)),
    async insertMany(text, many) {
      // A larger batch overflows its worker's stack.
      for (let from = 0; from < many.length; from += 1_000) {
        const some = many.slice(from, from + 1_000);
        await db.batch((sql) => some.map((params) => sql(text, ...params)));
      }
    },
    close: () => db.destroy(true),
  };
}
