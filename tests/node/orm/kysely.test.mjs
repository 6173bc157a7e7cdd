/** Kysely's documented recipes on our dialect. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  CamelCasePlugin, DeduplicateJoinsPlugin, DummyDriver, HandleEmptyInListsPlugin, Kysely, ParseJSONResultsPlugin, SqliteAdapter, SqliteIntrospector,
  SqliteQueryCompiler, replaceWithNoncontingentExpression, sql,
} from 'kysely';
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from 'kysely/helpers/sqlite';

import { LIMIT, database, failure, pause, within } from './support.mjs';

const { UbiqliteDialect } = await import('ubiqlite/kysely');

/** Returns Kysely on a new database, and that. */
async function people(t, config = {}, rows = ['Jennifer', 'Arnold', 'Sylvester']) {
  const database_ = await database(t);
  const db = new Kysely({ dialect: new UbiqliteDialect({ database: database_ }), ...config });
  await db.schema
    .createTable('person')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('first_name', 'text', (column) => column.notNull().unique())
    .addColumn('age', 'integer')
    .execute();
  await db.schema
    .createTable('pet')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('owner_id', 'integer', (column) => column.notNull().references('person.id').onDelete('cascade'))
    .addColumn('name', 'text', (column) => column.notNull())
    .execute();
  if (rows.length > 0) await db.insertInto('person').values(rows.map((first_name, at) => ({ first_name, age: 30 + at }))).execute();
  return { db, database: database_ };
}

const names = (db) => db.selectFrom('person').select('first_name').orderBy('id').execute().then((rows) => rows.map((it) => it.first_name));

test('select: joins, aliases, subqueries, aggregates, case, CTEs, unions', async (t) => {
  const { db } = await people(t);
  await db.insertInto('pet').values([{ owner_id: 1, name: 'Catto' }, { owner_id: 1, name: 'Doggo' }, { owner_id: 2, name: 'Rex' }]).execute();
  const joined = await db
    .selectFrom('person as p')
    .leftJoin('pet', 'pet.owner_id', 'p.id')
    .select(({ fn, eb }) => [
      'p.first_name as name',
      fn.count('pet.id').as('pets'),
      eb.case().when('p.age', '>', 31).then('old').else('young').end().as('kind'),
    ])
    .groupBy('p.id')
    .orderBy('p.id')
    .execute();
  assert.deepEqual(joined, [
    { name: 'Jennifer', pets: 2, kind: 'young' },
    { name: 'Arnold', pets: 1, kind: 'young' },
    { name: 'Sylvester', pets: 0, kind: 'old' },
  ]);
  const owners = await db
    .with('owners', (it) => it.selectFrom('pet').select('owner_id').distinct())
    .selectFrom('person')
    .where('id', 'in', (it) => it.selectFrom('owners').select('owner_id'))
    .select('first_name')
    .unionAll((it) => it.selectFrom('pet').select('name as first_name').where('name', 'like', 'R%'))
    .execute();
  assert.deepEqual(owners.map((it) => it.first_name), ['Jennifer', 'Arnold', 'Rex']);
  assert.equal(await db.selectFrom('person').selectAll().where('id', '=', 99).executeTakeFirst(), undefined);
  await assert.rejects(db.selectFrom('person').selectAll().where('id', '=', 99).executeTakeFirstOrThrow(), { message: /no result/ });
});

