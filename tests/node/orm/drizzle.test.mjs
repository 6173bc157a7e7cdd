/** What Drizzle documents for SQLite, on our driver. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DrizzleQueryError, and, asc, avg, count, desc, eq, exists, gt, getTableColumns, inArray, like, max, not, or, relations, sql, sum } from 'drizzle-orm';
import { alias, blob, check, except, index, int, integer, intersect, numeric, primaryKey, real, sqliteTable, sqliteView, text, union, unionAll, unique } from 'drizzle-orm/sqlite-core';

import { LIMIT, database, failure, within } from './support.mjs';

const { drizzle } = await import('ubiqlite/drizzle');

const users = sqliteTable('users', {
  id: integer().primaryKey({ autoIncrement: true }),
  name: text().notNull(),
  age: int(),
  role: text({ enum: ['admin', 'guest'] }).notNull().default('guest'),
  createdAt: integer('created_at', { mode: 'timestamp_ms' }).notNull().$defaultFn(() => new Date(0)),
}, (table) => [unique().on(table.name), index('users_age').on(table.age), check('age', sql`${table.age} >= 0`)]);
const posts = sqliteTable('posts', {
  id: integer().primaryKey(),
  author: integer('author_id').notNull().references(() => users.id, { onDelete: 'cascade' }),
  title: text().notNull(),
});
const groups = sqliteTable('groups', { id: integer().primaryKey(), name: text().notNull() });
const members = sqliteTable('members', {
  user: integer().notNull().references(() => users.id), group: integer().notNull().references(() => groups.id),
}, (table) => [primaryKey({ columns: [table.user, table.group] })]);
const kinds = sqliteTable('kinds', {
  id: integer().primaryKey(),
  bool: integer({ mode: 'boolean' }), at: integer({ mode: 'timestamp' }), number: real(), exact: numeric(), exactBig: numeric({ mode: 'bigint' }),
  json: text({ mode: 'json' }), bytes: blob({ mode: 'buffer' }), big: blob({ mode: 'bigint' }), blobJson: blob({ mode: 'json' }),
});
const adults = sqliteView('adults').as((it) => it.select().from(users).where(gt(users.age, 17)));

const usersRelations = relations(users, ({ many }) => ({ posts: many(posts), members: many(members) }));
const postsRelations = relations(posts, ({ one }) => ({ writer: one(users, { fields: [posts.author], references: [users.id] }) }));
const membersRelations = relations(members, ({ one }) => ({
  who: one(users, { fields: [members.user], references: [users.id] }), where: one(groups, { fields: [members.group], references: [groups.id] }),
}));
const schema = { users, posts, groups, members, kinds, adults, usersRelations, postsRelations, membersRelations };

const TABLES = `
  CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age >= 0), role TEXT NOT NULL DEFAULT 'guest', created_at INTEGER NOT NULL);
  CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, title TEXT NOT NULL);
  CREATE TABLE groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  CREATE TABLE members (user INTEGER NOT NULL REFERENCES users, "group" INTEGER NOT NULL REFERENCES groups, PRIMARY KEY (user, "group"));
  CREATE TABLE kinds (id INTEGER PRIMARY KEY, bool INTEGER, at INTEGER, number REAL, exact NUMERIC, exactBig NUMERIC, json TEXT, bytes BLOB, big BLOB, blobJson BLOB);
  CREATE VIEW adults AS SELECT * FROM users WHERE age > 17;
  INSERT INTO users (name, age, created_at) VALUES ('Ann', 20, 0), ('Bob', 10, 0), ('Cid', 30, 0);
  INSERT INTO posts (author_id, title) VALUES (1, 'one'), (1, 'two'), (3, 'three');
  INSERT INTO groups (name) VALUES ('g1'), ('g2');
  INSERT INTO members VALUES (1, 1), (1, 2), (2, 1);`;

/** Returns Drizzle on a database with these tables. */
async function people(t, config = {}) {
  const client = await database(t);
  await client.batch(TABLES);
  return drizzle(client, { schema, ...config });
}

