// node run.mjs
//
// What requests and results cost on their way into wasm and out of it: as bytes, as
// the package does, and by serde-wasm-bindgen. Each is made in JavaScript, crosses to
// another thread (by structured clone, or its buffer is transferred), and is read in
// Rust; or the other way round, up to objects.

import { build } from '../../../bindings-wasm/node_modules/esbuild/lib/main.js';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const out = `${root}target/bench/serde`;

function cargo(target, ...args) {
  const { status } = spawnSync('cargo', args, { cwd: root, stdio: 'inherit', env: { ...process.env, CARGO_TARGET_DIR: target } });
  if (status !== 0) process.exit(status ?? 1);
}

cargo(out, 'build', '--quiet', '--locked', '--release', '--target', 'wasm32-unknown-unknown', '--manifest-path', 'tests/bench/serde/Cargo.toml');
const module = `${out}/wasm32-unknown-unknown/release/bench_serde.wasm`;
cargo(`${root}target/bindgen`, 'run', '--quiet', '--locked', '--manifest-path', 'xtask/bindgen/Cargo.toml', '--', module, `${out}/glue`);
mkdirSync(out, { recursive: true });
const source = ['wire/writer.ts', 'wire/values.ts', 'wire/reply.ts'].map((name) => `export * from '${root}bindings-wasm/ts/${name}';`);
await build({
  stdin: { contents: [...source, `export * as wasm from '${out}/glue/bench_serde.js';`].join('\n'), resolveDir: root, loader: 'ts' },
  outfile: `${out}/run.mjs`,
  bundle: true,
  format: 'esm',
  platform: 'node',
});
const { Writer, readReplies, wasm, writeParams } = await import(pathToFileURL(`${out}/run.mjs`).href);
await wasm.default({ module_or_path: readFileSync(`${out}/glue/bench_serde_bg.wasm`) });

const SQL = 'SELECT id, name, data, status, value FROM items WHERE id = ?';

const writer = new Writer();
/** A request as the package writes it. */
function written(id, params) {
  writer.u32(0);
  writer.u32(id);
  writer.u8(4);
  writer.u8(0);
  writer.u32(0);
  writer.text(SQL);
  writeParams(writer, params);
  return writer.take();
}

const known = new Map();
/** The objects of a reply, as the package reads it. */
function read(buffer) {
  let rows;
  readReplies(buffer, known, (reply) => (rows = reply.rows(false).objects()));
  return rows;
}

read(wasm.rows_first().buffer);

const moved = (buffer) => structuredClone(buffer, { transfer: [buffer] });

const REQUESTS = [
  ['a request with one number', [77]],
  ['a request with five values', [77, 'lamp 000077', '{"watt":40,"colour":"green"}', 'active', 77.005]],
];
const RESULTS = [1, 100, 10_000];

/** Both ways of each step; they must come to the same. */
const works = [];
for (const [name, params] of REQUESTS) {
  const object = () => ({ id: 7, op: 4, handle: 0, sql: SQL, params: [...params] });
  works.push({
    name,
    times: 4_000,
    bytes: () => wasm.request_bytes(new Uint8Array(written(7, params))),
    serde: () => wasm.request_serde(object()),
    bytesMoved: () => wasm.request_bytes(new Uint8Array(moved(written(7, params)))),
    serdeMoved: () => wasm.request_serde(structuredClone(object())),
  });
}
for (const count of RESULTS) {
  works.push({
    name: `a result of ${count} rows`,
    before: () => wasm.prepare(count),
    times: Math.ceil(4_000 / Math.max(count, 2)),
    bytes: () => read(wasm.rows_bytes().buffer),
    serde: () => wasm.rows_serde(),
    bytesMoved: () => read(moved(wasm.rows_bytes().buffer)),
    serdeMoved: () => structuredClone(wasm.rows_serde()),
  });
}

const WAYS = ['bytes', 'serde', 'bytesMoved', 'serdeMoved'];

function time(work, times) {
  const start = performance.now();
  for (let count = 0; count < times; count += 1) work();
  return ((performance.now() - start) * 1000) / times;
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

console.log('µs each, medians of 11 rounds side by side\n');
console.log('| | as bytes | by serde-wasm-bindgen | as bytes, between threads | by serde-wasm-bindgen, between threads |');
console.log('|---|---:|---:|---:|---:|');
for (const { name, times, before, ...ways } of works) {
  before?.();
  const answers = WAYS.map((way) => JSON.stringify(ways[way]()));
  if (answers.some((answer) => answer !== answers[0])) throw new Error(`${name}: the ways differ`);
  const taken = WAYS.map(() => []);
  for (let round = 0; round < 12; round += 1) {
    WAYS.forEach((way, index) => {
      const value = time(ways[way], times);
      // The first is to warm up.
      if (round > 0) taken[index].push(value);
    });
  }
  console.log(`| ${name} | ${taken.map((values) => median(values).toPrecision(3)).join(' | ')} |`);
}
