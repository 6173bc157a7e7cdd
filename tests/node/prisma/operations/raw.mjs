/** SQL that the program writes itself. */

export const raw = [
  ['$queryRaw', (_, { Prisma }, prisma) => prisma.$queryRaw`SELECT id, email, role FROM User WHERE credits > ${0} AND email LIKE ${'%x'} ORDER BY ${Prisma.raw('id')}`],
  ['$queryRaw of expressions', (_, __, prisma) => prisma.$queryRaw`SELECT 1 AS i, 1.0 AS r, 0.5 AS half, 'a' AS t, NULL AS n, count(*) AS c, sum(credits) AS s, avg(credits) AS a, max(email) AS m, 9007199254740993 AS big, 1 = 1 AS yes FROM User`],
  ['$queryRaw of expressions in several rows', (_, __, prisma) => prisma.$queryRaw`SELECT * FROM (VALUES (NULL, 1, 1.5, 'a'), (2, 2.5, 1, NULL), (3, 'x', 1, 'b'))`],
  ['$queryRaw without rows', (_, __, prisma) => prisma.$queryRaw`SELECT id, credits + 1 AS more FROM User WHERE id < 0`],
  ['$queryRaw with values of each kind', (_, __, prisma) => prisma.$queryRaw`SELECT ${1.5} AS r, ${'a'} AS t, ${null} AS n, ${2n ** 60n} AS big, ${new Date(0)} AS at, typeof(${new Date(0)}) AS d, typeof(${new Uint8Array([1, 2])}) AS bytes, typeof(${{ a: 1 }}) AS json`],
  ['$queryRaw with whole numbers', (_, __, prisma) => prisma.$queryRaw`SELECT typeof(${1}) AS small, typeof(${2 ** 40}) AS large, typeof(${true}) AS yes, ${7} / 2 AS half`],
  ['$queryRaw with a list', (_, { Prisma }, prisma) => prisma.$queryRaw`SELECT email FROM User WHERE id IN (${Prisma.join([1, 2, 3])}) ORDER BY id`],
  ['$queryRaw of declared types', async (_, __, prisma) => {
    await prisma.$executeRaw`CREATE TABLE declared (a TINYINT, b BIGINT, c DOUBLE, d FLOAT, e NUMERIC, f DECIMAL, g VARCHAR, h DATE, i TIME, j TIMESTAMP, k CLOB, l JSONB, m, n VARCHAR(20), o boolean)`;
    await prisma.$executeRaw`INSERT INTO declared VALUES (1.5, 5, 1, 1, 2, 3, 4, '2026-01-31', '12:00:00', 0, 'c', '{"a":1}', 'any', 'short', 1), (NULL, 9007199254740993, 0.5, 2.5, 'x', '1.25', NULL, NULL, '12:00:00.5', '2026-01-31T00:00:00Z', 5, 'null', 7, 8, 0)`;
    return prisma.$queryRaw`SELECT * FROM declared`;
  }],
  ['$queryRaw that writes', (_, __, prisma) => prisma.$queryRaw`UPDATE User SET credits = credits + 1 WHERE id < 3 RETURNING id, credits`],
  ['$queryRaw that returns no columns', (_, __, prisma) => prisma.$queryRaw`UPDATE User SET credits = credits - 1 WHERE id < 3`],
  ['$executeRaw', (_, __, prisma) => prisma.$executeRaw`UPDATE User SET credits = ${3} WHERE id IN (1, 2)`],
  ['$executeRaw that reads', (_, __, prisma) => prisma.$executeRaw`SELECT * FROM User`],
  ['$executeRaw of a schema', (_, __, prisma) => prisma.$executeRaw`CREATE TABLE other (a)`],
  ['$executeRawUnsafe', (_, __, prisma) => prisma.$executeRawUnsafe('INSERT INTO other VALUES (?), (?)', 'x', 5n)],
  ['$queryRawUnsafe', (_, __, prisma) => prisma.$queryRawUnsafe('SELECT a, typeof(a) AS type FROM other WHERE a IN ($1, $2)', 'x', 5)],
  ['$queryRaw of pragmas', (_, __, prisma) => prisma.$queryRaw`PRAGMA table_info(seats)`],
  ['$queryRaw of a plan', async (_, __, prisma) => (await prisma.$queryRaw`EXPLAIN QUERY PLAN SELECT * FROM User WHERE id = 1`).map((it) => it.detail)],
  ['raw, no such table', (_, __, prisma) => prisma.$queryRaw`SELECT * FROM nowhere`],
  ['raw, no such column', (_, __, prisma) => prisma.$queryRaw`SELECT missing FROM User`],
  ['raw, no such column to write', (_, __, prisma) => prisma.$executeRaw`INSERT INTO User (missing) VALUES (1)`],
  ['raw, wrong SQL', (_, __, prisma) => prisma.$queryRaw`SELEC 1`],
  ['raw, a unique value', (_, __, prisma) => prisma.$executeRaw`INSERT INTO User (email) VALUES ('ann@x')`],
  ['raw, a missing value', (_, __, prisma) => prisma.$executeRaw`INSERT INTO User (email) VALUES (NULL)`],
  ['raw, a check', async (_, __, prisma) => {
    await prisma.$executeRaw`CREATE TABLE checked (a INT CHECK (a > 0), b INTEGER PRIMARY KEY) STRICT`;
    return Promise.all([
      prisma.$executeRaw`INSERT INTO checked VALUES (0, 1)`.catch((error) => error),
      prisma.$executeRaw`INSERT INTO checked VALUES ('x', 1)`.catch((error) => error),
    ]);
  }],
  ['raw, a runtime error', (_, __, prisma) => prisma.$queryRaw`SELECT abs(-9223372036854775808)`],
];