test('insert, update and delete: results, returning, on conflict, from a select', async (t) => {
  const { db } = await people(t, {}, []);
  const one = await db.insertInto('person').values({ first_name: 'Jennifer', age: 40 }).executeTakeFirstOrThrow();
  assert.deepEqual({ ...one }, { insertId: 1n, numInsertedOrUpdatedRows: 1n });
  const many = await db.insertInto('person').values([{ first_name: 'Arnold' }, { first_name: 'Sly', age: sql`5 + 6` }]).returning(['id', 'age']).execute();
  assert.deepEqual(many, [{ id: 2, age: null }, { id: 3, age: 11 }]);
  const ignored = await db.insertInto('person').values({ first_name: 'Sly' }).onConflict((it) => it.column('first_name').doNothing()).executeTakeFirstOrThrow();
  assert.deepEqual({ ...ignored }, { insertId: undefined, numInsertedOrUpdatedRows: 0n });
  const upserted = await db
    .insertInto('person')
    .values({ first_name: 'Sly', age: 60 })
    .onConflict((it) => it.column('first_name').doUpdateSet((eb) => ({ age: eb.ref('excluded.age') })))
    .returningAll()
    .executeTakeFirstOrThrow();
  assert.deepEqual(upserted, { id: 3, first_name: 'Sly', age: 60 });
  await db.insertInto('pet').columns(['owner_id', 'name']).expression((it) => it.selectFrom('person').select(['id', sql`'Pet of ' || first_name`.as('name')])).execute();
  const updated = await db.updateTable('person').set((eb) => ({ age: eb('age', '+', 1) })).where('age', 'is not', null).executeTakeFirstOrThrow();
  assert.equal(updated.numUpdatedRows, 2n);
  assert.equal((await db.updateTable('person').set({ age: 0 }).where('id', '=', 99).executeTakeFirstOrThrow()).numUpdatedRows, 0n);
  const from = await db.updateTable('pet').from('person').set((eb) => ({ name: eb.ref('person.first_name') })).whereRef('person.id', '=', 'pet.owner_id').returning('pet.name').execute();
  assert.deepEqual(from.map((it) => it.name).sort(), ['Arnold', 'Jennifer', 'Sly']);
  assert.deepEqual(await db.deleteFrom('person').where('id', '=', 1).returning('first_name').execute(), [{ first_name: 'Jennifer' }]);
  assert.deepEqual(await db.selectFrom('pet').select('owner_id').execute(), [{ owner_id: 2 }, { owner_id: 3 }], 'foreign keys are on');
  assert.equal((await db.deleteFrom('person').executeTakeFirstOrThrow()).numDeletedRows, 2n);
});

test('an error of SQLite is ours, with its kind, constraint and SQL', async (t) => {
  const { db } = await people(t);
  const error = await failure(db.insertInto('person').values({ first_name: 'Jennifer' }).execute());
  assert.equal(error.kind, 'UniqueViolation');
  assert.deepEqual(error.columns, ['first_name']);
  assert.equal(error.sql, 'insert into "person" ("first_name") values (?)');
});

test('JSON: nested rows by the helpers for SQLite', async (t) => {
  const { db } = await people(t, { plugins: [new ParseJSONResultsPlugin()] });
  await db.insertInto('pet').values([{ owner_id: 1, name: 'Catto' }, { owner_id: 1, name: 'Doggo' }]).execute();
  const rows = await db
    .selectFrom('person')
    .select((eb) => [
      'first_name',
      jsonArrayFrom(eb.selectFrom('pet').select(['pet.name']).whereRef('pet.owner_id', '=', 'person.id').orderBy('pet.id')).as('pets'),
      jsonObjectFrom(eb.selectFrom('pet').select(['pet.id']).whereRef('pet.owner_id', '=', 'person.id').limit(1)).as('first'),
      jsonBuildObject({ age: eb.ref('age') }).as('more'),
    ])
    .where('id', '<', 3)
    .execute();
  assert.deepEqual(rows, [
    { first_name: 'Jennifer', pets: [{ name: 'Catto' }, { name: 'Doggo' }], first: { id: 1 }, more: { age: 30 } },
    { first_name: 'Arnold', pets: [], first: null, more: { age: 31 } },
  ]);
});

test('values: big integers, bytes, moments, booleans, JSON', async (t) => {
  const { db } = await people(t);
  const date = new Date('2026-01-31T12:00:00.123Z');
  const big = 2n ** 62n;
  const { rows: [row] } = await sql`SELECT ${big} AS big, ${Buffer.from([1, 2])} AS bytes, ${date} AS at, ${true} AS yes, ${null} AS none, ${{ a: [1] }} AS json`.execute(db);
  assert.deepEqual(row, { big, bytes: new Uint8Array([1, 2]), at: '2026-01-31T12:00:00.123000000Z', yes: 1, none: null, json: '{"a":[1]}' });
  assert.equal(new Date(row.at).getTime(), date.getTime());
  const error = await failure(sql`SELECT ${undefined} AS x`.execute(db));
  assert.equal(error.kind, 'InvalidArgument');
});

