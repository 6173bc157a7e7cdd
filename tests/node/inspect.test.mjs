/** The data of the panel `ubiqlite/inspect`, without the panel: schema, counts, pages, statements and the log. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from '../../bindings-wasm/test/bundled.mjs';
import { database, within } from './support.mjs';

const MODULES = ['cells', 'commits', 'facts', 'follow', 'history', 'inspection', 'pager', 'paging', 'schema', 'source', 'statement'];
const data = await import(pathToFileURL(await bundled(...MODULES.map((name) => `inspect/data/${name}.js`))).href);

const HOSTILE = `a"b'; DROP TABLE t; --<img onerror=alert(1)>`;

/** Returns what the schema says of this table. */
async function detailsOf(db, name) {
  const relation = (await data.relations(db)).find((each) => each.name === name);
  assert.ok(relation, `${name} is listed`);
  return data.details(db, relation);
}

/** Shows a table as the panel does: reads the page where the pager is. */
async function browsing(db, name) {
  const table = await detailsOf(db, name);
  const pager = new data.Pager(table);
  const read = async () => {
    for (;;) {
      const query = data.pageQuery(table, pager.position, pager.sort);
      const { rows, more } = data.pageRows(await db.query(query.sql, [...query.params], { rows: 'array' }), query);
      const key = (row) => row?.slice(0, query.key.length) ?? [];
      const shown = { rows: rows.length, more, firstKey: key(rows[0]), lastKey: key(rows.at(-1)) };
      if (!pager.show(shown)) return rows.map((row) => data.pageRow(row, query).cells.map(({ value }) => value));
    }
  };
  return { pager, read };
}

test('tables of every kind are listed in groups, with what the schema says of them', async (t) => {
  const { db } = await database(t, {}, `
    CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x', twice GENERATED ALWAYS AS (id * 2));
    CREATE TABLE children (a TEXT, b INT, parent REFERENCES parents ON DELETE CASCADE, PRIMARY KEY (b, a)) WITHOUT ROWID, STRICT;
    CREATE INDEX by_parent ON children (parent DESC, lower(a)) WHERE b > 1;
    CREATE TRIGGER gone AFTER DELETE ON parents BEGIN SELECT 1; END;
    CREATE VIEW both AS SELECT * FROM parents;
    CREATE VIRTUAL TABLE words USING fts5(word);`.replace('parent REFERENCES', 'parent INT REFERENCES'));
  const all = await data.relations(db);
  assert.deepEqual(all.filter(({ kind }) => kind !== 'system').map(({ name, kind }) => [name, kind]), [
    ['children', 'table'], ['parents', 'table'], ['words', 'virtual'], ['both', 'view'],
  ]);
  assert.ok(all.some(({ name, kind }) => name === 'words_data' && kind === 'system'));
  const children = await detailsOf(db, 'children');
  assert.deepEqual([children.withoutRowid, children.strict], [true, true]);
  assert.deepEqual(children.columns.map(({ name, type, keyPlace, notNull }) => [name, type, keyPlace, notNull]), [
    ['a', 'TEXT', 2, true], ['b', 'INT', 1, true], ['parent', 'INT', 0, false],
  ]);
  const index = children.indexes.find(({ name }) => name === 'by_parent');
  assert.deepEqual([index.parts, index.unique, index.partial], [['parent DESC', '(expression)'], false, true]);
  assert.deepEqual(children.foreignKeys, [{ columns: ['parent'], parent: 'parents', parentColumns: [], onDelete: 'CASCADE', onUpdate: 'NO ACTION' }]);
  const parents = await detailsOf(db, 'parents');
  assert.deepEqual(parents.columns.map(({ name, generated, defaultSql }) => [name, generated, defaultSql]), [
    ['id', false, undefined], ['name', false, "'x'"], ['twice', true, undefined],
  ]);
  assert.deepEqual(parents.sql.map((sql) => sql.slice(0, 14)), ['CREATE TABLE p', 'CREATE TRIGGER']);
  assert.deepEqual((await detailsOf(db, 'words')).columns.map(({ name }) => name), ['word']);
});