test('select: fields, filters, order, limits, distinct, joins, aliases, aggregates', async (t) => {
  const db = await people(t);
  assert.deepEqual(await db.select().from(users).where(eq(users.id, 1)), [{ id: 1, name: 'Ann', age: 20, role: 'guest', createdAt: new Date(0) }]);
  const some = await db
    .select({ name: users.name, upper: sql`upper(${users.name})`, length: sql`length(${users.name})`.mapWith(String).as('length') })
    .from(users)
    .where(and(or(gt(users.age, 15), like(users.name, 'B%')), not(eq(users.id, 3))))
    .orderBy(desc(users.id))
    .limit(1)
    .offset(1);
  assert.deepEqual(some, [{ name: 'Ann', upper: 'ANN', length: '3' }]);
  assert.deepEqual(await db.selectDistinct({ author: posts.author }).from(posts).orderBy(asc(posts.author)), [{ author: 1 }, { author: 3 }]);
  const joined = await db.select().from(users).leftJoin(posts, eq(posts.author, users.id)).orderBy(users.id, posts.id);
  assert.deepEqual(joined.map((it) => [it.users.name, it.posts?.title]), [['Ann', 'one'], ['Ann', 'two'], ['Bob', undefined], ['Cid', 'three']]);
  assert.equal(joined[2].posts, null, 'columns of one name are told apart, and an absent row is null');
  const other = alias(users, 'other');
  const pairs = await db.select({ one: users.name, two: other.name }).from(users).innerJoin(other, gt(other.age, users.age)).orderBy(users.id, other.id);
  assert.deepEqual(pairs.map((it) => it.one + it.two), ['AnnCid', 'BobAnn', 'BobCid']);
  const grouped = await db
    .select({ author: posts.author, posts: count(), last: max(posts.id), ages: sum(users.age), mean: avg(users.age) })
    .from(posts)
    .innerJoin(users, eq(users.id, posts.author))
    .groupBy(posts.author)
    .having(({ posts }) => gt(posts, 1));
  assert.deepEqual(grouped, [{ author: 1, posts: 2, last: 2, ages: '40', mean: '20' }]);
  assert.deepEqual(await db.select({ name: adults.name }).from(adults).orderBy(adults.id), [{ name: 'Ann' }, { name: 'Cid' }]);
  const { createdAt, ...rest } = getTableColumns(users);
  assert.deepEqual(Object.keys((await db.select(rest).from(users))[0]), ['id', 'name', 'age', 'role'], String(createdAt.name));
});

test('subqueries, CTEs, exists and set operations', async (t) => {
  const db = await people(t);
  const authors = db.$with('authors').as(db.selectDistinct({ id: posts.author }).from(posts));
  assert.deepEqual(await db.with(authors).select({ name: users.name }).from(users).innerJoin(authors, eq(authors.id, users.id)).orderBy(users.id), [{ name: 'Ann' }, { name: 'Cid' }]);
  const sub = db.select({ author: posts.author, n: count().as('n') }).from(posts).groupBy(posts.author).as('sub');
  assert.deepEqual(await db.select({ name: users.name, n: sub.n }).from(users).leftJoin(sub, eq(sub.author, users.id)).orderBy(users.id), [
    { name: 'Ann', n: 2 }, { name: 'Bob', n: null }, { name: 'Cid', n: 1 },
  ]);
  const writing = db.select().from(posts).where(eq(posts.author, users.id));
  assert.equal((await db.select().from(users).where(exists(writing))).length, 2);
  assert.equal((await db.select().from(users).where(inArray(users.id, [1, 2, 99]))).length, 2);
  const ids = async (combine) => {
    const rows = await combine(db.select({ id: users.id }).from(users), db.select({ id: posts.author }).from(posts));
    return rows.map((it) => it.id).sort().join('');
  };
  assert.deepEqual(await Promise.all([union, unionAll, intersect, except].map(ids)), ['123', '111233', '13', '2']);
});