test('raw SQL: references, tables, joins of pieces, and everything about a statement', async (t) => {
  const { db } = await people(t);
  const wanted = sql.join([1, 3]);
  const { rows } = await sql`SELECT ${sql.ref('first_name')} FROM ${sql.table('person')} WHERE id IN (${wanted})`.execute(db);
  assert.deepEqual(rows, [{ first_name: 'Jennifer' }, { first_name: 'Sylvester' }]);
  const written = await sql`INSERT INTO person (first_name) VALUES ('Bruce')`.execute(db);
  assert.deepEqual(written, { rows: [], numAffectedRows: 1n, insertId: 4n });
  assert.equal((await sql`UPDATE person SET age = 1 RETURNING id`.execute(db)).numAffectedRows, 4n);
  assert.equal((await sql`SELECT 1`.execute(db)).numAffectedRows, undefined);
});

test('streaming: in chunks of the size asked for, ended early, and failing', async (t) => {
  const { db } = await people(t, {}, Array.from({ length: 1000 }, (_, at) => `name ${at}`));
  const seen = [];
  for await (const row of db.selectFrom('person').select('id').orderBy('id').stream(100)) seen.push(row.id);
  assert.deepEqual(seen, Array.from({ length: 1000 }, (_, at) => at + 1));
  let chunks = 0;
  for await (const { rows } of db.getExecutor().stream(db.selectFrom('person').select('id').compile(), 300)) {
    chunks += 1;
    assert.equal(rows.length, chunks < 4 ? 300 : 100);
  }
  assert.equal(chunks, 4);
  for await (const row of db.selectFrom('person').select('id').stream()) {
    if (row.id === 5) break;
  }
  await assert.rejects(async () => {
    for await (const row of db.selectFrom('nothing').selectAll().stream()) assert.fail(row);
  }, { kind: 'NoSuchTable' });
  await db.transaction().execute(async (trx) => {
    await trx.deleteFrom('person').where('id', '>', 2).execute();
    const left = [];
    for await (const row of trx.selectFrom('person').select('id').stream()) left.push(row.id);
    assert.deepEqual(left, [1, 2], 'a stream in a transaction sees what that wrote');
  });
});

test('a transaction commits, or undoes everything and throws what was thrown', async (t) => {
  const { db } = await people(t);
  const id = await db.transaction().execute(async (trx) => {
    const { id } = await trx.insertInto('person').values({ first_name: 'Bruce' }).returning('id').executeTakeFirstOrThrow();
    assert.deepEqual((await names(db)).length, 3, 'others do not see it yet, and do not wait');
    return id;
  });
  assert.equal(id, 4);
  const thrown = new Error('no');
  const error = await failure(db.transaction().execute(async (trx) => {
    await trx.deleteFrom('person').execute();
    throw thrown;
  }));
  assert.equal(error, thrown);
  assert.equal((await names(db)).length, 4);
});

test('a transaction whose commit fails throws that error, and was undone', async (t) => {
  const { db } = await people(t);
  await sql`CREATE TABLE later (owner INTEGER REFERENCES person DEFERRABLE INITIALLY DEFERRED)`.execute(db);
  const error = await failure(db.transaction().execute((trx) => sql`INSERT INTO later VALUES (99)`.execute(trx)));
  assert.equal(error.kind, 'ForeignKeyViolation');
  const trx = await db.startTransaction().execute();
  await sql`INSERT INTO later VALUES (99)`.execute(trx);
  assert.equal((await failure(trx.commit().execute())).kind, 'ForeignKeyViolation');
  await trx.rollback().execute();
  assert.deepEqual((await sql`SELECT * FROM later`.execute(db)).rows, []);
});

