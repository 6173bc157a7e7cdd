/** Migrations: where their files come from, what runs at opening, and what is told of them. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { Child, ENDLESS, database, failure, filesBeside, folder, only, outside, ubiqlite, within } from './support.mjs';

const { open } = ubiqlite;

const ITEMS = ['0001_items.sql', 'CREATE TABLE items (id INTEGER PRIMARY KEY)'];
const NAMES = ['0002_names.sql', 'ALTER TABLE items ADD COLUMN name TEXT'];
const NO_NAMES = ['0002_names.down.sql', 'ALTER TABLE items DROP COLUMN name'];
const BREAKS = ['0003_no_names.sql', '-- breaks: older\nALTER TABLE items DROP COLUMN name'];

/** Writes the files into a folder. */
function written(at, files) {
  mkdirSync(at, { recursive: true });
  for (const [name, text] of files) {
    mkdirSync(join(at, name, '..'), { recursive: true });
    writeFileSync(join(at, name), text);
  }
  return at;
}

const applied = async (db, files = []) => (await db.migrations(files).applied()).map(({ name }) => name);

test('files are taken as an object, a map, a generator, and from a folder by its path or URL', async (t) => {
  const dir = folder(t);
  const at = written(join(dir, 'migrations'), [NAMES, ITEMS, NO_NAMES]);
  const forms = {
    object: Object.fromEntries([NAMES, ITEMS]),
    glob: { './migrations/0002_names.sql': NAMES[1], './migrations/0001_items.sql': ITEMS[1] },
    bare: Object.assign(Object.create(null), Object.fromEntries([ITEMS, NAMES])),
    list: [NAMES, ITEMS],
    map: new Map([ITEMS, NAMES]),
    generator: (function* () {
      yield NAMES;
      yield ITEMS;
    })(),
    path: at,
    url: pathToFileURL(at),
    options: { files: [ITEMS, NAMES], allowNewer: true, lockTimeout: Infinity },
    'options of a folder': { files: `${at}/`, acceptEdited: false, lockTimeout: undefined },
  };
  for (const [form, migrations] of Object.entries(forms)) {
    const path = join(dir, `${form}.db`);
    const db = await open(path, { migrations });
    assert.deepEqual(await applied(db), ['0001_items', '0002_names'], form);
    await db.execute("INSERT INTO items (name) VALUES ('lamp')");
    await db.close();
    assert.deepEqual(await outside(path, 'SELECT name FROM items'), [['lamp']]);
  }
});

test('a list that can be read once is read once', async (t) => {
  const { db } = await database(t);
  const migrations = db.migrations([ITEMS, NAMES].values());
  assert.equal((await migrations.pending()).length, 2);
  assert.equal((await migrations.run()).length, 2);
});

test('a folder is read as the other languages read it', async (t) => {
  const dir = folder(t);
  const at = written(join(dir, 'kit'), [
    ['20240101120000_items/migration.sql', '\ufeffCREATE TABLE items (\r\n  id INTEGER PRIMARY KEY,\r\n  name TEXT DEFAULT \'ä\')'],
    ['20240101120000_items/snapshot.json', '{}'],
    ['README.md', 'no SQL'],
    ['schema.sql', 'CREATE TABLE another (x)'],
    ['old/0007_old.sql', 'CREATE TABLE old (x)'],
  ]);
  // What an editor leaves.
  if (process.platform !== 'win32') symlinkSync('nobody@nowhere', join(at, '.#README.md'));
  const db = await open(join(dir, 'app.db'), { migrations: at });
  t.after(() => db.close());
  assert.deepEqual(await applied(db), ['20240101120000_items']);
  assert.match(await db.queryValue("SELECT sql FROM sqlite_schema WHERE name = 'items'"), /\(\n  id .*\n.*'ä'\)$/);
  const journal = written(join(dir, 'journal'), [
    ['0000_calm_hulk.sql', 'CREATE TABLE a (x)'],
    ['meta/_journal.json', JSON.stringify({ entries: [{ idx: 0, when: 1700000000000, tag: '0000_calm_hulk' }] })],
    ['meta/0000_snapshot.json', '{}'],
  ]);
  const kit = await open(':memory:', { migrations: journal });
  assert.deepEqual(await applied(kit), ['0000_calm_hulk']);
  await kit.close();
});

