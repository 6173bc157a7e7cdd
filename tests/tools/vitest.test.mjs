// Vitest, in threads and in processes.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { node, project, tool } from './support.mjs';

const WORKS = `import { expect, test } from 'vitest';
import { UniqueViolationError, open } from 'ubiqlite';
import { smoke } from './smoke.mjs';

test('the package works', async () => {
  expect(await smoke(new URL('./app.db', import.meta.url).pathname)).toBe('works');
});

test('errors are told by their class', async () => {
  const db = await open(':memory:');
  await db.batch('CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)');
  await expect(db.execute('INSERT INTO t VALUES (1)')).rejects.toThrow(UniqueViolationError);
  await db.close();
});
`;

for (const pool of ['threads', 'forks', 'vmThreads']) {
  test(`Vitest, pool ${pool}: the package works`, async (t) => {
    const folder = project(t, { 'app.test.mjs': WORKS });
    const output = await node([tool('vitest/vitest.mjs'), 'run', `--pool=${pool}`, '--no-color'], { cwd: folder });
    assert.match(output, /2 passed/, output);
  });
}