test('a read-only transaction reads one moment, and its writes are refused', async (t) => {
  const { db } = await people(t);
  await db.transaction().setAccessMode('read only').setIsolationLevel('serializable').execute(async (trx) => {
    assert.equal((await names(trx)).length, 3);
    await db.deleteFrom('person').where('id', '=', 1).execute();
    assert.equal((await names(trx)).length, 3);
    assert.equal((await failure(trx.deleteFrom('person').execute())).kind, 'ReadOnly');
  });
  assert.equal((await names(db)).length, 2);
  await db.connection().execute(async (connection) => {
    await sql`CREATE TEMP TABLE mine (x)`.execute(connection);
    await connection.transaction().setAccessMode('read only').execute(async (trx) => {
      assert.ok((await failure(trx.deleteFrom('person').execute())) instanceof Error);
    });
    await connection.deleteFrom('person').where('id', '=', 2).execute();
  });
  assert.equal((await names(db)).length, 1);
});

test('a controlled transaction: commit, rollback, savepoints that are undone, kept and nested', async (t) => {
  const { db } = await people(t, {}, []);
  const add = (trx, first_name) => trx.insertInto('person').values({ first_name }).execute();
  const trx = await db.startTransaction().execute();
  await add(trx, 'a');
  const inner = await trx.savepoint('one').execute();
  await add(inner, 'b');
  await inner.rollbackToSavepoint('one').execute();
  await add(inner, 'c');
  await inner.rollbackToSavepoint('one').execute();
  await add(inner, 'd');
  const deeper = await inner.savepoint('two').execute();
  await add(deeper, 'e');
  const deepest = await deeper.savepoint('one').execute();
  await add(deepest, 'f');
  await deepest.rollbackToSavepoint('one').execute();
  assert.deepEqual(await names(deepest), ['a', 'd', 'e'], 'the innermost savepoint of a name is meant');
  const kept = await deepest.releaseSavepoint('two').execute();
  await add(kept, 'g');
  const undone = await kept.savepoint('three').execute();
  await add(undone, 'h');
  await undone.rollbackToSavepoint('one').execute();
  assert.deepEqual(await names(undone), ['a'], 'going back to an outer savepoint ends those inside of it');
  await assert.rejects(undone.releaseSavepoint('three').execute(), { message: 'no such savepoint: three' });
  await add(undone, 'i');
  await undone.commit().execute();
  assert.deepEqual(await names(db), ['a', 'i'], 'a commit keeps what is in open savepoints');
  const other = await db.startTransaction().execute();
  await other.deleteFrom('person').execute();
  await other.rollback().execute();
  assert.deepEqual(await names(db), ['a', 'i']);
  assert.ok(other.isRolledBack);
});

test('a connection keeps what is set on it until it is given back', async (t) => {
  const { db } = await people(t);
  await db.connection().execute(async (connection) => {
    await sql`PRAGMA foreign_keys = OFF`.execute(connection);
    await connection.insertInto('pet').values({ owner_id: 99, name: 'Stray' }).execute();
    await connection.transaction().execute((trx) => trx.insertInto('pet').values({ owner_id: 98, name: 'Stray' }).execute());
    await sql`CREATE TEMP TABLE mine AS SELECT * FROM pet`.execute(connection);
    assert.equal((await sql`SELECT * FROM mine`.execute(connection)).rows.length, 2);
  });
  assert.equal((await failure(db.insertInto('pet').values({ owner_id: 99, name: 'Stray' }).execute())).kind, 'ForeignKeyViolation');
  assert.equal((await failure(sql`SELECT * FROM mine`.execute(db))).kind, 'NoSuchTable');
});

test('a setting of a connection that would be given back at once is refused', async (t) => {
  const { db } = await people(t);
  const error = await failure(sql`PRAGMA foreign_keys = OFF`.execute(db));
  assert.equal(error.kind, 'InvalidArgument');
  assert.match(error.message, /only one connection/);
  assert.equal((await failure(db.insertInto('pet').values({ owner_id: 99, name: 'Stray' }).execute())).kind, 'ForeignKeyViolation');
});