test('a folder that can not be read is an error with its path, and no database is made', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'app.db');
  const missing = await failure(open(path, { migrations: join(dir, 'migratoins') }));
  assert.deepEqual([missing.kind, missing.path], ['CannotOpen', join(dir, 'migratoins')]);
  const at = written(join(dir, 'latin1'), [['1_items.sql', Buffer.from("CREATE TABLE items (x DEFAULT 'ä')", 'latin1')]]);
  const latin1 = await failure(open(path, { migrations: at }));
  assert.deepEqual([latin1.kind, latin1.path], ['InvalidArgument', join(at, '1_items.sql')]);
  // Several, while others are still being looked at: each is handled.
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const many = Array.from({ length: 300 }, (_, number) => [`${number + 1}_items.sql`, Buffer.from("SELECT 'ä'", 'latin1')]);
  const all = await failure(open(path, { migrations: written(join(dir, 'many'), many) }));
  assert.equal(all.kind, 'InvalidArgument');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(unhandled, []);
  const web = await failure(open(path, { migrations: new URL('https://example.com/migrations') }));
  assert.equal(web.kind, 'InvalidArgument');
  assert.deepEqual(filesBeside(path), ['latin1', 'many']);
  const { db } = await database(t);
  assert.equal((await failure(db.migrations(join(dir, 'migratoins')).run())).kind, 'CannotOpen');
});

test('what is no migration is refused by each call, by name, and nothing is made', async (t) => {
  const path = join(folder(t), 'app.db');
  const { db } = await database(t);
  for (const [files, message] of [
    [5, /not a number/],
    [null, /not null/],
    [new Date(), /not a Date/],
    [['1_items.sql'], /\[name, text\], not a string/],
    [[[1, 'SELECT 1']], /\[name, text\]/],
    [{ '1_items.sql': () => Promise.resolve({}) }, /1_items\.sql must be a string, not a function; .*eager: true/],
    [{ '1_items.sql': { default: '' } }, /1_items\.sql must be a string, not an Object; .*import: 'default'/],
  ]) {
    for (const call of [() => open(path, { migrations: files }), () => open(path, { migrations: { files } }), () => db.migrations(files).run()]) {
      const error = await failure(call());
      assert.equal(error.kind, 'InvalidArgument', String(files));
      assert.match(error.message, message);
    }
  }
  for (const [options, message] of [
    [{ alowNewer: true }, /no option "alowNewer"/],
    [{ allowNewer: 1 }, /allowNewer must be a boolean/],
    [{ acceptEdited: 'yes' }, /acceptEdited must be a boolean/],
    [{ lockTimeout: -1 }, /lockTimeout must be/],
    [{ lockTimeout: '1s' }, /lockTimeout must be/],
    [null, /must be an object/],
  ]) {
    const error = await failure(db.migrations([ITEMS], options).run());
    assert.equal(error.kind, 'InvalidArgument');
    assert.match(error.message, message);
    if (options !== null) assert.match((await failure(open(path, { migrations: { files: [ITEMS], ...options } }))).message, message);
  }
  for (const number of [-1, 1.5, '1', 2n ** 63n, undefined]) {
    assert.equal((await failure(db.migrations([ITEMS]).to(number))).kind, 'InvalidArgument', String(number));
  }
  assert.equal(existsSync(path), false);
  assert.match((await failure(db.migrations({ '1_items.sql': 'SELECT \ud800' }).run())).message, /surrogate/);
  assert.deepEqual(await db.migrations([ITEMS]).applied(), []);
});

