/** A program of Prisma's, result for result and error for error as on Prisma's own adapter for better-sqlite3. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { CLIENT, folder } from './support.mjs';

/** What is not as it is there, each for the better: what we return, and why. */
const DIFFERENT = {
  'findMany, of many ids': { why: 'SQLite takes 32,766 parameters, and that adapter does not say so', ours: [1, 2, 3, 4, 5, 6, 7, 8, 100] },
  '$queryRaw with whole numbers': {
    why: 'a whole number is an INTEGER: there it is a REAL, and 7 / 2 is 3.5', ours: [{ small: 'integer', large: 'integer', yes: 'integer', half: { $bigint: '3' } }],
  },
  '$queryRawUnsafe': { why: '$1 and $2 are the first parameter and the second', ours: [{ a: 'x', type: 'text' }, { a: 5, type: 'integer' }] },
};

/** better-sqlite3 needs a newer Node than the package does. */
function newer() {
  if (Number(process.versions.node.split('.')[0]) >= 22) return process.execPath;
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const path = fileURLToPath(new URL(`node_modules/node-${system}-${process.arch}/bin/node${system === 'win' ? '.exe' : ''}`, import.meta.url));
  return existsSync(path) ? path : undefined;
}

const node = newer();

test('every operation', { skip: node === undefined && 'there is no Node 22 or newer, which better-sqlite3 needs: NOT compared' }, async (t) => {
  const run = async (program, adapter) => {
    const script = fileURLToPath(new URL('run.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)(program, [script, adapter, join(folder(t), 'app.db'), CLIENT], { maxBuffer: 1 << 26 });
    return JSON.parse(stdout);
  };
  const [ours, theirs] = await Promise.all([run(process.execPath, 'ubiqlite'), run(node, 'better-sqlite3')]);
  assert.ok(ours.length > 150, `${ours.length} operations`);
  assert.deepEqual(ours.map(([name]) => name), theirs.map(([name]) => name));
  for (const [at, [name, result]] of ours.entries()) {
    await t.test(name, () => {
      const different = DIFFERENT[name];
      if (different === undefined) return assert.deepEqual(withoutExtended(result), withoutExtended(theirs[at][1]));
      assert.deepEqual(result, different.ours);
      assert.notDeepEqual(theirs[at][1], different.ours, 'it is the same there by now');
    });
  }
});

/** Leaves out SQLite's extended code, for which that adapter has 1 whatever it is. */
function withoutExtended(value) {
  return JSON.parse(JSON.stringify(value, (name, it) => (name === 'extendedCode' ? undefined : it)));
}
