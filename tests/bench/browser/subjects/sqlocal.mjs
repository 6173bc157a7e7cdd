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

/** A row that is watched and changed. */
export async function live() {
  const db = new SQLocal({ databasePath: 'live.db', reactive: true });
  return {
    async prepare() {
      await db.sql('CREATE TABLE watched (id INTEGER PRIMARY KEY, n INTEGER)');
      await db.sql('INSERT INTO watched VALUES (1, 0)');
    },
    watch: (tell) =>
      db
        .reactiveQuery((sql) => sql('SELECT n FROM watched WHERE id = 1'))
        .subscribe((rows) => rows.length > 0 && tell(rows[0].n)),
    write: (n) => db.sql('UPDATE watched SET n = ? WHERE id = 1', n),
  };
}
