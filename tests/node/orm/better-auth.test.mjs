/** better-auth's own suites for adapters, which Vitest runs: on Kysely with our dialect. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { HERE, folder } from './support.mjs';

test('all suites pass, and none of their tests is skipped', { timeout: 300_000 }, (t) => {
  const report = join(folder(t), 'report.json');
  const args = ['run', '--config', 'suites/vitest.config.mjs', '--reporter=json', `--outputFile=${report}`];
  const { status, stderr } = spawnSync(process.execPath, [join(HERE, 'node_modules/vitest/vitest.mjs'), ...args], { cwd: HERE, encoding: 'utf8', timeout: 240_000 });
  const { numTotalTests, numPassedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const failed = testResults.flatMap((it) => it.assertionResults).filter((it) => it.status !== 'passed');
  assert.deepEqual(failed.map((it) => [it.status, it.fullName, it.failureMessages]), []);
  assert.equal(status, 0, stderr);
  // As many as there are in the version that package.json names.
  assert.deepEqual([numPassedTests, numTotalTests], [455, 455]);
});
