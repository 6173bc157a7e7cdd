// PGlite with its live queries, for the works of live queries alone.

import { live as liveQueries } from '@electric-sql/pglite/live';
import { PGliteWorker } from '@electric-sql/pglite/worker';

/** A row that is watched and changed. */
export async function live() {
  const worker = new Worker(new URL('../workers/pglite.mjs', import.meta.url), { type: 'module' });
  const db = await PGliteWorker.create(worker, {
    dataDir: 'idb://live',
    extensions: { live: liveQueries },
  });
  return {
    async prepare() {
      await db.query('CREATE TABLE watched (id INTEGER PRIMARY KEY, n INTEGER)');
      await db.query('INSERT INTO watched VALUES (1, 0)');
    },
    watch: (tell) =>
      db.live.query('SELECT n FROM watched WHERE id = 1', [], ({ rows }) => tell(rows[0].n)),
    write: (n) => db.query('UPDATE watched SET n = $1 WHERE id = 1', [n]),
  };
}