test('an opening whose migration fails tells why, with the path, and leaves the file closed', async (t) => {
  const path = join(folder(t), 'app.db');
  const error = await failure(open(path, { migrations: [ITEMS, ['2_bad.sql', '\nCREATE TABEL more (x)']] }));
  assert.ok(error instanceof ubiqlite.SqlSyntaxError, `${error}`);
  assert.match(error.message, /2_bad: line 2/);
  assert.equal(error.path, path);
  assert.match(error.stack, /migrations\.test\.mjs/);
  assert.deepEqual(filesBeside(path), ['app.db']);
  const db = await open(path, { migrations: [ITEMS, ['2_good.sql', 'CREATE TABLE more (x)']] });
  assert.deepEqual(await applied(db), ['0001_items', '2_good']);
  await db.close();
});

test('an opening that takes too long or is aborted ends the migration, and what was done stays', async (t) => {
  const path = join(folder(t), 'app.db');
  const files = [ITEMS, ['2_endless.sql', `CREATE TABLE endless AS ${ENDLESS}`]];
  for (const [kind, options] of [['Timeout', { timeout: 300 }], ['Cancelled', { signal: AbortSignal.timeout(300) }]]) {
    const error = await within(20_000, failure(open(path, { migrations: files, ...options })), 'the opening');
    assert.equal(error.kind, kind, `${error}`);
    assert.match(error.message, /open/);
    const db = await open(path);
    assert.deepEqual(await applied(db), ['0001_items']);
    assert.equal(await db.queryValue("SELECT count(*) FROM sqlite_schema WHERE name = 'endless'"), 0);
    await db.close();
  }
  assert.deepEqual(filesBeside(path), ['app.db']);
});

test('a run that is aborted ends the migration under way', async (t) => {
  const { db } = await database(t);
  const migrations = db.migrations([ITEMS, ['2_endless.sql', `CREATE TABLE endless AS ${ENDLESS}`]]);
  for (const call of [() => migrations.run({ timeout: 200 }), () => migrations.run({ signal: AbortSignal.timeout(200) }), () => migrations.dryRun({ timeout: 200 })]) {
    const error = await within(20_000, failure(call()), 'the run');
    assert.match(error.kind, /^(Timeout|Cancelled)$/, `${error}`);
  }
  assert.deepEqual(await applied(db), ['0001_items']);
  assert.equal((await failure(migrations.pending({ timout: 1 }))).kind, 'InvalidArgument');
});

test('numbers, times and moments have types of JavaScript', async (t) => {
  for (const bigint of [false, true]) {
    const { db } = await database(t, { bigint });
    const migrations = db.migrations([ITEMS, ['20240101120000123_late.sql', '-- breaks: older\nCREATE TABLE late (x)'], ['20240101120000123_late.down.sql', 'DROP TABLE late']]);
    const before = Date.now();
    const steps = await migrations.run();
    assert.deepEqual(steps.map(({ took, ...step }) => step), [
      { number: 1, name: '0001_items', action: 'apply', alone: false },
      { number: 20240101120000123n, name: '20240101120000123_late', action: 'apply', alone: false },
    ]);
    for (const { took } of steps) assert.ok(took >= 0 && took < 60_000, `${took} ms`);
    const [first, late] = await db.migrations([ITEMS]).applied();
    for (const { appliedAt } of [first, late]) assert.ok(Math.abs(appliedAt.getTime() - before) < 60_000, `${appliedAt}`);
    assert.deepEqual({ ...first, appliedAt: 0, took: 0 }, { number: 1, name: '0001_items', appliedAt: 0, took: 0, breaksOlder: false, reversible: false, known: true });
    assert.deepEqual([late.number, late.breaksOlder, late.reversible, late.known], [20240101120000123n, true, true, false]);
    assert.deepEqual((await migrations.to(1)).map(({ action }) => action), ['revert']);
    assert.deepEqual((await migrations.to(20240101120000123n)).map(({ action }) => action), ['apply']);
    await db.execute('CREATE INDEX by_hand ON items (id)');
    assert.deepEqual(await migrations.verify(), [{ object: 'index by_hand', kind: 'added', details: [] }]);
  }
});