test('insert, update and delete: results, returning, defaults, upserts, from a select', async (t) => {
  const db = await people(t);
  const written = await db.insert(users).values({ name: 'Dan' });
  assert.deepEqual(written, { rowsChanged: 1, lastRowId: 4 });
  assert.deepEqual(await db.insert(users).values([{ name: 'Eve', age: 1, role: 'admin' }, { name: 'Fay' }]).returning({ id: users.id, role: users.role }), [
    { id: 5, role: 'admin' }, { id: 6, role: 'guest' },
  ]);
  assert.equal((await db.insert(users).values({ name: 'Fay' }).onConflictDoNothing()).rowsChanged, 0);
  const [upserted] = await db.insert(users).values({ name: 'Fay', age: 5 }).onConflictDoUpdate({ target: users.name, set: { age: sql`excluded.age` } }).returning();
  assert.deepEqual([upserted.id, upserted.age], [6, 5]);
  await db.insert(groups).select(db.select({ id: sql`NULL`.as('id'), name: users.name }).from(users).where(eq(users.id, 1)));
  assert.equal(await db.$count(groups), 3);
  assert.deepEqual(await db.update(users).set({ age: sql`${users.age} + 1` }).where(eq(users.name, 'Fay')).returning({ age: users.age }), [{ age: 6 }]);
  assert.deepEqual(await db.update(posts).set({ title: sql`${users.name}` }).from(users).where(and(eq(users.id, posts.author), eq(users.id, 3))).returning({ title: posts.title }), [{ title: 'Cid' }]);
  assert.deepEqual(await db.delete(users).where(eq(users.id, 3)).returning({ name: users.name }), [{ name: 'Cid' }]);
  assert.equal(await db.$count(posts), 2, 'foreign keys are on');
  assert.equal((await db.delete(users).where(gt(users.id, 3))).rowsChanged, 3);
});

test('$count: with filters, and as a column', async (t) => {
  const db = await people(t);
  assert.equal(await db.$count(users, gt(users.age, 15)), 2);
  assert.deepEqual(await db.select({ name: users.name, posts: db.$count(posts, eq(posts.author, users.id)) }).from(users).orderBy(users.id), [
    { name: 'Ann', posts: 2 }, { name: 'Bob', posts: 0 }, { name: 'Cid', posts: 1 },
  ]);
});

test('values of every mode of a column go there and back', async (t) => {
  const db = await people(t);
  const row = {
    id: 1, bool: true, at: new Date('2026-01-31T12:00:00Z'), number: 0.5, exact: '7', exactBig: 2n ** 60n, json: { a: [1, 'x'] },
    bytes: Buffer.from([0, 1, 255]), big: 2n ** 100n, blobJson: ['é', null],
  };
  await db.insert(kinds).values([row, { id: 2 }]);
  const [first, second] = await db.select().from(kinds).orderBy(kinds.id);
  assert.deepEqual(first, row);
  assert.ok(Buffer.isBuffer(first.bytes));
  assert.deepEqual(second, { id: 2, bool: null, at: null, number: null, exact: null, exactBig: null, json: null, bytes: null, big: null, blobJson: null });
  assert.deepEqual(await db.query.kinds.findFirst({ columns: { bool: true, at: true, json: true } }), { bool: true, at: row.at, json: row.json });
});

test('relational queries: nested, filtered, with extras, first and many', async (t) => {
  const db = await people(t);
  const all = await db.query.users.findMany({
    columns: { name: true },
    with: { posts: { columns: { title: true }, orderBy: desc(posts.id), with: { writer: { columns: { id: true } } } }, members: { with: { where: true } } },
    where: (table, { lt }) => lt(table.id, 3),
    orderBy: (table, { asc }) => asc(table.id),
    extras: { shout: sql`upper(${users.name})`.as('shout') },
  });
  assert.deepEqual(all, [
    {
      name: 'Ann', shout: 'ANN', posts: [{ title: 'two', writer: { id: 1 } }, { title: 'one', writer: { id: 1 } }],
      members: [{ user: 1, group: 1, where: { id: 1, name: 'g1' } }, { user: 1, group: 2, where: { id: 2, name: 'g2' } }],
    },
    { name: 'Bob', shout: 'BOB', posts: [], members: [{ user: 2, group: 1, where: { id: 1, name: 'g1' } }] },
  ]);
  const first = await db.query.posts.findFirst({ with: { writer: true }, where: eq(posts.id, 3) });
  assert.deepEqual(first.writer, { id: 3, name: 'Cid', age: 30, role: 'guest', createdAt: new Date(0) });
  assert.equal(await db.query.posts.findFirst({ where: eq(posts.id, 99) }), undefined);
});

