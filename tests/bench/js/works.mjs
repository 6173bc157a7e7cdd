// The works, written once for all subjects, in Node and in the browser.
//
// A subject is an object with those of these functions that its works need. A
// synchronous subject (`sync: true`) returns at once, and is called without
// `await`, as its users call it; the others return promises.
//
//   exec(sql)            runs statements without results
//   value(sql)           the first column of the first row
//   get(id)              the row of SELECT_ONE as an object
//   all()                the rows of SELECT_ALL as an array of objects
//   stream()             the same, one after another, as an (async) iterable
//   iterate(sql)         the rows of any query, likewise
//   insert(row)          INSERT_LOG, committed
//   insertMany(sql, many) one statement for each array of parameters, in one transaction
//   hold()               begins an interactive transaction that writes a row, and
//                        returns the function that ends it
//   close()

import { ROWS, Weights, ids, items, warmUpIds, weight } from './data.mjs';
import { CREATE_ITEMS, CREATE_LOG, INSERT_ITEM, INSERT_LOG, itemParams, logParams } from './sql.mjs';

/** Loops that await side by side in works named `_64`. */
export const TASKS = 64;

/** Reads, and rows inserted, before the clock starts, so that JavaScript and wasm are compiled by then. */
const WARM_UP = 10_000;

/** How long reads are repeated before the clock starts, in milliseconds, for code that is compiled concurrently. */
const WARMING = 500;

/** Makes the table `items`, unless the database already has it. */
export async function fill(subject) {
  await subject.exec(CREATE_ITEMS);
  const last = await subject.get(ROWS);
  if (last === undefined) await subject.insertMany(INSERT_ITEM, items(ROWS).map(itemParams));
}

/** Reads by random ids; microseconds per read. */
export async function pointReads(subject, tasks, n) {
  const each = Math.max(1, Math.round(n / tasks));
  const seeds = Array.from({ length: tasks }, (_, seed) => ids(seed, each));
  const weights = new Weights();
  await inTasks(tasks, [warmUpIds()], (some) => readEach(subject, some));
  const warmUp = Math.ceil(WARM_UP / tasks);
  const warm = performance.now() + WARMING;
  do await inTasks(tasks, seeds, (some) => readEach(subject, some.subarray(0, warmUp)));
  while (performance.now() < warm);
  const sums = [];
  const took = await time(() =>
    inTasks(tasks, seeds, async (some) => {
      sums.push(await readEach(subject, some));
    }),
  );
  const expected = seeds.reduce((sum, some) => sum + weights.ofIds(some), 0);
  same(sums.reduce((sum, one) => sum + one, 0), expected);
  return took / (each * tasks);
}

/** The same alongside an interactive transaction that has written and stays open. */
export async function pointReadsBesideTransaction(subject, tasks, n) {
  await subject.exec(CREATE_LOG);
  const end = await subject.hold();
  const took = await pointReads(subject, tasks, n);
  await end();
  return took;
}

async function readEach(subject, some) {
  let sum = 0;
  if (subject.sync) {
    for (const id of some) sum += weight(subject.get(id));
  } else {
    for (const id of some) sum += weight(await subject.get(id));
  }
  return sum;
}

/** Every row as an object, all in one array; microseconds per row. */
export async function allRows(subject) {
  const expected = new Weights().ofAll();
  const read = async () => {
    const rows = subject.sync ? subject.all() : await subject.all();
    let sum = 0;
    for (const row of rows) sum += weight(row);
    same(sum, expected);
  };
  return (await usual(read)) / ROWS;
}

/** Every row as an object, one after another; microseconds per row. */
export async function streamRows(subject) {
  const expected = new Weights().ofAll();
  const read = async () => {
    let sum = 0;
    if (subject.sync) {
      for (const row of subject.stream()) sum += weight(row);
    } else {
      for await (const row of subject.stream()) sum += weight(row);
    }
    same(sum, expected);
  };
  return (await usual(read)) / ROWS;
}

/** Inserts, each committed by itself; microseconds per insert. */
export async function inserts(subject, tasks, n) {
  await subject.exec(CREATE_LOG);
  const each = Math.max(1, Math.round(n / tasks));
  const rows = items(each);
  // One at a time, the disk takes most of the time, however much is compiled yet.
  const warmUp = items(Math.min(each, tasks === 1 ? 200 : Math.ceil(WARM_UP / tasks)));
  const insertAll = async (some) => {
    if (subject.sync) {
      for (const row of some) subject.insert(row);
    } else {
      for (const row of some) await subject.insert(row);
    }
  };
  const seeds = Array.from({ length: tasks });
  await inTasks(tasks, seeds, () => insertAll(warmUp));
  const took = await time(() => inTasks(tasks, seeds, () => insertAll(rows)));
  same(await subject.value('SELECT count(*) FROM log'), (warmUp.length + each) * tasks);
  return took / (each * tasks);
}

/** 100,000 rows in one transaction; microseconds per row. */
export async function insertMany(subject, n) {
  await subject.exec(CREATE_LOG);
  const many = items(n).map(logParams);
  const warmUp = items(WARM_UP).map(logParams);
  await subject.insertMany(INSERT_LOG, warmUp);
  const took = await time(() => subject.insertMany(INSERT_LOG, many));
  same(await subject.value('SELECT count(*) FROM log'), warmUp.length + n);
  return took / n;
}

async function inTasks(tasks, seeds, task) {
  if (tasks === 1) return task(seeds[0]);
  await Promise.all(seeds.map((seed) => task(seed)));
}

/** Returns how long `what` takes, in microseconds. */
export async function time(what) {
  const start = performance.now();
  await what();
  return (performance.now() - start) * 1_000;
}

/** Returns the median of five times, after one that does not count. */
async function usual(what) {
  await what();
  const times = [];
  for (let round = 0; round < 5; round += 1) times.push(await time(what));
  return times.sort((a, b) => a - b)[2];
}

/** Checks a sum of weights: a wrong one means that a column was not read. */
function same(sum, expected) {
  if (sum !== expected) throw new Error(`it adds up to ${sum}, not ${expected}`);
}
