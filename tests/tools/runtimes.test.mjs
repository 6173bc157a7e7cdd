// Bun and Deno, which have Node's modules, or most of them.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { project, run, tool } from './support.mjs';

const PROGRAM = `import { smoke } from './smoke.mjs';
console.log(await smoke(process.argv[2]));
`;

/** The platform in the names of the npm packages that hold the programs for this machine. */
const machine = `${process.platform}-${process.arch}`;
const RUNTIMES = {
  Bun: [[`@oven/bun-${machine === 'linux-arm64' ? 'linux-aarch64' : machine}/bin/bun`], ['run']],
  Deno: [[`@deno/${machine}-glibc/deno`, `@deno/${machine}/deno`], ['run', '--no-lock', '-A']],
};

for (const [name, [programs, args]] of Object.entries(RUNTIMES)) {
  const program = programs.map(tool).find((path) => existsSync(path));
  test(`${name} runs the package on a file, and ends by itself`, { skip: program ? false : `${name} has no program for ${machine}` }, async (t) => {
    const folder = project(t, { 'program.mjs': PROGRAM });
    const { code, signal, output } = await run(program, [...args, 'program.mjs', join(folder, 'app.db')], {
      cwd: folder, limit: 60_000, env: { DENO_NO_UPDATE_CHECK: '1' },
    });
    assert.equal(code, 0, `${code ?? signal}: ${output}`);
    assert.ok(output.trim().endsWith('works'), output);
  });
}
