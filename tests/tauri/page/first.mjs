// The tests, in the first window.
import { invoke } from '@tauri-apps/api/core';
import { open } from 'ubiqlite/tauri';

function equal(actual, expected, what = '') {
  const [a, b] = [actual, expected].map((it) => JSON.stringify(it, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)));
  if (a !== b) throw new Error(`${what} ${a}, and not ${b}`);
}

async function kindOf(promise) {
  return promise.then(
    () => 'none',
    (error) => error.kind,
  );
}

async function transfers(db, count) {
  const transfer = () =>
    db.transaction(async (tx) => {
      const before = await tx.queryValue('SELECT n FROM sums');
      await tx.execute('UPDATE sums SET n = ?', [before + 1]);
      await tx.execute('INSERT INTO log (n) VALUES (?)', [before]);
    });
  await Promise.all(Array.from({ length: count }, transfer));
}

export const tests = {
  async 'twenty transactions at once end one after another, and none is busy'() {
    const db = await open('app.db');
    const other = await open('app.db', { busyTimeout: 0, readers: 1 });
    await db.batch('DROP TABLE IF EXISTS sums; DROP TABLE IF EXISTS log; CREATE TABLE sums (n); CREATE TABLE log (n UNIQUE); INSERT INTO sums VALUES (0)');
    for (let round = 0; round < 5; round += 1) await transfers(db, 20);
    equal(await other.queryValue('SELECT n FROM sums'), 100);
    equal(await db.queryValue('SELECT count(*) FROM log'), 100);
    equal(db.engine, 'native');
    await other.close();
    await db.close();
    equal(await kindOf(db.execute('SELECT 1')), 'Closed');
  },

  async 'values come back as they went, and long results whole'() {
    const db = await open(':memory:');
    await db.execute('CREATE TABLE v (a)');
    const blob = new Uint8Array(300_000).map((_, at) => (at * 7) % 256);
    const values = [null, 1, -1.5, 2n ** 60n, 'ü€😀', blob];
    for (const value of values) await db.execute('INSERT INTO v VALUES (?)', [value]);
    const back = (await db.query('SELECT a FROM v ORDER BY rowid')).map(({ a }) => a);
    equal(back.slice(0, 5), values.slice(0, 5));
    equal([...back[5]], [...blob]);
    await db.execute('CREATE TABLE n (i INTEGER PRIMARY KEY, t TEXT)');
    await db.executeMany('INSERT INTO n VALUES (?, ?)', Array.from({ length: 50_000 }, (_, i) => [i, `row ${i}`]));
    let sum = 0;
    for await (const { i } of db.stream('SELECT i, t FROM n')) sum += i;
    equal(sum, (50_000 * 49_999) / 2);
    equal((await db.query('SELECT * FROM n')).length, 50_000);
    const copy = await db.serialize();
    equal(new TextDecoder().decode(copy.subarray(0, 15)), 'SQLite format 3');
    equal((await new Response(db.backupStream()).arrayBuffer()).byteLength, copy.byteLength);
    equal(await kindOf(db.backup('copy.db')), 'Unsupported');
    await db.close();
  },

  async 'a thousand calls of one turn take effect in their order'() {
    const db = await open(':memory:');
    await db.execute('CREATE TABLE n (i)');
    const calls = [];
    for (let i = 0; i < 1_000; i += 1) {
      calls.push(db.execute('INSERT INTO n VALUES (?)', [i]));
      // In messages of their own, too.
      if (i % 10 === 0) await Promise.resolve();
    }
    await Promise.all(calls);
    const rows = await db.query('SELECT i FROM n ORDER BY rowid');
    equal(rows.map(({ i }) => i), Array.from({ length: 1_000 }, (_, i) => i));
    await db.close();
  },

  async 'errors have their kinds, and a live query sees the commits of other windows'() {
    const db = await open('live.db');
    await db.batch('DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY)');
    await db.execute('INSERT INTO t VALUES (1)');
    equal(await kindOf(db.execute('INSERT INTO t VALUES (1)')), 'PrimaryKeyViolation');
    equal(await kindOf(db.execute('SELEC 1')), 'Syntax');
    const watch = db.watch('SELECT count(*) AS n FROM t');
    const counts = [];
    for await (const { rows: [{ n }] } of watch) {
      counts.push(n);
      if (n === 3) break;
      if (n === 1) await db.execute('INSERT INTO t VALUES (2)');
      if (n === 2) equal(await invoke('window', { label: 'second', does: 'write' }), 'it has written');
    }
    equal(counts[0], 1);
    equal(counts.at(-1), 3);
    await invoke('destroy', { label: 'second' });
    const aborted = new AbortController();
    const long = db.query('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n', [], { signal: aborted.signal });
    setTimeout(() => aborted.abort(), 50);
    equal(await kindOf(long), 'Cancelled');
    await db.close();
  },

  async 'a transaction ends with the window that is destroyed, and with the page that reloads'() {
    const db = await open('ends.db');
    await db.batch('DROP TABLE IF EXISTS t; CREATE TABLE t (a)');
    equal(await invoke('window', { label: 'second', does: 'hold' }), 'it holds');
    const waits = db.execute("INSERT INTO t VALUES ('mine')");
    await invoke('destroy', { label: 'second' });
    await waits;
    equal(await invoke('window', { label: 'second', does: 'reload' }), 'it has reloaded');
    await db.execute("INSERT INTO t VALUES ('mine')");
    equal(await db.query('SELECT a FROM t'), [{ a: 'mine' }, { a: 'mine' }]);
    await invoke('destroy', { label: 'second' });
    await db.close();
  },

  async 'a page opens what the app allows, and a window without the permission nothing'() {
    for (const path of ['/etc/passwd.db', '../outside.db', 'a/../../outside.db']) {
      equal(await kindOf(open(path)), 'InvalidArgument', path);
    }
    const allowed = await invoke('allowed');
    await (await open(allowed)).close();
    equal(await kindOf(open(allowed.replace(/[^/]*$/, 'x/../$&'))), 'InvalidArgument');
    const nested = await open('folder/nested.db');
    await nested.close();
    const stranger = await invoke('window', { label: 'stranger', does: 'open' });
    if (!stranger.startsWith('Unsupported: ') || !stranger.includes('ubiqlite:default')) throw new Error(stranger);
  },
};
