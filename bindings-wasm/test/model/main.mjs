/** Runs the model in a separate process: `main.mjs BUNDLE FIRST COUNT`. Prints the totals as JSON. */

import { install } from './clock.mjs';
import { run } from './run.mjs';

const [bundle, first, count] = process.argv.slice(2);
const parts = await import(bundle);
const turn = globalThis.setImmediate;
install();
// Millions of errors are created here.
Error.stackTraceLimit = 0;

const sum = { runs: 0, calls: 0, unknown: 0, lost: 0 };
for (let seed = Number(first); sum.runs < Number(count); seed += 1) {
  try {
    const found = await run(parts, seed);
    for (const key of Object.keys(found)) sum[key] += found[key];
  } catch (error) {
    console.error(`UBIQLITE_SEED=${seed}: ${error.message}`);
    process.exit(1);
  }
  sum.runs += 1;
  // Garbage is collected only between turns.
  if (seed % 100 === 0) await new Promise((resolve) => turn(resolve));
}
console.log(JSON.stringify(sum));