test('all, get, values and run: of builders and of raw SQL', async (t) => {
  const db = await people(t);
  const query = db.select({ id: users.id, name: users.name }).from(users).orderBy(users.id);
  assert.deepEqual(await query.get(), { id: 1, name: 'Ann' });
  assert.deepEqual((await query.all()).length, 3);
  assert.deepEqual(await query.values(), [[1, 'Ann'], [2, 'Bob'], [3, 'Cid']]);
  assert.equal(await db.select().from(users).where(eq(users.id, 99)).get(), undefined);
  assert.deepEqual(await db.all(sql`SELECT id, name FROM ${users} WHERE id < ${3}`), [{ id: 1, name: 'Ann' }, { id: 2, name: 'Bob' }]);
  assert.deepEqual(await db.get(sql`SELECT name FROM ${users} WHERE id = ${2}`), { name: 'Bob' });
  assert.equal(await db.get(sql`SELECT name FROM ${users} WHERE id = ${99}`), undefined);
  assert.deepEqual(await db.insert(groups).values([{ name: 'g3' }, { name: 'g4' }]).returning({ id: groups.id }).get(), { id: 3 });
  assert.equal(await db.$count(groups), 4, 'all of it is done, though one row is asked for');
  assert.deepEqual(await db.values(sql`SELECT id, name FROM ${users} WHERE id = ${2}`), [[2, 'Bob']]);
  assert.deepEqual(await db.run(sql`UPDATE ${users} SET age = 1`), { rowsChanged: 3, lastRowId: 0 });
  assert.deepEqual(await db.run('SELECT 1'), { rowsChanged: 0, lastRowId: 0 });
});

test('prepared queries: placeholders in filters, limits and values, again and again', async (t) => {
  const db = await people(t);
  const byName = db.select().from(users).where(eq(sql`lower(${users.name})`, sql.placeholder('name'))).limit(sql.placeholder('limit')).prepare();
  assert.equal((await byName.all({ name: 'ann', limit: 5 }))[0].id, 1);
  assert.equal((await byName.get({ name: 'bob', limit: 5 })).id, 2);
  assert.deepEqual(await byName.execute({ name: 'bob', limit: 0 }), []);
  const insert = db.insert(users).values({ name: sql.placeholder('name') }).prepare();
  assert.deepEqual([(await insert.run({ name: 'Dan' })).lastRowId, (await insert.execute({ name: 'Eve' })).lastRowId], [4, 5]);
  const first = db.query.users.findFirst({ where: eq(users.id, sql.placeholder('id')), with: { posts: true } }).prepare();
  assert.equal((await first.execute({ id: 1 })).posts.length, 2);
  await assert.rejects(byName.all({ name: 'ann' }), { message: /No value for placeholder "limit"/ });
});

test('a transaction commits what it returns from, and undoes what throws or is rolled back', async (t) => {
  const db = await people(t);
  assert.equal(await db.transaction(async (tx) => {
    await tx.insert(users).values({ name: 'Dan' });
    assert.equal(await tx.$count(users), 4);
    assert.equal(await db.$count(users), 3, 'others do not see it yet, and do not wait');
    assert.equal((await tx.query.users.findFirst({ orderBy: desc(users.id) })).name, 'Dan');
    return 'done';
  }), 'done');
  const thrown = new Error('no');
  assert.equal(await failure(db.transaction(async (tx) => {
    await tx.delete(posts);
    throw thrown;
  })), thrown);
  await assert.rejects(db.transaction(async (tx) => {
    await tx.delete(posts);
    tx.rollback();
  }), { name: 'DrizzleError', message: 'Rollback' });
  assert.equal(await db.$count(posts), 3);
  for (const behavior of ['deferred', 'immediate', 'exclusive']) await db.transaction((tx) => tx.update(users).set({ age: 1 }), { behavior });
  assert.equal(await db.$count(users), 4);
});

