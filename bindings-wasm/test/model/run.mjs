/** One run: a client, engines that come and go, and what must hold at the end. */

import { Border } from './border.mjs';
import { Client } from './client.mjs';
import { clock, numbers, settle } from './clock.mjs';
import { Store } from './engine.mjs';

/** How long the client waits for a sign of life from the engine. */
const WORD = 5000;
/** More steps than this without an end are a hang. */
const MOST = 5000;

/** @returns counts of the interesting events */
export async function run({ EngineClient, Database, CallTarget, errorOf }, seed) {
  clock.reset();
  const random = numbers(seed);
  const store = new Store();
  const border = new Border(store, random, errorOf, { shared: random.once(2), hears: random.once(2), lasting: random.once(3) });
  const engine = new EngineClient(border.connector, { bigints: false, patience: 1000 });
  const opening = engine.open();
  await settle();
  border.connect();
  await opening;
  const client = new Client(new Database(new CallTarget(engine, undefined), 'model.db'), random, (millis) => clock.advance(millis));
  const faults = random.pick([0, 0, 30, 12]);
  const check = (holds, what) => {
    if (holds) return;
    throw new Error(`${what}\n  ${client.trace.join('\n  ')}`);
  };
  for (let steps = 10 + random.below(50); steps > 0; steps -= 1) {
    if (faults > 0 && random.once(faults)) {
      client.note(border.connecting === undefined ? 'lose' : 'no engine');
      if (border.connecting !== undefined) border.connect(true);
      else border.lose();
    } else {
      const { choices } = border;
      if (choices.length > 0 && !random.once(3)) {
        const what = random.pick(choices);
        client.note('.', what);
        border.happen(what);
      } else client.act();
    }
    // Calls made in one turn travel together.
    if (!random.once(4)) await settle();
  }
  await quiesce(border, client, check);
  left(client, border, check);
  check([...engine.handles.live.values()].every((it) => it.deref()?.over === undefined), 'the client was left with what is over');
  const closed = engine.close();
  await quiesce(border, client, check, () => closed);
  outcomes(client, border, store, check);
  return { unknown: client.calls.filter(({ told }) => told === 'OutcomeUnknown').length, lost: border.lost, calls: client.calls.length };
}

/** Runs everything that is pending to its end. */
async function quiesce(border, client, check, until) {
  let over = until === undefined;
  void until?.().then(() => (over = true));
  for (let step = 0; ; step += 1) {
    await settle();
    const { choices } = border;
    if (choices.length > 0) border.happen(choices[step % choices.length]);
    else if (client.calls.some(({ told }) => told === undefined) || !over) {
      // A call that waits for the lock of an open transaction times out, or waits for that transaction to end.
      if (step % 7 === 0) endAll(client);
      clock.advance(400);
    } else return;
    check(step < MOST, `it does not come to an end: ${client.calls.filter(({ told }) => told === undefined).map(({ text }) => text).join(', ')}`);
  }
}

function endAll(client) {
  for (const it of client.handles) {
    if (it.over) continue;
    it.over = true;
    if (it.kind === 'session') it.on.release();
    else if (it.kind === 'snapshot') it.on.close();
    else void it.on.rollback().catch(() => {});
  }
}

/** Checks that the handles the engine has for this client are those that the client has. */
function left(client, border, check) {
  const { line } = border;
  if (line === undefined) return;
  const open = new Set(client.handles.filter((it) => it.on.target.handle.over === undefined).map((it) => it.on.target.handle.id));
  for (const [number, { kind }] of line.engine.handles) check(open.has(number), `the engine was left with a ${kind}, ${number}`);
  check(line.engine.waiting.length === 0, 'the engine was left with requests that wait');
  const { lock } = line.engine;
  check(lock === undefined || [...line.engine.handles.keys()].includes(lock), 'the engine was left with the lock taken');
}

/**
 * Checks that the outcome that every caller was given is what happened.
 *
 * @param border whether engines were `lost`, and which statements were `posted`
 * @param store how many `times` each number was committed
 */
export function outcomes(client, border, store, check) {
  for (const { number, text, writes, reads, level, told, refused, options, on } of client.calls) {
    const times = store.times.get(number) ?? 0;
    const what = `${text} was told ${told}, and was committed ${times} times`;
    check(told !== undefined, `${text} was never told anything`);
    check(times <= 1, what);
    if (refused) check(times === 0 && !border.posted.has(text) && told !== 'ok', what);
    if (told === 'OutcomeUnknown') {
      // An outcome is unknown only if an engine was lost, or was silent for too long.
      check(border.lost > 0 || client.passed >= WORD, `${what}, though no engine was lost`);
      check(writes ? border.posted.has(text) : true, `${what}, though it was never posted`);
      check(reads !== true || on !== 'db' || options.signal === undefined, `${what}, though it is known to read`);
    } else if (told !== 'ok') {
      check(times === 0, what);
    } else if (writes) {
      const fate = level === undefined ? 'kept' : level.fate;
      if (fate === 'kept') check(times === 1, what);
      else if (fate === 'undone') check(times === 0, `${what}, in what was undone`);
    }
  }
  for (const level of client.levels) {
    if (level.fate !== 'unknown') continue;
    const acknowledged = level.numbers.filter(({ told, writes }) => told === 'ok' && writes);
    const there = acknowledged.filter(({ number }) => store.times.has(number)).length;
    check(there === 0 || there === acknowledged.length, 'half of a transaction was committed');
  }
}
