/**
 * Acknowledged writes are on the disk: strace counts the system calls of a process.
 * Without strace the tests are skipped, with a message.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Child, folder, installed } from './support.mjs';

const traced = await installed('strace', ['-f', '-o', '/dev/null', '-e', 'trace=fsync', process.execPath, '-e', '0']);
const skip = traced ? false : 'STRACE IS MISSING (or may not trace): whether fsync happens was NOT tested';
if (skip) console.error(skip);

/** Returns how often a process that inserts rows waits for the disk. */
async function syncs(t, way, many, synchronous = '') {
  const dir = folder(t);
  const trace = join(dir, 'trace');
  const before = ['strace', '-f', '-e', 'trace=fsync,fdatasync', '-o', trace];
  await new Child('inserter.mjs', [join(dir, 'app.db'), way, String(many), synchronous], { before, input: false }).ends(60_000);
  const calls = readFileSync(trace, 'utf8').match(/(fsync|fdatasync)\(\d+/g) ?? [];
  return calls.length;
}

test('each of 20 inserts that are awaited one after another waits for the disk', { skip, timeout: 120_000 }, async (t) => {
  const [none, twenty] = [await syncs(t, 'one by one', 0), await syncs(t, 'one by one', 20)];
  console.log(`    ${none} syncs without inserts, ${twenty} with 20`);
  assert.ok(twenty - none >= 20, `${twenty - none} syncs for 20 commits`);
  assert.ok(twenty - none <= 2 * 20, 'no more than a commit needs');
});

test('64 inserts at once share commits', { skip, timeout: 120_000 }, async (t) => {
  const [none, together] = [await syncs(t, 'at once', 0), await syncs(t, 'at once', 64)];
  console.log(`    ${together - none} syncs for 64 inserts at once`);
  assert.ok(together - none >= 1, 'they are on the disk');
  assert.ok(together - none <= 4, `${together - none} syncs`);
});

test('with synchronous off nothing waits for the disk but the end', { skip, timeout: 120_000 }, async (t) => {
  const [none, twenty] = [await syncs(t, 'one by one', 0, 'off'), await syncs(t, 'one by one', 20, 'off')];
  console.log(`    ${none} syncs without inserts, ${twenty} with 20`);
  assert.ok(twenty - none <= 1);
});