test('what is nested is a savepoint: undone alone, and used through its own handle', async (t) => {
  const db = await people(t);
  await db.transaction(async (tx) => {
    await tx.insert(groups).values({ name: 'kept' });
    await failure(tx.transaction(async (inner) => {
      await inner.insert(groups).values({ name: 'undone' });
      await inner.transaction((deeper) => deeper.insert(groups).values({ name: 'undone too' }));
      inner.rollback();
    }));
    await tx.transaction(async (inner) => {
      await inner.insert(groups).values({ name: 'kept too' });
      const error = await failure(tx.insert(groups).values({ name: 'through the outer one' }));
      assert.equal(error.cause.kind, 'InvalidArgument');
    });
    const caught = await failure(tx.insert(users).values({ name: 'Ann' }));
    assert.equal(caught.cause.kind, 'UniqueViolation', 'a statement that fails does not end the transaction');
  });
  assert.deepEqual((await db.select().from(groups)).map((it) => it.name), ['g1', 'g2', 'kept', 'kept too']);
});

test('a batch is one transaction: each result in its form, all or none', async (t) => {
  const db = await people(t);
  const results = await db.batch([
    db.insert(users).values({ name: 'Dan' }).returning({ id: users.id }),
    db.update(users).set({ age: 1 }).where(eq(users.id, 4)),
    db.select({ name: users.name }).from(users).where(eq(users.id, 4)),
    db.query.users.findMany({ columns: { id: true }, with: { posts: { columns: { id: true } } }, where: eq(users.id, 1) }),
    db.query.users.findFirst({ columns: { age: true }, where: eq(users.id, 4) }),
    db.all(sql`SELECT age FROM ${users} WHERE id = 4`),
    db.get(sql`SELECT age FROM ${users} WHERE id = 4`),
    db.values(sql`SELECT age FROM ${users} WHERE id = 4`),
    db.run(sql`DELETE FROM ${users} WHERE id = 4`),
  ]);
  assert.deepEqual(results, [
    [{ id: 4 }], { rowsChanged: 1, lastRowId: 0 }, [{ name: 'Dan' }], [{ id: 1, posts: [{ id: 1 }, { id: 2 }] }], { age: 1 }, [{ age: 1 }], { age: 1 }, [[1]],
    { rowsChanged: 1, lastRowId: 0 },
  ]);
  const error = await failure(db.batch([db.insert(groups).values({ name: 'x' }), db.insert(users).values({ name: 'Ann' }), db.insert(groups).values({ name: 'y' })]));
  assert.equal(error.cause.kind, 'UniqueViolation');
  assert.equal(await db.$count(groups), 2);
});

test('a batch with a value that can not be encoded is refused whole, and no rejection is left unhandled', async (t) => {
  const unhandled = [];
  const note = (reason) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const db = await people(t);
  const good = () => [db.insert(groups).values({ name: 'x' }).returning(), db.run(sql`INSERT INTO groups (name) VALUES ('y')`)];
  for (let round = 0; round < 20; round += 1) {
    for (const wrong of [db.insert(kinds).values({ at: '2026-01-31' }), db.select().from(kinds).where(eq(kinds.at, 'today'))]) {
      await assert.rejects(db.batch([...good(), wrong, ...good()]), TypeError);
    }
    // A value that the engine refuses, while others are on their way.
    const taken = await failure(db.batch([...good(), db.insert(groups).values({ id: 1, name: 'z' }), ...good(), db.insert(groups).values({ id: 2, name: 'z' })]));
    assert.equal(taken.cause.kind, 'PrimaryKeyViolation');
  }
  // Rejections are reported after the turn in which nobody has handled them.
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(unhandled, []);
  assert.deepEqual((await db.select().from(groups)).map((it) => it.name), ['g1', 'g2']);
});

