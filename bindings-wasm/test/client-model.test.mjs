/**
 * Calls and handles as a model: the package's own EngineClient and classes run against an engine that records what it
 * did, across a border that is slow, delays messages, and loses engines. In runs of random steps calls are made,
 * aborted, timed out and cancelled at any moment; the outcome that each caller was given must be what happened.
 *
 * `UBIQLITE_RUNS` is the number of runs, `UBIQLITE_SEED` the first seed; with the latter alone there is one run.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { bundled } from './bundled.mjs';

const { UBIQLITE_RUNS, UBIQLITE_SEED } = process.env;
const RUNS = Number(UBIQLITE_RUNS ?? (UBIQLITE_SEED === undefined ? 100_000 : 1));
const FIRST = Number(UBIQLITE_SEED ?? 1);
/** The number of processes side by side. In this process the test runner would track every promise. */
const PROCESSES = 2;

const MAIN = fileURLToPath(new URL('model/main.mjs', import.meta.url));

test('whatever is aborted, late or lost, every caller is told what happened', async () => {
  const modules = ['client/engine-client.js', 'api/database.js', 'api/statements.js', 'errors.js'];
  const bundle = pathToFileURL(await bundled(...modules)).href;
  const sum = { runs: 0, calls: 0, unknown: 0, lost: 0 };
  const share = Math.ceil(RUNS / PROCESSES);
  const parts = Array.from({ length: PROCESSES }, async (_, part) => {
    const count = Math.min(share, RUNS - part * share);
    const args = [MAIN, bundle, String(FIRST + part * share), String(Math.max(0, count))];
    const { stdout } = await promisify(execFile)(process.execPath, args).catch(({ stderr }) => assert.fail(stderr));
    for (const [key, value] of Object.entries(JSON.parse(stdout))) sum[key] += value;
  });
  await Promise.all(parts);
  console.log(`    ${sum.runs} runs, ${sum.calls} calls, ${sum.lost} engines lost, ${sum.unknown} outcomes unknown`);
  assert.equal(sum.runs, RUNS);
  if (RUNS > 1000) assert.ok(sum.unknown > 0 && sum.lost > 0);
});
