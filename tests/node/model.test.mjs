/**
 * The model of calls and handles (bindings-wasm/test/model) on the real package: random calls, aborted, timed out and
 * cancelled at random moments, with engines that sometimes break. The outcome given to each caller must match the file.
 *
 * `ROUNDS` is the number of runs, `UBIQLITE_SEED` the first seed.
 */

import { test } from 'node:test';

import { Client } from '../../bindings-wasm/test/model/client.mjs';
import { numbers } from '../../bindings-wasm/test/model/clock.mjs';
import { outcomes } from '../../bindings-wasm/test/model/run.mjs';
import { database, pause, within } from './support.mjs';

const ROUNDS = Number(process.env.ROUNDS ?? 120);
const FIRST = Number(process.env.UBIQLITE_SEED ?? 1);

/** Makes some of the statements take a few milliseconds. */
const slow = (number, rows) => (number % 3 === 0 ? `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) SELECT` : 'SELECT');
const WORDS = {
  write: (number) => `INSERT INTO t ${slow(number, 20_000)} ${number}${number % 3 === 0 ? ' WHERE (SELECT count(*) FROM n) > 0' : ''} RETURNING a`,
  read: (number) => `${slow(number, 20_000)} ${number}${number % 3 === 0 ? ' + count(*) FROM n' : ''} AS a`,
  fail: (number) => `INSERT INTO u VALUES (1), (${number})`,
};

/** A statement that breaks the engine. */
const POISON = `WITH ${Array.from({ length: 5000 }, (_, i) => `c${i}(a) AS (SELECT a FROM ${i === 0 ? '(SELECT 1 AS a)' : `c${i - 1}`})`).join(', ')} SELECT a FROM c4999`;

async function run(db, seed) {
  const random = numbers(seed);
  const client = new Client(db, random, () => {});
  client.words = WORDS;
  const check = (holds, what) => {
    if (!holds) throw new Error(`UBIQLITE_SEED=${seed}: ${what}\n  ${client.trace.join('\n  ')}`);
  };
  let lost = 0;
  const poisoned = [];
  const begun = performance.now();
  for (let steps = 10 + random.below(30); steps > 0; steps -= 1) {
    if (random.once(400)) {
      client.note('poison');
      lost += 1;
      poisoned.push(db.query(POISON).catch(() => {}));
    } else client.act();
    if (random.once(2)) await pause(random.below(4));
    else if (random.once(2)) await undefined;
  }
  const waiting = () => client.calls.some(({ told }) => told === undefined);
  await within(25_000, (async () => {
    while (waiting()) {
      await pause(2);
      letGo(client);
    }
  })(), `seed ${seed}: all calls are told something`).catch((error) => check(false, `${error.message}: ${client.calls.filter(({ told }) => told === undefined).map(({ text }) => text).join('; ')}`));
  letGo(client);
  await within(60_000, Promise.all(poisoned), 'what breaks the engine ends');
  // A call or handle that still held the lock would block this.
  await within(10_000, db.execute('UPDATE t SET a = a WHERE a < 0'), `seed ${seed}: the lock is free`);
  const rows = await db.query('SELECT a, count(*) AS n FROM t GROUP BY a');
  const store = { times: new Map() };
  for (const { a, n } of rows) store.times.set(a, n / (client.calls.find(({ number }) => number === a)?.rows ?? 1));
  client.passed = performance.now() - begun > 4000 ? Infinity : 0;
  const refused = new Set(client.calls.filter((call) => call.refused).map(({ text }) => text));
  outcomes(client, { lost, posted: { has: (text) => !refused.has(text) } }, store, check);
  await db.execute('DELETE FROM t');
  const { pending, handles } = db.target.client;
  check(pending.size === 0 && handles.isEmpty, `the client was left with ${pending.size} calls, and ${[...handles.live.values()].map((it) => `${it.deref()?.id} of ${it.deref()?.op}`)}`);
}

/** Ends all open handles, including those that were opened in the meantime. */
function letGo({ handles }) {
  for (const it of handles) {
    if (it.over) continue;
    it.over = true;
    if (it.kind === 'session') it.on.release();
    else if (it.kind === 'snapshot') it.on.close();
    else void it.on.rollback().catch(() => {});
  }
}

test('whatever is aborted, late or lost, every caller is told what the file has', async (t) => {
  const { db } = await database(t, { busyTimeout: 20_000 }, 'CREATE TABLE t(a); CREATE TABLE u(a UNIQUE); INSERT INTO u VALUES (1)');
  for (let seed = FIRST; seed < FIRST + ROUNDS; seed += 1) await run(db, seed);
});