test('an error is Drizzle\'s, with the SQL and parameters, and ours as its cause', async (t) => {
  const db = await people(t);
  for (const run of [(it) => it.run(), (it) => it.all(), (it) => it.get(), (it) => it.values(), (it) => it]) {
    const error = await failure(run(db.insert(users).values({ name: 'Ann' }).returning()));
    assert.ok(error instanceof DrizzleQueryError);
    assert.deepEqual([error.cause.kind, error.cause.columns], ['UniqueViolation', ['name']]);
    assert.match(error.query, /^insert into "users"/);
    assert.ok(error.params.includes('Ann'));
  }
  assert.equal((await failure(db.run(sql`SELECT`))).cause.kind, 'Syntax');
});

test('casing, a logger, and the configuration with its client', async (t) => {
  const client = await database(t);
  const logged = [];
  const db = drizzle({ client, casing: 'snake_case', logger: { logQuery: (query, params) => logged.push([query, params]) } });
  assert.equal(db.$client, client);
  const table = sqliteTable('people', { firstName: text() });
  await db.run(sql`CREATE TABLE people (first_name TEXT)`);
  await db.batch([db.insert(table).values({ firstName: 'Ann' }), db.select().from(table)]);
  assert.deepEqual(await db.select().from(table), [{ firstName: 'Ann' }]);
  assert.deepEqual(logged.map(([query, params]) => [query.split(' ')[0], params]), [['CREATE', []], ['insert', ['Ann']], ['select', []], ['select', []]]);
});

test('a session as the client: what is set on a connection stays', async (t) => {
  const client = await database(t);
  const session = await client.acquire();
  const db = drizzle(session);
  await db.run(sql`CREATE TEMP TABLE mine (x)`);
  await db.transaction((tx) => tx.run(sql`INSERT INTO mine VALUES (1)`));
  assert.deepEqual(await db.values(sql`SELECT * FROM mine`), [[1]]);
  session.release();
});

test('a cache of Drizzle\'s is asked, filled and told of writes', async (t) => {
  const kept = new Map();
  const calls = [];
  const cache = {
    strategy: () => 'explicit',
    get: async (key) => kept.get(key),
    put: async (key, rows) => void kept.set(key, rows),
    onMutate: async ({ tables }) => void calls.push(tables),
  };
  const db = await people(t, { cache });
  const query = () => db.select().from(groups).$withCache();
  assert.equal((await query()).length, 2);
  await db.insert(groups).values({ name: 'more' });
  assert.deepEqual(calls, [['groups']]);
  assert.equal((await query()).length, 2, 'from the cache, whose onMutate here forgets nothing');
  await db.$cache.invalidate({ tables: 'users' });
  assert.deepEqual(calls[1], 'users');
});

test('queries of Drizzle are watched by their SQL and parameters', async (t) => {
  const db = await people(t);
  const { sql: text_, params } = db.select({ name: users.name }).from(users).where(gt(users.age, 15)).toSQL();
  const watch = db.$client.watch(text_, params)[Symbol.asyncIterator]();
  assert.equal((await within(LIMIT, watch.next(), 'the first result')).value.rows.length, 2);
  await db.update(users).set({ age: 16 }).where(eq(users.id, 2));
  assert.equal((await within(LIMIT, watch.next(), 'the second result')).value.rows.length, 3);
  await watch.return();
});

test('UPDATE and DELETE with a limit, which SQLite has to be compiled for, are refused and do nothing', async (t) => {
  const db = await people(t);
  assert.equal((await failure(db.delete(posts).orderBy(posts.id).limit(1))).cause.kind, 'Syntax');
  assert.equal(await db.$count(posts), 3);
});