test('a count stops after 10,000 rows, and one that takes too long is given up', async (t) => {
  const { db } = await database(t, {}, `
    CREATE TABLE t (n INTEGER PRIMARY KEY);
    CREATE VIEW endless AS WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) AS n FROM r;`);
  const insert = (from, to) => db.execute(`WITH RECURSIVE r(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM r WHERE i < ${to}) INSERT INTO t SELECT i FROM r`);
  await insert(1, 10_000);
  assert.equal(data.countText(await data.count(db, 't')), '10,000');
  await insert(10_001, 10_001);
  assert.equal(data.countText(await data.count(db, 't')), '10,000+');
  assert.equal(await within(20_000, data.count(db, 'endless'), 'the count'), undefined);
});

for (const [what, columns] of [
  ['a rowid', '(n INTEGER PRIMARY KEY, "rowid" TEXT)'],
  ['no key of its own', '(n INT)'],
  ['a key of two columns and no rowid', "(n INT, k TEXT DEFAULT 'k', PRIMARY KEY (k, n DESC)) WITHOUT ROWID"],
  ['columns that take all names of the rowid', '(n INT, rowid DEFAULT 7, oid DEFAULT 7, _RowID_ DEFAULT 7)'],
]) {
  test(`a table with ${what}: its pages are gone through forwards and backwards, and none is left out`, async (t) => {
    const { db } = await database(t, {}, `CREATE TABLE t ${columns}`);
    await db.execute('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 350) INSERT INTO t (n) SELECT i FROM r');
    const { pager, read } = await browsing(db, 't');
    const numbers = async () => (await read()).map(([n]) => Number(n));
    const page = (number) => Array.from({ length: number === 3 ? 50 : 100 }, (_, at) => number * 100 + at + 1);
    assert.equal(pager.hasPrevious, false);
    for (const number of [0, 1, 2, 3]) {
      assert.deepEqual(await numbers(), page(number));
      assert.equal(pager.text({ rows: 350, more: false }), `${number * 100 + 1}–${number === 3 ? 350 : number * 100 + 100} of 350`);
      assert.equal(pager.hasNext, number < 3);
      if (number < 3) pager.next();
    }
    for (const number of [2, 1, 0]) {
      assert.equal(pager.hasPrevious, true);
      pager.previous();
      assert.deepEqual(await numbers(), page(number));
    }
    assert.equal(pager.hasPrevious, false);
    assert.equal(pager.hasLast({ rows: 350, more: false }), true);
    pager.last({ rows: 350, more: false });
    assert.equal((await numbers()).at(-1), 350);
    assert.equal(pager.hasNext, false);
    pager.previous();
    await read();
    pager.first();
    assert.deepEqual(await numbers(), page(0));
  });
}

test('rows that are deleted or added around a page leave no empty page, and a page that is not full', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t (n INTEGER PRIMARY KEY)');
  await db.execute('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 250) INSERT INTO t SELECT i FROM r');
  const { pager, read } = await browsing(db, 't');
  const ends = async () => {
    const rows = await read();
    return [rows[0]?.[0], rows.at(-1)?.[0]].map(Number);
  };
  assert.deepEqual(await ends(), [1, 100]);
  pager.next();
  assert.deepEqual(await ends(), [101, 200]);
  await db.execute('DELETE FROM t WHERE n > 100');
  assert.deepEqual(await ends(), [1, 100]);
  pager.first();
  await db.execute('WITH RECURSIVE r(i) AS (SELECT 101 UNION ALL SELECT i + 1 FROM r WHERE i < 250) INSERT INTO t SELECT i FROM r');
  await ends();
  pager.last();
  assert.deepEqual(await ends(), [151, 250]);
  pager.previous();
  assert.deepEqual(await ends(), [51, 150]);
  pager.previous();
  // 50 rows are before it: the first page is shown, whole.
  assert.deepEqual(await ends(), [1, 100]);
  assert.equal(pager.hasPrevious, false);
  await db.execute('DELETE FROM t');
  assert.deepEqual(await read(), []);
  assert.equal(pager.text({ rows: 0, more: false }), 'no rows');
});

test('a column sorts up, down and not at all; rows with the same value keep an order, so that none is shown twice', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t (n INTEGER PRIMARY KEY, half INT)');
  await db.execute('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 250) INSERT INTO t SELECT i, i % 2 FROM r');
  const { pager, read } = await browsing(db, 't');
  pager.sortBy('half');
  const seen = [];
  for (;;) {
    seen.push(...(await read()).map(([n]) => Number(n)));
    if (!pager.hasNext) break;
    pager.next();
  }
  assert.deepEqual(seen.slice(0, 3), [2, 4, 6]);
  assert.equal(new Set(seen).size, 250);
  pager.sortBy('half');
  assert.deepEqual((await read()).slice(0, 2).map(([n]) => Number(n)), [1, 3]);
  pager.sortBy('half');
  assert.equal(pager.sort, undefined);
});

