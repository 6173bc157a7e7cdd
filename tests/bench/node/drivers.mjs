// The works of `cargo xtask bench drivers`: what query builders and ORMs do, on ours and on better-sqlite3.
//
// A subject has, next to what `../js/works.mjs` lists:
//
//   some()               the first 1,000 rows as an array of objects
//   insertEach(rows)     an INSERT for each, awaited before the next one, in one transaction

import { CREATE_LOG } from '../js/sql.mjs';
import { item, items, weight } from '../js/data.mjs';
import { time } from '../js/works.mjs';

/** The rows of a result, and of a transaction. */
const SOME = 1_000;

/** 1,000 rows as an array of objects; microseconds per result. */
export async function someRows(subject, n) {
  const expected = sumOf(items(SOME));
  return repeated(n, async () => {
    const rows = await subject.some();
    if (sumOf(rows) !== expected) throw new Error('a row is missing');
  });
}

/** 1,000 inserts in a transaction; microseconds per transaction. */
export async function insertSome(subject, n) {
  await subject.exec(CREATE_LOG);
  const rows = Array.from({ length: SOME }, (_, at) => {
    const { id, ...rest } = item(at + 1);
    return rest;
  });
  const took = await repeated(n, () => subject.insertEach(rows));
  const count = await subject.value('SELECT count(*) FROM log');
  if (count !== SOME * (2 * n)) throw new Error(`${count} rows were inserted`);
  return took;
}

/** Returns how long one of `n` takes, after as many that do not count. */
async function repeated(n, what) {
  for (let at = 0; at < n; at += 1) await what();
  const took = await time(async () => {
    for (let at = 0; at < n; at += 1) await what();
  });
  return took / n;
}

function sumOf(rows) {
  return rows.reduce((sum, row) => sum + weight(row), 0);
}
