// Jest, in its Node environment and in its jsdom one.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { project, run, tool } from './support.mjs';

const WORKS = `const { smoke } = require('./smoke.cjs');
const { open, UniqueViolationError } = require('ubiqlite');
const path = require('node:path');

test('the package works', async () => {
  expect(await smoke(path.join(__dirname, \`\${Math.random()}.db\`))).toBe('works');
});

test('values and errors are those of the test', async () => {
  const db = await open(':memory:');
  await db.batch('CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)');
  await expect(db.execute('INSERT INTO t VALUES (1)')).rejects.toThrow(UniqueViolationError);
  expect(await db.queryValue('SELECT ?', [new Uint8Array([1, 2])])).toEqual(new Uint8Array([1, 2]));
  expect(await db.queryValue('SELECT ?', [{ a: [1] }])).toBe('{"a":[1]}');
  expect(await db.query('SELECT 1 AS a')).toStrictEqual([{ a: 1 }]);
  await db.close();
});
`;

async function jest(t, config) {
  const { readFileSync } = await import('node:fs');
  const { SMOKE } = await import('./support.mjs');
  // Jest's own modules are CommonJS.
  const smoke = readFileSync(SMOKE, 'utf8')
    .replace(/import \{(.*)\} from 'ubiqlite';/, "const {$1} = require('ubiqlite');")
    .replace('export async function smoke', 'exports.smoke = async function smoke');
  const folder = project(t, { 'app.test.js': WORKS, 'smoke.cjs': smoke }, { type: 'commonjs', jest: { rootDir: '.', ...config } });
  const { code, output } = await run(process.execPath, [tool('jest/bin/jest.js'), '--runInBand', '--ci'], { cwd: folder });
  assert.equal(code, 0, output);
  assert.match(output, /Tests: +2 passed, 2 total/);
  assert.ok(!/did not exit|force exited|open handle/.test(output), output);
}

test("Jest with Node's environment: the package works", (t) => jest(t, { testEnvironment: 'node' }));

test('Jest with jsdom: the package works with the line that the README names', (t) => jest(t, {
  testEnvironment: 'jsdom', testEnvironmentOptions: { customExportConditions: ['node', 'node-addons'] },
}));