test('abort: before, in mid-query by the strategy asked for, in a stream, and nothing is printed', async (t) => {
  const { db } = await people(t);
  const printed = t.mock.method(console, 'error', () => {});
  const reason = new Error('enough');
  const endless = sql`WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT count(*) AS n FROM r`;
  assert.equal(await failure(db.selectFrom('person').selectAll().execute({ signal: AbortSignal.abort(reason) })), reason);
  const controller = new AbortController();
  const running = failure(endless.execute(db, { signal: controller.signal, inflightQueryAbortStrategy: 'cancel query' }));
  setTimeout(() => controller.abort(reason), 20);
  assert.equal(await within(LIMIT, running, 'the query'), reason);
  // In the engine of one thread this waits until that query has really ended.
  await within(LIMIT, db.insertInto('person').values({ first_name: 'Bruce' }).execute(), 'a write after it');
  const streaming = new AbortController();
  const rows = sql`(WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) SELECT i FROM r)`.as('r');
  let count = 0;
  const error = await within(LIMIT, failure((async () => {
    for await (const row of db.selectFrom(rows).selectAll().stream({ chunkSize: 10, signal: streaming.signal })) {
      assert.ok(row.i > 0);
      if (++count === 50) streaming.abort(reason);
    }
  })()), 'the stream');
  assert.equal(error, reason);
  await within(LIMIT, db.insertInto('person').values({ first_name: 'Chuck' }).execute(), 'a write after it');
  const plain = await db.selectFrom('person').select('id').execute({ signal: new AbortController().signal });
  assert.equal(plain.length, 5);
  assert.equal((await failure(endless.execute(db, { signal: new AbortController().signal, inflightQueryAbortStrategy: 'kill session' }))).message.includes('kill session'), true);
  assert.deepEqual(printed.mock.calls, []);
});

test('an abort without a strategy stops waiting, and lets what has begun go on', async (t) => {
  const { db } = await people(t);
  const controller = new AbortController();
  const reason = new Error('enough');
  const filling = failure(sql`INSERT INTO person (first_name) WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 100000) SELECT 'name ' || i FROM r`
    .execute(db, { signal: controller.signal }));
  // By then it has been sent.
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(reason);
  assert.equal(await filling, reason);
  const done = async () => {
    while ((await names(db)).length < 100_003) await pause(10);
  };
  await within(LIMIT, done(), 'what had begun');
});

test('what is different from other dialects for SQLite: equal names, streams that write, limits', async (t) => {
  const { db } = await people(t);
  const [row] = await db.selectFrom('person as a').innerJoin('person as b', 'b.id', 'a.id').select(['a.id', 'b.id', 'b.age as id']).where('a.id', '=', 1).execute();
  assert.deepEqual(row, { id: 1, 'id:2': 1, 'id:3': 30 });
  const writing = db.updateTable('person').set({ age: 1 }).returning('id').stream();
  assert.equal((await failure(writing.next())).kind, 'InvalidArgument');
  assert.equal((await failure(db.deleteFrom('person').limit(1).execute())).kind, 'Syntax');
  assert.deepEqual((await names(db)).length, 3);
});

test('plugins: camel case, empty lists, joins without duplicates', async (t) => {
  const { db } = await people(t, { plugins: [new CamelCasePlugin(), new DeduplicateJoinsPlugin(), new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })] }, []);
  await db.insertInto('person').values({ firstName: 'Jennifer' }).execute();
  assert.deepEqual(await db.selectFrom('person').select('firstName').execute(), [{ firstName: 'Jennifer' }]);
  assert.deepEqual(await db.selectFrom('person').select('id').where('id', 'in', []).execute(), []);
  await db.insertInto('pet').values([{ ownerId: 1, name: 'Catto' }, { ownerId: 1, name: 'Doggo' }]).execute();
  // The recipe's: two helpers that each join the same table, which SQLite would refuse.
  const withOwner = (query) => query.innerJoin('person', 'person.id', 'pet.ownerId');
  const twice = withOwner(withOwner(db.selectFrom('pet'))).select(['pet.name', 'person.firstName']).orderBy('pet.id');
  assert.equal(twice.compile().sql.match(/inner join/g).length, 1);
  assert.deepEqual(await twice.execute(), [{ name: 'Catto', firstName: 'Jennifer' }, { name: 'Doggo', firstName: 'Jennifer' }]);
  const without = withOwner(withOwner(db.withoutPlugins().selectFrom('pet').select('pet.name')));
  assert.equal((await failure(without.execute())).kind, 'Syntax');
});