test('many that open a new database at the same time have each migration once', async (t) => {
  const path = join(folder(t), 'app.db');
  const migrations = [['1_log.sql', 'CREATE TABLE log (what)'], ['2_log.sql', "INSERT INTO log VALUES ('two')"], ['3_log.sql', "INSERT INTO log VALUES ('three')"]];
  const all = await Promise.all(Array.from({ length: 8 }, () => open(path, { migrations })));
  for (const db of all) assert.deepEqual(await db.query('SELECT what FROM log', [], { rows: 'array' }), [['two'], ['three']]);
  await Promise.all(all.map((db) => db.close()));
});

test('processes that start at the same time have each migration once', { skip: only('native', 'a file is for one process') }, async (t) => {
  const dir = folder(t);
  const at = written(join(dir, 'migrations'), [['1_log.sql', 'CREATE TABLE log (what)'], ...[2, 3, 4, 5].map((n) => [`${n}_log.sql`, `INSERT INTO log VALUES ('${n}')`])]);
  const children = Array.from({ length: 4 }, () => new Child('migrator.mjs', [join(dir, 'app.db'), at]));
  t.after(() => Promise.all(children.map((child) => child.kill())));
  await Promise.all(children.map((child) => child.tells('ready')));
  for (const child of children) child.say('go');
  for (const child of children) assert.equal(await child.ends(60_000), 'ready\n2,3,4,5\n');
});

test('others read and write while many migrations run', async (t) => {
  const { db, path } = await database(t, {}, 'CREATE TABLE log (n); CREATE TABLE own (n)');
  const migrations = Array.from({ length: 400 }, (_, at) => [`${at + 1}_log.sql`, `INSERT INTO log VALUES (1);\nCREATE INDEX log_${at} ON log (n)`]);
  const seen = new Set();
  let over = false;
  const opening = open(path, { migrations }).finally(() => (over = true));
  let writes = 0;
  while (!over) {
    seen.add(await db.queryValue('SELECT count(*) FROM log'));
    await db.execute('INSERT INTO own VALUES (?)', [writes]);
    writes += 1;
  }
  await (await opening).close();
  assert.equal(await db.queryValue('SELECT count(*) FROM own'), writes);
  const between = [...seen].filter((count) => count > 0 && count < 400);
  assert.ok(between.length > 0, `seen: ${[...seen].join()}`);
});

test('a program with older files is told that the schema is too new, and what it may do', async (t) => {
  const path = join(folder(t), 'app.db');
  const newer = await open(path, { migrations: [ITEMS, NAMES] });
  const error = await failure(open(path, { migrations: [ITEMS] }));
  assert.ok(error instanceof ubiqlite.SchemaTooNewError, `${error}`);
  assert.match(error.message, /0002_names/);
  assert.equal(error.path, path);
  const older = await open(path, { migrations: { files: [ITEMS], allowNewer: true } });
  assert.equal(await older.queryValue('SELECT count(name) FROM items'), 0);
  await older.close();
  await newer.migrations([ITEMS, NAMES, BREAKS]).run();
  assert.equal((await failure(open(path, { migrations: { files: [ITEMS], allowNewer: true } }))).kind, 'SchemaTooNew');
  await newer.close();
});

test('a program that has the database open is refused from a migration on that breaks it', { skip: only('wasm', 'each has an engine of its own') }, async (t) => {
  const path = join(folder(t), 'app.db');
  const older = await open(path, { migrations: [ITEMS, NAMES, NO_NAMES] });
  const newer = await open(path, { migrations: [ITEMS, NAMES, NO_NAMES] });
  const without = await open(path);
  await newer.migrations([ITEMS, NAMES, BREAKS]).run();
  for (const call of [() => older.query('SELECT id FROM items'), () => older.table('items').insert({ id: 1 }), () => older.begin()]) {
    assert.equal((await failure(call())).kind, 'SchemaTooNew');
  }
  await newer.table('items').insert({ id: 2 });
  assert.equal(await without.queryValue('SELECT id FROM items'), 2);
  for (const db of [older, newer, without]) await db.close();
});
