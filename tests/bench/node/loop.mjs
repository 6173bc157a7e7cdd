// Works that need a separate process: the event loop during a scan, and two processes
// that write.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { items } from '../js/data.mjs';
import { CREATE_LOG } from '../js/sql.mjs';
import { time } from '../js/works.mjs';

/** Each row of the table ten times. */
const MILLION = 'items, (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))';
const SCAN = `SELECT sum(length(name || data || status) + value) FROM ${MILLION}`;
const STREAM = `SELECT id, name, data, status, value FROM ${MILLION}`;

/** Returns how late 1 ms timers are while `work` runs, in milliseconds, at the 99th percentile. */
async function lateness(work) {
  const late = [];
  let timer;
  const arm = () => {
    const due = performance.now() + 1;
    timer = setTimeout(() => {
      late.push(Math.max(0, performance.now() - due));
      arm();
    }, 1);
  };
  arm();
  await work();
  clearTimeout(timer);
  late.sort((a, b) => a - b);
  if (late.length < 20) throw new Error(`only ${late.length} timers`);
  return late[Math.floor(late.length * 0.99)];
}

/** Returns the figures by the suffixes of their names. */
export async function scans(subject) {
  const scan = () => subject.value(SCAN);
  const stream = async () => {
    let rows = 0;
    for await (const _ of subject.iterate(STREAM)) rows += 1;
    if (rows !== 1_000_000) throw new Error(`${rows} rows`);
  };
  await scan();
  await stream();
  return { '': await lateness(scan), _stream: await lateness(stream) };
}

/** Runs one of two processes once it gets the signal; prints how long an insert took. */
export async function writer(subject, n) {
  await subject.exec(CREATE_LOG);
  const rows = items(n);
  for (const row of rows.slice(0, 100)) await subject.insert(row);
  process.stdout.write('ready\n');
  await once(process.stdin, 'data');
  process.stdin.destroy();
  const took = await time(async () => {
    for (const row of rows) await subject.insert(row);
  });
  console.log(took / n);
}

/** Returns the throughput of two processes that insert into one file, relative to that of one. */
export async function twoWriters(run, path, n) {
  const together = async (count) => {
    const children = Array.from({ length: count }, () =>
      spawn(process.execPath, [run, 'ubiqlite', 'writer', path, String(n)], { stdio: ['pipe', 'pipe', 'inherit'] }));
    const told = children.map((child) => {
      let text = '';
      child.stdout.setEncoding('utf8').on('data', (data) => (text += data));
      return once(child, 'close').then(([code]) => {
        if (code !== 0) throw new Error(`a writer ended with ${code}`);
        return Number(text.split('\n')[1]);
      });
    });
    await Promise.all(children.map((child) => once(child.stdout, 'data')));
    for (const child of children) child.stdin.write('go\n');
    const took = await Promise.all(told);
    // Inserts per microsecond.
    return took.reduce((sum, each) => sum + 1 / each, 0);
  };
  const one = await together(1);
  return (await together(2)) / one;
}

export const RUN = fileURLToPath(new URL('./run.mjs', import.meta.url));
