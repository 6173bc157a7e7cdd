// The guide's page about migrations.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from 'ubiqlite';

// The files are the same in every language.
process.chdir(fileURLToPath(new URL('../rust', import.meta.url)));

/** Returns the path of a file that does not exist, in a folder that ends with the test. */
function fresh(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-guide-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'app.db');
}

test('an opened database is up to date', async (t) => {
  const path = fresh(t);
  // #region dir
  const db = await open(path, { migrations: './migrations' }); // or new URL('./migrations', import.meta.url)
  // #endregion dir
  await db.execute("INSERT INTO items (name, price) VALUES ('lamp', 20)");
  await db.close();
});

test('migrations can be run by hand', async () => {
  const db = await open(':memory:');
  // #region by_hand
  const migrations = db.migrations('./migrations');
  for (const { name } of await migrations.pending()) console.log(`${name} is to be applied`);
  await migrations.dryRun(); // all of it in a transaction that is rolled back
  const done = await migrations.run();
  // #endregion by_hand
  assert.equal(done.length, 3);

  await db.batch("INSERT INTO items VALUES (1, 'lamp', 20); INSERT INTO parts VALUES (1, 'bulb')");
  // #region to
  const [undone] = await migrations.to(2); // 0003_prices.down.sql, as it was when it was applied
  assert.equal(undone.action, 'revert');
  // #endregion to
  assert.equal(await db.table('parts').count(), 1);
  await migrations.run();

  await db.execute('ALTER TABLE parts ADD COLUMN by_hand TEXT');
  const told = [];
  {
    const console = { log: (...words) => told.push(words.join(' ')) };
    // #region verify
    for (const { object, kind, details } of await migrations.verify()) {
      console.log(object, kind, ...details); // table parts changed column by_hand: not there before, now TEXT
    }
    // #endregion verify
  }
  assert.deepEqual(told, ['table parts changed column by_hand: not there before, now TEXT']);
  await db.close();
});

test('they can be tried out in memory', async () => {
  // #region rehearse
  const db = await open(':memory:');
  assert.deepEqual(await db.migrations('./migrations').rehearse(), []);
  // #endregion rehearse
  await db.close();
});

test('an older program is told', async (t) => {
  const path = fresh(t);
  await (await open(path, { migrations: './migrations' })).close();
  const files = { '0001_items.sql': readFileSync('./migrations/0001_items.sql', 'utf8') };
  // #region too_new
  await assert.rejects(open(path, { migrations: files }), { kind: 'SchemaTooNew' });

  const db = await open(path, { migrations: { files, allowNewer: true } });
  // #endregion too_new
  await db.close();
});

test('a migration that fails leaves nothing of itself', async () => {
  const db = await open(':memory:');
  // #region fails
  const migrations = db.migrations({
    '1_items.sql': 'CREATE TABLE items (id INTEGER PRIMARY KEY);',
    '2_wrong.sql': 'CREATE TABLE half (x);\nINSERT INTO itmes VALUES (1);',
  });
  await assert.rejects(migrations.run(), { message: 'migration 2_wrong: line 2: no such table: itmes' });
  // #endregion fails
  await assert.rejects(db.table('half').count(), { kind: 'NoSuchTable' });
  await db.table('items').insert({ id: 1 });
  await db.close();
});
