/** What the adapter promises beyond being like another one: connections, transactions, other users of the database. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { ENGINE, LIMIT, PACKAGE, PrismaClient, PrismaUbiqlite, client, datamodel, failure, folder, only, open, pause, within } from './support.mjs';
import { filters, push, withSchemaEngine } from './schema-engine.mjs';

const emails = async (prisma) => (await prisma.user.findMany({ orderBy: { email: 'asc' } })).map((it) => it.email);

/** A query that ends only when it is stopped. */
const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c';

/** A promise, and what resolves it. */
function signal() {
  let done;
  return { promise: new Promise((resolve) => (done = resolve)), done };
}

test('a live query sees what Prisma commits', async (t) => {
  const { prisma, database } = await client(t);
  const watch = database.watch('SELECT email FROM User')[Symbol.asyncIterator]();
  assert.deepEqual((await within(LIMIT, watch.next(), 'the first result')).value.rows, []);
  await prisma.user.create({ data: { email: 'ann@x' } });
  assert.deepEqual((await within(LIMIT, watch.next(), 'the second result')).value.rows, [{ email: 'ann@x' }]);
  await watch.return();
});

test('reads go on next to a transaction and do not see it, and a write waits for its end', async (t) => {
  const { prisma } = await client(t);
  const begun = signal();
  const go = signal();
  const transaction = prisma.$transaction(async (tx) => {
    await tx.user.create({ data: { email: 'within@x' } });
    begun.done();
    await go.promise;
    return tx.user.count();
  }, { timeout: LIMIT });
  await within(LIMIT, begun.promise, 'the transaction');
  assert.deepEqual(await prisma.user.findMany(), []);
  const write = prisma.user.create({ data: { email: 'without@x' }, select: { id: true } }).then((it) => it);
  go.done();
  assert.equal(await transaction, 1);
  assert.deepEqual(await write, { id: 2 });
});

for (const [where, nest] of [['itself', (tx, body) => body(tx)], ['one nested in it', (tx, body) => tx.$transaction(body)]]) {
  test(`a transaction past its timeout, in ${where}, is rolled back, and the next one begins`, async (t) => {
    const { prisma } = await client(t);
    const error = await failure(prisma.$transaction((tx) => nest(tx, async (inner) => {
      await inner.user.create({ data: { email: 'late@x' } });
      for (;;) await inner.user.count();
    }), { timeout: 100 }));
    // A query that runs then is stopped; one that comes after that is refused.
    assert.match(error.code, /^(P1018|P2028)$/);
    await prisma.$transaction((tx) => tx.user.create({ data: { email: 'next@x' } }));
    assert.deepEqual(await emails(prisma), ['next@x']);
  });
}

test('a transaction that did not begin in time is given up, and holds nobody', async (t) => {
  const { prisma } = await client(t);
  const begun = signal();
  const go = signal();
  const first = prisma.$transaction(async (tx) => {
    await tx.user.create({ data: { email: 'first@x' } });
    begun.done();
    await go.promise;
  }, { timeout: LIMIT });
  await within(LIMIT, begun.promise, 'the first');
  const error = await failure(prisma.$transaction((tx) => tx.user.create({ data: { email: 'second@x' } }), { maxWait: 50 }));
  assert.equal(error.code, 'P2028');
  go.done();
  await first;
  await prisma.$transaction((tx) => tx.user.create({ data: { email: 'third@x' } }));
  assert.deepEqual(await emails(prisma), ['first@x', 'third@x']);
});

test('a commit that fails rolls back, and the next transaction begins', async (t) => {
  const { prisma } = await client(t);
  const error = await failure(prisma.$transaction(async (tx) => {
    await tx.$executeRaw`PRAGMA defer_foreign_keys = 1`;
    await tx.$executeRaw`INSERT INTO Post (title, authorId) VALUES ('unpaid', 999)`;
  }));
  assert.equal(error.cause.kind, 'ForeignKeyConstraintViolation');
  assert.equal(await prisma.$transaction((tx) => tx.post.count()), 0);
});