test('conditional selects, and queries that are built in one place and executed in another', async (t) => {
  const { db } = await people(t);
  const find = (withAge) => db.selectFrom('person').select('id').$if(withAge, (it) => it.select('age')).where('id', '=', 2);
  assert.deepEqual([await find(false).execute(), await find(true).execute()], [[{ id: 2 }], [{ id: 2, age: 31 }]]);
  const built = find(true).compile();
  assert.deepEqual([built.sql, built.parameters], ['select "id", "age" from "person" where "id" = ?', [2]]);
  assert.deepEqual((await db.executeQuery(built)).rows, [{ id: 2, age: 31 }]);
  // Built without a database.
  const cold = new Kysely({ dialect: { createAdapter: () => new SqliteAdapter(), createDriver: () => new DummyDriver(), createIntrospector: (it) => new SqliteIntrospector(it), createQueryCompiler: () => new SqliteQueryCompiler() } });
  const insert = cold.insertInto('person').values({ first_name: 'Meryl', age: 50 }).compile();
  const { insertId, numAffectedRows } = await db.executeQuery(insert);
  assert.deepEqual([insertId, numAffectedRows], [4n, 1n]);
  await db.transaction().execute(async (trx) => assert.equal((await trx.executeQuery(insert).catch((error) => error)).kind, 'UniqueViolation'));
  assert.deepEqual(await names(db), ['Jennifer', 'Arnold', 'Sylvester', 'Meryl']);
});

test('schemas: the databases that SQLite has attached, main and temp', async (t) => {
  const { db } = await people(t);
  assert.deepEqual(await db.withSchema('main').selectFrom('person').select('person.id').where('person.age', '=', 30).execute(), [{ id: 1 }]);
  await db.connection().execute(async (one) => {
    await sql`CREATE TEMP TABLE person (id INTEGER PRIMARY KEY, first_name TEXT)`.execute(one);
    const temp = one.withSchema('temp');
    await temp.insertInto('person').values({ first_name: 'Only here' }).execute();
    await temp.schema.createTable('more').addColumn('x', 'integer').execute();
    assert.deepEqual(await temp.selectFrom('person').select('first_name').execute(), [{ first_name: 'Only here' }]);
    assert.equal((await one.withSchema('main').selectFrom('person').select('id').execute()).length, 3);
    assert.equal((await failure(one.withSchema('nowhere').selectFrom('person').select('id').execute())).kind, 'NoSuchTable');
  });
  assert.equal((await failure(db.selectFrom('more').selectAll().execute())).kind, 'NoSuchTable', 'it ended with its connection');
});

test('Kysely is extended: by an expression of one\'s own, a helper, and a value that is an expression', async (t) => {
  const { db } = await people(t);
  /** The recipe's: what is an operation node is an expression. */
  class JsonValue {
    #value;
    constructor(value) {
      this.#value = value;
    }
    get expressionType() {
      return undefined;
    }
    toOperationNode() {
      return sql`json(${JSON.stringify(this.#value)})`.toOperationNode();
    }
  }
  const [json] = await db.selectFrom('person').select(sql`${new JsonValue({ a: [1, 'b'] })}`.as('json')).limit(1).execute();
  assert.deepEqual(json, { json: '{"a":[1,"b"]}' });
  await db.updateTable('person').set({ first_name: new JsonValue(['x']) }).where('id', '=', 1).execute();
  assert.equal((await names(db))[0], '["x"]');
  const lower = (expression) => sql`lower(${expression})`;
  const found = await db.selectFrom('person').select((eb) => lower(eb.ref('first_name')).as('name')).where((eb) => eb(lower(eb.ref('first_name')), '=', 'arnold')).execute();
  assert.deepEqual(found, [{ name: 'arnold' }]);
  const values = await db.selectFrom(sql`(VALUES (1, 'a'), (2, 'b'))`.as('v')).select(sql`column2`.as('text')).execute();
  assert.deepEqual(values, [{ text: 'a' }, { text: 'b' }]);
});

