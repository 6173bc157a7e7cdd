// The guide's page about live queries.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { open } from 'ubiqlite';

/** Returns a database with the page's table. It is closed and removed when the test ends. */
async function fresh(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  const db = await open(join(folder, 'app.db'));
  t.after(async () => {
    await db.close();
    rmSync(folder, { recursive: true });
  });
  await db.batch(`
    CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
    INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'sold');
  `);
  return db;
}

test('a result follows the data', async (t) => {
  const db = await fresh(t);
  const shown = [];
  const sql = 'SELECT id, name FROM items WHERE status = ?';
  const render = async (rows, diff) => {
    shown.push({ rows, diff });
    if (shown.length === 1) await db.execute("UPDATE items SET status = 'new' WHERE id = 2");
    else void db.close();
  };
  // #region watch
  for await (const { rows, diff } of db.watch(sql, ['new'], { key: 'id' })) {
    await render(rows, diff); // positions: diff.added, diff.removed, diff.updated
  }
  // #endregion watch
  assert.deepEqual(shown[1].rows, [{ id: 1, name: 'lamp' }, { id: 2, name: 'sofa' }]);
  assert.deepEqual(shown[1].diff, { added: [1], removed: [], updated: [] });
});

test('a subscriber gets each result', async (t) => {
  const db = await fresh(t);
  const sql = 'SELECT id, name FROM items WHERE status = ?';
  let first;
  const shown = new Promise((resolve) => (first = resolve));
  const render = first;
  // #region subscribe
  const stop = db.watch(sql, ['new']).subscribe(({ rows }) => render(rows));
  // #endregion subscribe
  assert.deepEqual(await shown, [{ id: 1, name: 'lamp' }]);
  stop();
});

test('a selection is watched by its rows', async (t) => {
  const db = await fresh(t);
  // #region select
  const live = db.table('items').select().where('status', '=', 'new').watch();
  const first = await live.next();
  assert.equal(first.value.rows.length, 1);
  // #endregion select
  await live.return();
});

test('several results are of one moment', async (t) => {
  const db = await fresh(t);
  const shown = [];
  const render = (all, diff, sold) => {
    shown.push([all, diff, sold]);
    void db.close();
  };
  // #region all
  for await (const [all, sold] of db.watchAll([
    ['SELECT id, name FROM items', [], { key: 'id' }],
    ['SELECT count(*) AS n FROM items WHERE status = ?', ['sold']],
  ])) {
    render(all.rows, all.diff, sold.rows[0].n);
  }
  // #endregion all
  assert.deepEqual(shown, [[[{ id: 1, name: 'lamp' }, { id: 2, name: 'sofa' }], { added: [0, 1], removed: [], updated: [] }, 1]]);
});

test('a cache forgets what a commit has changed', async (t) => {
  const db = await fresh(t);
  const cache = new Map([[1, 'lamp'], [2, 'sofa']]);
  // #region commits
  const follow = async () => {
    for await (const { tables, everything } of db.commits({ tables: ['items'] })) {
      for (const { rows } of tables) {
        if (rows === undefined) cache.clear();
        else for (const { key } of rows) cache.delete(key);
      }
      if (everything) cache.clear();
    }
  };
  const following = follow();
  // #endregion commits
  await db.execute("UPDATE items SET status = 'sold' WHERE id = 1");
  while (cache.has(1)) await db.query('SELECT 1');
  assert.deepEqual([...cache.keys()], [2]);
  await db.close();
  await following;
});

test('what writes is refused', async (t) => {
  const db = await fresh(t);
  // #region refused
  await assert.rejects(db.watch('DELETE FROM items').next(), { kind: 'Unsupported' });
  // #endregion refused
  assert.equal(await db.queryValue('SELECT count(*) FROM items'), 2);
});