test('the outer transaction is used while a nested one begins and ends', async (t) => {
  const { prisma } = await client(t);
  await prisma.$transaction(async (tx) => {
    const create = (on, email) => on.user.create({ data: { email } });
    await Promise.all([create(tx, 'a@x'), tx.$transaction((inner) => create(inner, 'b@x')), create(tx, 'c@x'), create(tx, 'd@x')]);
  });
  assert.deepEqual(await emails(prisma), ['a@x', 'b@x', 'c@x', 'd@x']);
});

test('what is asked just before a savepoint begins or ends, or the transaction, is done in that order', async (t) => {
  const { factory, database } = await client(t);
  const adapter = await factory.connect();
  const tx = await adapter.startTransaction();
  const insert = (name) => tx.executeRaw({ sql: `INSERT INTO Tag VALUES ('${name}')`, args: [], argTypes: [] });
  await within(LIMIT, Promise.all([insert('a'), tx.createSavepoint('one'), insert('b'), tx.createSavepoint('two'), insert('undone'), tx.rollbackToSavepoint('two'), insert('c'), tx.releaseSavepoint('one'), insert('d'), tx.commit()]), 'all');
  assert.deepEqual(await database.query('SELECT name FROM Tag ORDER BY name'), ['a', 'b', 'c', 'd'].map((name) => ({ name })));
  await adapter.dispose();
});

test('a query that runs when its transaction is past the timeout is stopped, with the lock', async (t) => {
  const { prisma } = await client(t);
  const error = await within(LIMIT, failure(prisma.$transaction(async (tx) => {
    await tx.user.create({ data: { email: 'late@x' } });
    await tx.$queryRawUnsafe(ENDLESS);
  }, { timeout: 100 })), 'the error');
  assert.deepEqual([error.code, error.meta.driverAdapterError.cause.kind], ['P2010', 'TransactionAlreadyClosed']);
  await prisma.user.create({ data: { email: 'next@x' } });
  assert.deepEqual(await emails(prisma), ['next@x']);
});

for (const nested of [false, true]) {
  test(`a rollback stops the query that runs${nested ? ' in a savepoint' : ''}, and does not wait for it`, async (t) => {
    const { prisma, factory } = await client(t);
    const adapter = await factory.connect();
    const tx = await adapter.startTransaction();
    if (nested) await tx.createSavepoint('one');
    await tx.executeRaw({ sql: "INSERT INTO Tag VALUES ('undone')", args: [], argTypes: [] });
    const endless = failure(tx.queryRaw({ sql: ENDLESS, args: [], argTypes: [] }));
    const savepoint = failure(tx.createSavepoint('two'));
    await pause(50);
    await within(LIMIT, tx.rollback(), 'the rollback');
    for (const error of [await endless, await savepoint]) assert.equal(error.cause.kind, 'TransactionAlreadyClosed');
    await within(LIMIT, prisma.tag.create({ data: { name: 'next' } }), 'the next write');
    assert.deepEqual((await prisma.tag.findMany()).map(({ name }) => name), ['next']);
    await adapter.dispose();
  });
}

test('$disconnect closes what the function opened, and the next query opens it again', async (t) => {
  const path = join(folder(t), 'app.db');
  const opened = [];
  const factory = new PrismaUbiqlite({
    database: async () => {
      opened.push(await open(path, { bigint: true }));
      return opened.at(-1);
    },
  });
  assert.equal(opened.length, 0);
  await push(factory, datamodel);
  const prisma = new PrismaClient({ adapter: factory });
  await prisma.user.create({ data: { email: 'ann@x' } });
  await prisma.$disconnect();
  for (const it of opened) assert.equal((await failure(it.query('SELECT 1'))).kind, 'Closed');
  assert.deepEqual(await emails(prisma), ['ann@x']);
  await prisma.$disconnect();
});

test('a database that was opened elsewhere stays open, and once it is closed the error says so', async (t) => {
  const { prisma, database } = await client(t, { shared: true });
  await prisma.user.create({ data: { email: 'ann@x' } });
  await prisma.$disconnect();
  assert.deepEqual(await database.query('SELECT email FROM User'), [{ email: 'ann@x' }]);
  assert.deepEqual(await emails(prisma), ['ann@x']);
  await database.close();
  assert.equal((await failure(prisma.user.count())).code, 'P1017');
});

