// node run.mjs SUBJECT WORK PATH [--quick]
//
// Runs one work with one subject, and prints one figure per line:
// {"work":..,"unit":..,"value":..}

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import {
  TASKS, allRows, fill, insertMany, inserts, pointReads, pointReadsBesideTransaction, streamRows,
} from '../js/works.mjs';
import { ROWS } from '../js/data.mjs';
import { insertSome, someRows } from './drivers.mjs';
import { RUN, scans, twoWriters, writer } from './loop.mjs';

const FULL = 'FULL';
const NORMAL = 'NORMAL';
const MEMORY = ':memory:';

// The works by name: the settings to open with, and what to run.
const WORKS = {
  create: { run: (subject) => fill(subject) },
  point_read_mem: { path: MEMORY, filled: true, run: (subject, n) => pointReads(subject, 1, n(100_000)) },
  point_read: { run: (subject, n) => pointReads(subject, 1, n(100_000)) },
  point_read_64: { run: (subject, n) => pointReads(subject, TASKS, n(400_000)) },
  point_read_tx: { run: (subject, n) => pointReadsBesideTransaction(subject, 1, n(100_000)) },
  point_read_64_tx: { run: (subject, n) => pointReadsBesideTransaction(subject, TASKS, n(400_000)) },
  rows: { run: (subject) => allRows(subject) },
  stream: { run: (subject) => streamRows(subject) },
  execute_many: { run: (subject, n) => insertMany(subject, n(ROWS)) },
  insert_1_full: { synchronous: FULL, run: (subject, n) => inserts(subject, 1, n(2_000)) },
  insert_64_full: { synchronous: FULL, run: (subject, n) => inserts(subject, TASKS, n(40_000)) },
  lateness: { run: (subject) => scans(subject) },
  by_key: { run: (subject, n) => pointReads(subject, 1, n(100_000)) },
  rows_1000: { run: (subject, n) => someRows(subject, n(500)) },
  insert_1000: { run: (subject, n) => insertSome(subject, n(50)) },
  // One of two processes; the last argument is the number of inserts.
  writer: { synchronous: FULL, run: (subject) => writer(subject, Number(quick)) },
};

const [subject, name, path, quick] = process.argv.slice(2);
if (name === 'package') {
  figure(name, 'kB', packed(new URL('../../../bindings-wasm/dist/', import.meta.url)) / 1_000);
} else if (name === 'two_writers') {
  figure(name, 'ratio', await twoWriters(RUN, path, quick === '--quick' ? 300 : 2_000));
} else {
  await measure();
}

async function measure() {
  const work = WORKS[name];
  if (!work) throw new Error(`there is no work ${name}`);
  const { open } = await import(`./subjects/${subject}.mjs`);
  const opened = await open(work.path ?? path, { synchronous: work.synchronous ?? NORMAL });
  if (work.filled) await fill(opened);
  const n = (usual) => (quick === '--quick' ? Math.ceil(usual / 10) : usual);
  const took = await work.run(opened, n);
  await opened.close();
  if (typeof took === 'number') figure(name, 'us', took);
  else for (const [end, late] of Object.entries(took ?? {})) figure(`${name}${end}`, 'ms', late);
}

function figure(work, unit, value) {
  console.log(JSON.stringify({ work, unit, value }));
}

/** Returns the size of the package's program files, each compressed with `gzip -9`. */
function packed(folder) {
  const files = readdirSync(folder).filter((file) => /\.(wasm|js|mjs|cjs)$/.test(file));
  const size = (file) => gzipSync(readFileSync(fileURLToPath(new URL(file, folder))), { level: 9 }).length;
  return files.reduce((sum, file) => sum + size(file), 0);
}