test('hostile names are names', async (t) => {
  const { db } = await database(t);
  const quoted = data.quoted(HOSTILE);
  await db.batch(`CREATE TABLE ${quoted} (${quoted} TEXT PRIMARY KEY, "key 0" INT) WITHOUT ROWID; INSERT INTO ${quoted} VALUES ('x', 1), ('y', 2)`);
  const { pager, read } = await browsing(db, HOSTILE);
  assert.deepEqual((await read()).map(([x]) => x), ['x', 'y']);
  pager.sortBy(HOSTILE);
  pager.sortBy(HOSTILE);
  assert.deepEqual((await read()).map(([x]) => x), ['y', 'x']);
  assert.equal((await data.count(db, HOSTILE)).rows, 2);
  const table = await detailsOf(db, HOSTILE);
  assert.equal(Number(await db.queryValue(data.valueQuery(table, 'key 0'), ['y'])), 2);
});

test('large values are cut by the query, with their size, and found whole by their key', async (t) => {
  const { db } = await database(t, {}, "CREATE TABLE t (a, b); INSERT INTO t VALUES (zeroblob(5000000), 'é' || printf('%.*c', 3000, 'x')), (x'00', 'short')");
  const table = await detailsOf(db, 't');
  const query = data.pageQuery(table, data.FIRST);
  const rows = (await db.query(query.sql, [], { rows: 'array' })).map((row) => data.pageRow(row, query));
  assert.deepEqual(rows[0].cells.map(({ value, size }) => [value.length, size]), [[256, 5_000_000], [256, 3002]]);
  assert.deepEqual(rows[1].cells.map(({ value, size }) => [value.length, size]), [[1, undefined], [5, undefined]]);
  assert.equal((await db.queryValue(data.valueQuery(table, 'a'), [...rows[0].key])).length, 5_000_000);
});

test('a table of 2000 columns is shown', async (t) => {
  const names = Array.from({ length: 2000 }, (_, at) => `c${at}`);
  const { db } = await database(t, {}, `CREATE TABLE t (${names.join(', ')}); INSERT INTO t (c1999) VALUES (5)`);
  const table = await detailsOf(db, 't');
  // With its key it would have a column too many.
  assert.equal(table.columns.length, 2000);
  const { read } = await browsing(db, 't');
  assert.equal(Number((await read())[0][1999]), 5);
});

test('a value is shown as what it is', () => {
  const text = (value, bigints = true, size) => {
    const { kind, text } = data.shown(value, size, bigints);
    return `${kind} ${text}`;
  };
  assert.equal(text(null), 'null NULL');
  assert.equal(text(9007199254740993n), 'integer 9007199254740993');
  assert.equal(text(1), 'real 1.0');
  assert.equal(text(0.1), 'real 0.1');
  assert.equal(text(1e300), 'real 1e+300');
  assert.equal(text(-Infinity), 'real -Infinity');
  assert.equal(text(1, false), 'number 1');
  assert.equal(text(''), 'empty (empty)');
  assert.equal(text('NULL'), 'text NULL');
  assert.equal(text('a\nb\tc\u202e\0'), 'text a↵b⇥c\\u202e␀');
  assert.equal(text(`${'x'.repeat(199)}😀`), `text ${'x'.repeat(199)}…`);
  assert.equal(text(new Uint8Array([0, 255])), "blob x'00ff' 2 B");
  assert.equal(text(new Uint8Array(256), true, 5_000_000), `blob x'${'00'.repeat(16)}…' 4.8 MiB`);
  assert.equal(data.whole('{"a":[1]}', true), '{\n  "a": [\n    1\n  ]\n}');
  assert.equal(data.whole('{"a":12345678901234567}', true), '{"a":12345678901234567}');
  assert.equal(data.whole(new TextEncoder().encode('<a>'), true), `00000000  3c 61 3e${' '.repeat(39)}  <a>`);
  assert.equal(data.sizeText(1024 * 1024 - 1), '1.0 MiB');
});

