// The page: runs one work with one subject when the driver calls `work(...)`.

import { TASKS, allRows, fill, inserts, pointReads } from '../js/works.mjs';
import { ROWS } from '../js/data.mjs';

const SUBJECTS = import.meta.glob('./subjects/*.mjs');
const FULL = 'FULL';
const NORMAL = 'NORMAL';

// The works by name: the settings to open with, and what to run.
const WORKS = {
  point_read: { filled: true, run: (subject, n) => pointReads(subject, 1, n(10_000)) },
  point_read_64: { filled: true, run: (subject, n) => pointReads(subject, TASKS, n(60_000)) },
  rows: { filled: true, run: (subject) => allRows(subject) },
  insert_1: { synchronous: FULL, run: (subject, n) => inserts(subject, 1, n(1_000)) },
  insert_64: { synchronous: FULL, run: (subject, n) => inserts(subject, TASKS, n(10_000)) },
};

/** Runs the work, and returns the figure and its unit. */
globalThis.work = async (subjectName, name, { quick, stay }) => {
  const subject = await SUBJECTS[`./subjects/${subjectName}.mjs`]();
  const slowness = subject.slowness ?? 1;
  const n = (usual) => Math.ceil(usual / slowness / (quick ? 10 : 1));
  // Works of a single subject: the floors, and the engine without messages.
  if (subject.works?.[name]) return subject.works[name](n);
  if (name === 'open') return untilFirstRow(subject, stay);
  const { filled, run, synchronous = NORMAL } = WORKS[name];
  const opened = await subject.open({ synchronous });
  if (filled) await fill(opened);
  const value = await run(opened, n);
  await opened.close();
  return { unit: 'us', value };
};

/** The clock that all pages share, in milliseconds. */
const clock = () => performance.timeOrigin + performance.now();

/** The steps of the works of live queries, which the driver calls in one page or in two. */
const watched = { times: new Map(), waits: new Map() };
globalThis.live = {
  async open(subjectName) {
    const subject = await SUBJECTS[`./subjects/${subjectName}.mjs`]();
    watched.opened = await subject.live();
  },
  prepare: () => watched.opened.prepare(),
  /** Begins to watch, and returns once there is a first result. */
  watch: () =>
    new Promise((resolve) => {
      watched.opened.watch((n) => {
        const now = clock();
        resolve();
        watched.times.set(n, now);
        watched.waits.get(n)?.(now);
      });
    }),
  /** Returns when the result of a write was there. */
  seen: (n) =>
    watched.times.get(n) ?? new Promise((resolve) => watched.waits.set(n, resolve)),
  /** Returns when the write was asked for, and when its call returned. */
  async write(n) {
    const before = clock();
    await watched.opened.write(n);
    return { before, after: clock() };
  },
};

/**
 * Measures the time from the call of `open` to a row of the database in the page.
 *
 * @param {number} stay how many milliseconds the database then stays open
 */
async function untilFirstRow(subject, stay) {
  const start = performance.now();
  const opened = await subject.open({ synchronous: NORMAL });
  const row = await opened.get(ROWS);
  const value = performance.now() - start;
  if (row === undefined) {
    // The first load of the page: the driver calls again.
    await fill(opened);
  } else if (row.id !== ROWS) {
    throw new Error(`another row: ${row.id}`);
  }
  await new Promise((resolve) => setTimeout(resolve, stay));
  await opened.close();
  return { unit: 'ms', value };
}