test('a time limit of the database is one of each query', async (t) => {
  const { prisma, database } = await client(t);
  const limited = new PrismaClient({ adapter: new PrismaUbiqlite({ database: database.timeout(50) }) });
  const transaction = await database.begin();
  assert.equal((await failure(limited.user.create({ data: { email: 'ann@x' } }))).code, 'P1008');
  await transaction.rollback();
  assert.deepEqual(await emails(prisma), []);
});

test('without bigint, models are the same and what SQL computes is a number', async (t) => {
  const { prisma } = await client(t, { options: {} });
  const data = { int: 1, big: 2n ** 60n, float: 1, bool: true, at: new Date(0) };
  const { id, ...made } = await prisma.kinds.create({ data, select: { id: true, int: true, big: true, float: true, bool: true, at: true } });
  assert.deepEqual(made, data);
  assert.deepEqual(await prisma.$queryRaw`SELECT count(*) AS n, 1.0 AS r, big, 9007199254740993 AS large FROM Kinds`, [{ n: 1, r: 1, big: 2n ** 60n, large: 9007199254740993n }]);
});

test('moments as milliseconds', async (t) => {
  const { prisma } = await client(t, { timestampFormat: 'unixepoch-ms' });
  const at = new Date('2026-01-31T12:00:00.123Z');
  await prisma.kinds.create({ data: { at } });
  assert.deepEqual(await prisma.kinds.findFirst({ where: { at }, select: { at: true } }), { at });
  assert.deepEqual(await prisma.$queryRawUnsafe('SELECT at + 0 AS n FROM Kinds'), [{ n: BigInt(at.getTime()) }]);
});

test('bytes that SQL computes are bytes', async (t) => {
  const { prisma } = await client(t);
  assert.deepEqual(await prisma.$queryRaw`SELECT x'00ff' AS bytes`, [{ bytes: new Uint8Array([0, 255]) }]);
});

test('two columns of one name are both there', async (t) => {
  const { prisma } = await client(t);
  assert.deepEqual(await prisma.$queryRaw`SELECT 'a' AS id, 'b' AS id`, [{ id: 'a', 'id:2': 'b' }]);
});

test('a unique index on an expression is told by its name', async (t) => {
  const { prisma } = await client(t);
  await prisma.$executeRaw`CREATE UNIQUE INDEX one_name ON User (lower(name))`;
  await prisma.user.create({ data: { email: 'a@x', name: 'Ann' } });
  const { code, meta } = await failure(prisma.user.create({ data: { email: 'b@x', name: 'ANN' } }));
  assert.deepEqual([code, meta.driverAdapterError.cause.constraint], ['P2002', { index: 'one_name' }]);
});

test('thousands of parameters', async (t) => {
  const { prisma } = await client(t);
  await prisma.user.create({ data: { id: 32_760, email: 'ann@x' } });
  assert.equal(await prisma.user.count({ where: { id: { in: Array.from({ length: 32_760 }, (_, at) => at + 1) } } }), 1);
});

test('what would change a shared connection is refused, with the reason', async (t) => {
  const { prisma } = await client(t);
  const error = await failure(prisma.$executeRaw`PRAGMA foreign_keys = 0`);
  assert.equal(error.kind, 'InvalidArgument');
  assert.match(error.message, /acquire\(\)/);
});

test('another process that writes is waited for, and then the error says that it took too long', { skip: only('native', 'the other one has a file of its own') }, async (t) => {
  const { prisma, path } = await client(t, { options: { bigint: true, busyTimeout: 50 } });
  const program = `const { open } = await import(${JSON.stringify(PACKAGE)}); const db = await open(process.argv[1]); globalThis.tx = await db.begin(); console.log('begun'); process.stdin.resume();`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => other.kill());
  await within(LIMIT, once(other.stdout, 'data'), 'the other process');
  assert.equal((await failure(prisma.user.create({ data: { email: 'ann@x' } }))).code, 'P1008');
  assert.equal((await failure(prisma.$transaction((tx) => tx.user.count()))).code, 'P1008');
  const gone = once(other, 'exit');
  other.kill();
  await within(LIMIT, gone, 'the end of the other process');
  await prisma.user.create({ data: { email: 'ann@x' } });
});