test('a statement is run as it is: a query in its own order and no further than what is shown, anything else once', async (t) => {
  const { db } = await database(t, {}, 'CREATE TABLE t (n INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, NULL), (2, NULL)');
  const run = async (sql) => {
    const { columns, rows, more, changed, watchable } = await data.execute(db, sql);
    return { columns: columns.map(({ name, declaredType }) => [name, declaredType]), rows: rows.map((row) => row.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell))), more, changed, watchable };
  };
  assert.deepEqual(await run('-- the newest\n/* first */ SELECT n, name FROM t ORDER BY n DESC; '), {
    columns: [['n', 'INTEGER'], ['name', 'TEXT']], rows: [[2, null], [1, null]], more: false, changed: undefined, watchable: true,
  });
  assert.deepEqual(await run('SELECT n FROM t WHERE n > 5'), { columns: [['n', 'INTEGER']], rows: [], more: false, changed: undefined, watchable: true });
  assert.deepEqual((await run('SELECT a.n, b.n FROM t a, t b ORDER BY a.n DESC, b.n; -- pairs')).rows, [[2, 1], [2, 2], [1, 1], [1, 2]]);
  const endless = await within(30_000, run('WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r'), 'the first rows');
  assert.deepEqual([endless.rows.length, endless.more, endless.watchable], [1000, true, false]);
  const large = await run("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 100) SELECT zeroblob(1000000) FROM r");
  assert.ok(large.more && large.rows.length < 20, `${large.rows.length} rows`);
  assert.deepEqual(await run('INSERT INTO t (name) VALUES (1), (2)'), { columns: [], rows: [], more: false, changed: 2, watchable: false });
  assert.deepEqual(await run('WITH w(x) AS (SELECT 9) INSERT INTO t (n) SELECT x FROM w RETURNING n'), {
    columns: [['n', 'INTEGER']], rows: [[9]], more: false, changed: 1, watchable: false,
  });
  assert.equal((await run('PRAGMA table_info(t)')).rows.length, 2);
  assert.equal((await run('EXPLAIN QUERY PLAN SELECT * FROM t')).rows.length, 1);
  assert.equal(Number(await db.queryValue('SELECT count(*) FROM t')), 5);
  for (const [sql, kind, offset] of [['SELECT nosuch FROM t', 'NoSuchColumn', 7], ['SELEC 1', 'Syntax', 0], ['SELECT 1; SELECT 2', 'InvalidArgument'], ['', 'InvalidArgument'], ['SELECT json(\'{\')', 'InvalidArgument']]) {
    const error = await data.execute(db, sql).then(() => undefined, (error) => error);
    assert.equal(error?.kind, kind, sql);
    if (offset !== undefined) assert.equal(error.offset, offset, sql);
    assert.equal(data.faultOf(error).kind, kind);
  }
  const { changed } = await data.script(db, 'DELETE FROM t; INSERT INTO t (n) VALUES (1); UPDATE t SET n = 2');
  assert.equal(changed, 7);
  await assert.rejects(data.script(db, 'DELETE FROM t; SELEC'), { kind: 'Syntax' });
  assert.equal(Number(await db.queryValue('SELECT count(*) FROM t')), 1);
});

test('a query ends when it is cancelled', async (t) => {
  const { db } = await database(t);
  const signal = AbortSignal.timeout(50);
  const endless = 'WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) FROM r';
  await assert.rejects(within(20_000, data.execute(db, endless, signal), 'the end'), { kind: 'Cancelled' });
});

