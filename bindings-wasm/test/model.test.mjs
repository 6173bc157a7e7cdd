/**
 * Calls and handles as a model: the package's own Link and classes, against an engine that knows what it did, at a
 * border that is late, loses engines, and is slow. In runs of random steps calls are made, aborted, late, and given
 * up at every moment; what each caller was told must be what happened.
 *
 * `UBIQLITE_RUNS` says how many, `UBIQLITE_SEED` where they begin; with the latter alone it is one run.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { bundled } from './bundled.mjs';
import { install } from './model/clock.mjs';
import { run } from './model/run.mjs';

const { UBIQLITE_RUNS, UBIQLITE_SEED } = process.env;
const RUNS = Number(UBIQLITE_RUNS ?? (UBIQLITE_SEED === undefined ? 120_000 : 1));
const FIRST = Number(UBIQLITE_SEED ?? 1);

const modules = ['link/link.js', 'api/database.js', 'api/statements.js', 'errors.js'];
const parts = await import(pathToFileURL(await bundled(...modules)).href);
const turn = globalThis.setImmediate;
install();

test('whatever is aborted, late or lost, every caller is told what happened', async () => {
  const sum = { calls: 0, unknown: 0, lost: 0 };
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    let found;
    try {
      found = await run(parts, seed);
    } catch (error) {
      error.message = `UBIQLITE_SEED=${seed}: ${error.message}`;
      throw error;
    }
    for (const key of Object.keys(sum)) sum[key] += found[key];
    // Garbage is collected between turns only.
    if (seed % 100 === 0) await new Promise((resolve) => turn(resolve));
  }
  console.log(`    ${RUNS} runs, ${sum.calls} calls, ${sum.lost} engines lost, ${sum.unknown} outcomes unknown`);
  if (RUNS > 1000) assert.ok(sum.unknown > 0 && sum.lost > 0);
});