test('a migration that gives a table another form keeps its rows and their children', async (t) => {
  const { prisma, factory } = await client(t);
  await prisma.user.create({ data: { email: 'ann@x', profile: { create: { bio: 'reads' } } } });
  const adapter = await factory.connect();
  // As Prisma writes it.
  await adapter.executeScript(`
    -- RedefineTables
    PRAGMA defer_foreign_keys=ON;
    PRAGMA foreign_keys=OFF;
    CREATE TABLE "new_User" ("id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, "email" TEXT NOT NULL, "name" TEXT, "role" TEXT NOT NULL DEFAULT 'USER', "credits" INTEGER NOT NULL DEFAULT 3, "bossId" INTEGER);
    INSERT INTO "new_User" ("id", "email", "name", "role", "bossId") SELECT "id", "email", "name", "role", "bossId" FROM "User";
    DROP TABLE "User";
    ALTER TABLE "new_User" RENAME TO "User";
    CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
    PRAGMA foreign_keys=ON;
    PRAGMA defer_foreign_keys=OFF;
  `);
  await adapter.dispose();
  assert.deepEqual(await prisma.user.findMany({ select: { credits: true, profile: { select: { bio: true } } } }), [{ credits: 3, profile: { bio: 'reads' } }]);
  assert.equal((await failure(prisma.profile.create({ data: { bio: 'x', userId: 999 } }))).code, 'P2003', 'foreign keys are on');
});

test('a script that fails has done nothing, and its error is one of the adapter', async (t) => {
  const { factory, database } = await client(t);
  const adapter = await factory.connect();
  const { name, cause } = await failure(adapter.executeScript("INSERT INTO Tag VALUES ('kept'); INSERT INTO nowhere VALUES (1);"));
  await adapter.dispose();
  assert.deepEqual([name, cause.kind, cause.table, cause.originalCode], ['DriverAdapterError', 'TableDoesNotExist', 'nowhere', 'SQLITE_ERROR']);
  assert.deepEqual(await database.query('SELECT * FROM Tag'), []);
});

test('migrations are replayed in the shadow database', async () => {
  const diff = (factory) => {
    const file = { path: 'migration.sql', content: { tag: 'ok', value: 'CREATE TABLE "Tag" ("name" TEXT NOT NULL PRIMARY KEY)' } };
    const from = { tag: 'migrations', baseDir: '/', lockfile: { path: 'migration_lock.toml', content: 'provider = "sqlite"' }, shadowDbInitScript: '', migrationDirectories: [{ path: '1_tag', migrationFile: file }] };
    const content = 'datasource db {\n  provider = "sqlite"\n}\nmodel Tag {\n  name String @id\n  more Int?\n}';
    const to = { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] };
    return withSchemaEngine(factory, (engine) => engine.diff({ from, to, script: true, exitCode: null, shadowDatabaseUrl: null, filters }));
  };
  const memory = () => open(':memory:', { bigint: true });
  assert.match((await diff(new PrismaUbiqlite({ database: memory, shadowDatabase: memory }))).stdout, /ALTER TABLE "Tag" ADD COLUMN "more" INTEGER;/);
  await assert.rejects(new PrismaUbiqlite({ database: memory }).connectToShadowDb(), { message: /configure shadowDatabase/ });
});

test('require() finds it, it imports its peer and nothing else, and nothing imports it', async (t) => {
  const { PrismaUbiqlite: required } = createRequire(import.meta.url)('ubiqlite/prisma');
  const { database } = await client(t);
  const prisma = new PrismaClient({ adapter: new required({ database }) });
  assert.deepEqual(await emails(prisma), []);
  const dist = dirname(PACKAGE);
  const text = (name) => readFileSync(join(dist, name), 'utf8');
  const imports = [...text('prisma.mjs').matchAll(/(?:from|import|require\()\s*"([^"]+)"/g)].map(([, from]) => from);
  assert.deepEqual(new Set(imports), new Set(['@prisma/driver-adapter-utils']));
  for (const name of ['browser.js', 'worker.js', 'hub.js', 'node.cjs', 'node.mjs']) assert.doesNotMatch(text(name), /driver-adapter-utils|PrismaUbiqlite/, name);
});

test('it runs on the engine that was asked for', async (t) => {
  assert.equal((await client(t)).database.engine, ENGINE);
});