test('schema: alterations, indexes, views and generated columns, and what the introspection tells of them', async (t) => {
  const { db } = await people(t);
  await db.schema.alterTable('person').addColumn('email', 'text', (column) => column.defaultTo('none')).execute();
  await db.schema.alterTable('person').renameColumn('age', 'years').execute();
  await db.schema.alterTable('pet').dropColumn('name').execute();
  await db.schema.createIndex('person_email').on('person').column('email').ifNotExists().execute();
  await db.schema.createView('adults').as(db.selectFrom('person').select('id').where('years', '>=', 18)).execute();
  await db.schema.createTable('line').addColumn('price', 'real').addColumn('tax', 'real', (column) => column.generatedAlwaysAs(sql`price * 0.2`).stored()).execute();
  await db.insertInto('line').values({ price: 10 }).execute();
  assert.deepEqual(await db.selectFrom('line').selectAll().execute(), [{ price: 10, tax: 2 }]);
  assert.equal((await db.selectFrom('adults').selectAll().execute()).length, 3);
  const tables = await db.introspection.getTables();
  assert.deepEqual(tables.map((it) => [it.name, it.isView]), [['adults', true], ['line', false], ['person', false], ['pet', false]]);
  assert.deepEqual(tables[2].columns.map(({ name, dataType, isNullable, isAutoIncrementing, hasDefaultValue }) => ({ name, dataType, isNullable, isAutoIncrementing, hasDefaultValue })), [
    { name: 'id', dataType: 'INTEGER', isNullable: true, isAutoIncrementing: true, hasDefaultValue: false },
    { name: 'first_name', dataType: 'TEXT', isNullable: false, isAutoIncrementing: false, hasDefaultValue: false },
    { name: 'years', dataType: 'INTEGER', isNullable: true, isAutoIncrementing: false, hasDefaultValue: false },
    { name: 'email', dataType: 'TEXT', isNullable: true, isAutoIncrementing: false, hasDefaultValue: true },
  ]);
  const program = await db.selectFrom('person').selectAll().where('email', '=', 'x').explain();
  assert.ok(program.some((it) => it.opcode === 'SeekGE'), 'the index is used');
});

test('logging is told each query with its parameters and duration, and each error', async (t) => {
  const events = [];
  const { db } = await people(t, { log: (event) => events.push(event) }, []);
  events.length = 0;
  await db.insertInto('person').values({ first_name: 'Jennifer' }).execute();
  await failure(db.insertInto('person').values({ first_name: 'Jennifer' }).execute());
  for await (const row of db.selectFrom('person').select('id').stream()) assert.equal(row.id, 1);
  assert.deepEqual(events.map(({ level, query, isStream }) => [level, query.parameters, isStream]), [
    ['query', ['Jennifer'], false], ['error', ['Jennifer'], undefined], ['query', [], true],
  ]);
  assert.ok(events.every((it) => it.queryDurationMillis >= 0));
});

test('queries of Kysely are watched by their SQL and parameters', async (t) => {
  const { db, database } = await people(t);
  const query = db.selectFrom('person').select('first_name').where('age', '>', 30).orderBy('id').compile();
  const watch = database.watch(query.sql, query.parameters)[Symbol.asyncIterator]();
  assert.equal((await within(LIMIT, watch.next(), 'the first result')).value.rows.length, 2);
  await db.updateTable('person').set({ age: 50 }).where('id', '=', 1).execute();
  assert.equal((await within(LIMIT, watch.next(), 'the second result')).value.rows.length, 3);
  await watch.return();
});

test('the database is opened at the first query, and closed by destroy()', async () => {
  const { open } = await import('ubiqlite');
  let opened;
  const db = new Kysely({ dialect: new UbiqliteDialect({ database: async () => (opened = await open(':memory:')) }) });
  assert.equal(opened, undefined);
  await Promise.all([sql`SELECT 1`.execute(db), sql`SELECT 2`.execute(db)]);
  await db.destroy();
  assert.equal((await failure(opened.query('SELECT 1'))).kind, 'Closed');
  await assert.rejects(sql`SELECT 1`.execute(db), { message: /destroyed/ });
});
