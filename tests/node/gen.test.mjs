// `npx ubiqlite gen -ts`: what it writes is compiled in strict mode against the package's types, and run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const packageFolder = join(root, 'bindings-wasm');
const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-gen-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
symlinkSync(packageFolder, join(folder, 'node_modules/ubiqlite'), 'junction');
symlinkSync(join(packageFolder, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'), 'junction');
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
const compilerOptions = {
  target: 'es2022',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
  types: ['node'],
};
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));

const run = (program, args) => spawnSync(process.execPath, [program, ...args], { cwd: folder, encoding: 'utf8' });
const gen = (...args) => run(join(packageFolder, 'dist/cli.cjs'), ['gen', ...args]);
const tsc = () => run(join(packageFolder, 'node_modules/typescript/bin/tsc'), ['-p', folder]);
const write = (name, text) => writeFileSync(join(folder, name), text);

const migration = readFileSync(join(root, 'docs/examples/gen/migrations/0001_items.sql'), 'utf8');
const queries = readFileSync(join(root, 'docs/examples/gen/queries.sql'), 'utf8');

function generate(schema, asked, ...options) {
  write('schema.sql', schema);
  write('queries.sql', asked);
  const done = gen(...options, '-ts', 'items.ts', 'schema.sql', 'queries.sql');
  assert.equal(done.status, 0, done.stderr);
}

// The guide's program.
const PROGRAM = readFileSync(join(root, 'docs/examples/js/typed-rows.ts'), 'utf8');

test('a program compiles in strict mode, and gets typed rows of a real file', () => {
  generate(migration, queries);
  write('program.ts', PROGRAM);
  const { status, stdout } = tsc();
  assert.equal(status, 0, stdout);
  const path = join(folder, 'app.db');
  assert.equal(run(join(packageFolder, 'dist/cli.cjs'), [path, migration]).status, 0);
  const done = run('program.js', [path]);
  assert.equal(done.status, 0, done.stderr);
  const [told, printed, large] = done.stdout.trim().split('\n');
  assert.equal(told, 'lamp: 19.9');
  assert.deepEqual(JSON.parse(printed), {
    rows: [{ id: 1, name: 'lamp', price: 19.9 }],
    sold: 1,
    item: { id: 1, name: 'lamp', price: 19.9, photo: null, sold: 1 },
    price: 19.9,
    parts: [
      { name: 'lamp', parts: 1 },
      { name: 'desk', parts: 0 },
    ],
    dearest: { price: 19.9 },
    none: null,
  });
  assert.equal(large, 'id is 9007199254740993, which no number holds');
});

test('a renamed column breaks the build, and a query that still names it is refused with its line', () => {
  write('program.ts', PROGRAM);
  const renamed = (text) => text.replaceAll('price', 'cost');
  generate(renamed(migration), renamed(queries));
  const { status, stdout } = tsc();
  assert.notEqual(status, 0);
  assert.match(stdout, /program\.ts.*Property 'price' does not exist on type 'Items'/);
  write('queries.sql', queries);
  const refused = gen('-ts', 'items.ts', 'schema.sql', 'queries.sql');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /^queries\.sql:5: NoSuchColumn: /);
});

test('a snapshot writes nothing, and a bigint or a NULL is no other type', () => {
  generate(migration, queries, '-bigint');
  const targets = `
import type { Savepoint, Session, Snapshot, Transaction } from 'ubiqlite';
import { getItem, sellItem } from './items.js';
export const all = (a: Session, b: Transaction, c: Savepoint, d: Snapshot): unknown[] => [
  ...[a, b, c].map((it) => sellItem(it, { id: 1 }, { timeout: 1000 })),
  ...[a, b, c, d].map((it) => getItem(it, { id: 1n })),
];
`;
  write('program.ts', targets);
  assert.equal(tsc().stdout, '');
  write('program.ts', targets.replace('[a, b, c].map', '[d].map'));
  assert.match(tsc().stdout, /Property 'execute' is missing in type 'Snapshot'/);
  write('program.ts', "import type { Items } from './items.js';\nexport const id = (item: Items): bigint => item.id;\n");
  assert.equal(tsc().status, 0);
  write('program.ts', "import type { CountPartsRow } from './items.js';\nexport const name = (row: CountPartsRow): string => row.name;\n");
  assert.match(tsc().stdout, /Type 'string \| null' is not assignable to type 'string'/);
});

test('an integer that no number holds is refused in a DECIMAL too, and one that a number holds is not', () => {
  generate('CREATE TABLE t (price DECIMAL, total NUMERIC);', '-- name: All :many\nSELECT * FROM t;\n-- name: Last :one\nSELECT total FROM t;');
  write(
    'program.ts',
    `
import { open } from 'ubiqlite';
import { all, last } from './items.js';
const db = await open(':memory:');
await db.batch('CREATE TABLE t (price DECIMAL, total NUMERIC); INSERT INTO t VALUES (20, 1.5)');
console.log(JSON.stringify(await all(db)));
await db.execute('UPDATE t SET price = 9007199254740993, total = 9007199254740995');
for (const run of [all, last]) console.log(await run(db).then(String, (error: unknown) => String(error)));
await db.close();
`,
  );
  const { status, stdout } = tsc();
  assert.equal(status, 0, stdout);
  const done = run('program.js', []);
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(done.stdout.trim().split('\n'), [
    '[{"price":20,"total":1.5}]',
    'RangeError: price is 9007199254740993, which no number holds',
    'RangeError: total is 9007199254740995, which no number holds',
  ]);
});

test('names that are none in TypeScript compile', () => {
  const read = (name) => readFileSync(join(root, 'tests/gen', name), 'utf8');
  for (const options of [[], ['-bigint']]) {
    generate(read('hostile.sql'), read('hostile-queries.sql'), ...options);
    write('program.ts', "import { type Class, delete_ } from './items.js';\nexport const last = (row: Class): string => row['a b'];\nexport { delete_ };\n");
    const { status, stdout } = tsc();
    assert.equal(status, 0, stdout);
  }
});
