/** The package by `require`, and then by `import` in the same program. */

const { open, UniqueViolationError } = require(process.argv[2]);

(async () => {
  const db = await open(':memory:');
  await db.batch('CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)');
  const error = await db.execute('INSERT INTO t VALUES (1)').catch((thrown) => thrown);
  const seen = [await db.queryValue('SELECT count(*) FROM t'), error instanceof UniqueViolationError];
  await db.close();
  console.log(JSON.stringify(seen));
})();
