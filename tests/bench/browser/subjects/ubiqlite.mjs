// ubiqlite, as it is published: built by `cargo xtask build npm`.

import { open as openDatabase } from '../../../../bindings-wasm/dist/browser.js';

import { CACHE_KIB, INSERT_LOG, SELECT_ALL, SELECT_ONE, logParams } from '../../js/sql.mjs';

export async function open({ synchronous }) {
  const db = await openDatabase('bench.db', {
    cacheKib: CACHE_KIB,
    synchronous: synchronous.toLowerCase(),
  });
  return {
    sync: false,
    exec: (sql) => db.execute(sql),
    value: (sql) => db.queryValue(sql),
    get: (id) => db.queryOptional(SELECT_ONE, [id]),
    all: () => db.query(SELECT_ALL),
    insert: (row) => db.execute(INSERT_LOG, logParams(row)),
    insertMany: (sql, many) => db.executeMany(sql, many),
    close: () => db.close(),
  };
}

/** A row that is watched and changed. */
export async function live() {
  const db = await openDatabase('live.db', { synchronous: 'normal' });
  return {
    async prepare() {
      await db.execute('CREATE TABLE watched (id INTEGER PRIMARY KEY, n INTEGER)');
      await db.execute('INSERT INTO watched VALUES (1, 0)');
    },
    watch: (tell) =>
      db.watch('SELECT n FROM watched WHERE id = 1').subscribe(({ rows }) => tell(rows[0].n)),
    write: (n) => db.execute('UPDATE watched SET n = ? WHERE id = 1', [n]),
  };
}

export const works = {
  /** The engine alone, without the messages to it. */
  async engine_read(n) {
    const worker = new Worker(new URL('../workers/engine.mjs', import.meta.url), { type: 'module' });
    const value = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ n: n(100_000) });
    });
    worker.terminate();
    return { unit: 'us', value };
  },
};