test('an inspection follows the schema, the counts and the commits, and nothing of it runs after its end', async (t) => {
  const { db } = await database(t, { bigint: true }, 'CREATE TABLE t (n INTEGER PRIMARY KEY); INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT 1');
  const failures = [];
  const inspection = new data.Inspection(db, (error) => failures.push(error));
  t.after(() => inspection.close());
  let wake = () => {};
  inspection.listen(() => wake());
  /** Waits until this holds. */
  const until = (what, holds) =>
    within(30_000, (async () => {
      while (!holds()) await new Promise((resolve) => (wake = resolve));
    })(), what);
  await inspection.start();
  assert.equal(inspection.bigints, true);
  await until('the first count', () => inspection.counts.get('t')?.rows === 1);
  assert.equal(inspection.counts.has('v'), false);
  await db.batch(['INSERT INTO t VALUES (2), (3)', 'DELETE FROM t WHERE n = 1']);
  await until('the next count', () => inspection.counts.get('t')?.rows === 2);
  assert.deepEqual(inspection.log[0].tables, [{ name: 't', text: '2 inserted, 1 deleted' }]);
  await db.execute('CREATE TABLE more (x)');
  await until('the new table', () => inspection.counts.get('more')?.rows === 0);
  assert.deepEqual(inspection.log[0].notes, ['the schema may have changed']);
  await db.execute('DROP TABLE more');
  await until('its end', () => inspection.relations.every(({ name }) => name !== 'more') && !inspection.counts.has('more'));
  for (let n = 100; n < 100 + data.LOGGED; n += 1) {
    const { length } = inspection.log;
    const last = inspection.log[0];
    await db.execute('INSERT INTO t VALUES (?)', [n]);
    await until('the commit', () => inspection.log[0] !== last);
    assert.equal(inspection.log.length, Math.min(length + 1, data.LOGGED));
  }
  assert.equal(data.LOGGED, 200);
  inspection.close();
  const before = inspection.log.length;
  await db.execute('INSERT INTO t VALUES (50)');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(inspection.log.length, before);
  assert.deepEqual(failures, []);
});

test('a live page tells the rows that are new or changed, and keeps the others', async (t) => {
  const { db } = await database(t, {}, "CREATE TABLE t (n INTEGER PRIMARY KEY, name TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
  const query = data.pageQuery(await detailsOf(db, 't'), data.FIRST);
  const results = [];
  let wake = () => {};
  const stop = data.follow(db, query, true, (rows) => {
    results.push(rows);
    wake();
  }, (error) => assert.fail(error));
  const has = (count) =>
    within(30_000, (async () => {
      while (results.length < count) await new Promise((resolve) => (wake = resolve));
    })(), `${count} results`);
  await has(1);
  assert.equal(results[0].fresh.size, 0);
  await db.batch("UPDATE t SET name = 'c' WHERE n = 2; INSERT INTO t VALUES (3, 'd')");
  await has(2);
  const [before, { rows, fresh }] = results;
  assert.equal(rows[0], before.rows[0]);
  assert.deepEqual(rows.map((row) => fresh.has(row)), [false, true, true]);
  stop();
  await db.execute('DELETE FROM t');
  assert.equal(results.length, 2);
});

test('the log says of a commit what is known of it', () => {
  const event = { moment: 3, tables: [], everything: false, schema: false, external: false, reset: false };
  const at = new Date(0);
  const changed = Array.from({ length: 1500 }, () => ({ kind: 'update', key: 1 }));
  assert.deepEqual(data.entryOf({ ...event, tables: [{ name: 't', rows: changed }, { name: 'u', rows: undefined }] }, at), {
    at, moment: 3, tables: [{ name: 't', text: '1,500 updated' }, { name: 'u', text: 'any row' }], notes: [],
  });
  assert.deepEqual(data.entryOf({ ...event, everything: true }, at).notes, ['anything may have changed']);
  assert.deepEqual(data.entryOf({ ...event, everything: true, external: true, reset: true }, at).notes, ['another tab leads now', 'by another engine or with other settings']);
});

test('statements that were run are gone through, back to what was being written', () => {
  const history = new data.History();
  for (const text of ['one', 'two', 'two', ' ']) history.add(text);
  assert.equal(history.older('thr'), 'two');
  assert.equal(history.older('two'), 'one');
  assert.equal(history.older('one'), undefined);
  assert.equal(history.newer(), 'two');
  assert.equal(history.newer(), 'thr');
  assert.equal(history.newer(), undefined);
  history.add('three');
  assert.equal(history.older('three'), 'two');
});

test('the facts of a database, and the name of its copy', async (t) => {
  const { db, path } = await database(t, {}, 'CREATE TABLE t (x); PRAGMA user_version = 7');
  const facts = new Map(await data.facts(db));
  assert.equal(facts.get('Name'), path);
  assert.equal(facts.get('user_version'), '7');
  assert.match(facts.get('Size'), /^8\.0 KiB in 2 pages, 0 of them free$/);
  assert.match(facts.get('Engine'), /^(native|wasm), SQLite 3\./);
  assert.deepEqual(['/a/b/app.db', ':memory:', 'a b<c>.db', '..', '日本'].map(data.fileName), ['app.db', 'memory.db', 'a_b_c_.db', 'memory.db', 'memory.db']);
});
