/**
 * Makes calls on everything that takes calls.
 */

import { Escape, Failure } from './failure.mjs';
import { camelCase } from './world.mjs';
import { callMigrations } from './migrations.mjs';
import { callReplica, restoreReplica, toReplicate } from './replicate.mjs';
import { callOutbox, changesOf, fromApplied, policiesOf } from './sync.mjs';
import { callTable } from './table.mjs';
import * as from from './values.mjs';
import { ResultsOfAll, Watching } from './watch.mjs';

/** The calls that each kind of handle takes, besides `table`. */
const READS = ['query', 'query_one', 'query_optional', 'query_value', 'stream'];
const STATEMENTS = [...READS, 'execute', 'execute_many', 'batch'];
const METHODS = {
  database: [
    ...STATEMENTS, 'close', 'interrupt', 'capabilities', 'transaction', 'begin', 'acquire', 'snapshot',
    'watch', 'watch_all', 'touch', 'outbox', 'apply', 'check', 'migrations', 'stats', 'replicate',
  ],
  session: [...STATEMENTS, 'interrupt', 'transaction', 'begin'],
  snapshot: READS,
  // The block form ends with its block; calls end the handle form.
  transaction: [...STATEMENTS, 'savepoint', 'begin_savepoint', 'apply'],
  begun: [...STATEMENTS, 'savepoint', 'begin_savepoint', 'apply', 'commit', 'rollback'],
  savepoint: [...STATEMENTS, 'savepoint', 'begin_savepoint'],
  nested: [...STATEMENTS, 'savepoint', 'begin_savepoint', 'release', 'rollback'],
  stream: ['next'],
  watch: ['next'],
  outbox: ['next', 'wait', 'ack'],
  replica: ['flush', 'state', 'stop'],
};

/** The arguments and the result of each method that returns neither a handle nor a stream. */
const SIMPLE = {
  execute: [(call) => [call.text('sql'), call.params()], from.fromExecuted],
  query: [(call) => [call.text('sql'), call.params()], from.fromRows],
  query_one: [(call) => [call.text('sql'), call.params()], from.fromRow],
  query_optional: [(call) => [call.text('sql'), call.params()], from.fromOptionalRow],
  query_value: [(call) => [call.text('sql'), call.params()], from.fromValue],
  execute_many: [(call) => [call.text('sql'), call.each()], from.fromCount],
  batch: [(call) => [call.batch()], from.fromExecutedList],
  commit: [() => [], from.fromNothing],
  rollback: [() => [], from.fromNothing],
  release: [() => [], from.fromNothing],
  close: [() => [], from.fromNothing],
  interrupt: [() => [], from.fromNothing],
  capabilities: [() => [], from.fromCapabilities],
  check: [() => [], from.fromDamages],
  stats: [() => [], from.fromStats],
  touch: [(call) => [[call.texts('tables')].flat()], from.fromNothing],
  apply: [(call) => [changesOf(call), policiesOf(call)], fromApplied],
};

/** The calls that return a handle: its kind, and how it is released. */
const HELD = {
  begin: ['begun', (handle) => handle[Symbol.asyncDispose]()],
  begin_savepoint: ['nested', (handle) => handle[Symbol.asyncDispose]()],
  acquire: ['session', (handle) => handle.release()],
  snapshot: ['snapshot', (handle) => handle.close()],
  outbox: ['outbox', (handle) => handle.close()],
  // It goes on until its database is closed.
  replicate: ['replica', () => undefined],
};

/**
 * Makes a call on a handle, or on the database that it names.
 *
 * @param {import('./call.mjs').Call} call
 * @param {import('./scope.mjs').Frame | undefined} own
 * @param {import('./scope.mjs').Scope} rest for the steps inside
 * @returns {Promise<import('./check.mjs').Outcome>}
 */
export function make(call, own, rest) {
  if (own) {
    call.limit = call.number('timeout');
    return dispatch(own.kind, own.handle, call, rest);
  }
  if (call.method === 'open') return open(call, rest.world);
  if (call.method === 'restore_replica') return restoreReplica(call, rest.world);
  let db = rest.world.databases.get(call.on);
  if (!db) throw new Failure(`no handle has the name "${call.on}"`);
  const limit = call.number('timeout');
  if (limit !== undefined) db = db.timeout(limit);
  if (call.method === 'recover') {
    const args = withOptions(call, [rest.world.place.locate(call.text('path'))]);
    return settle(() => db.recover(...args), from.fromRecovered);
  }
  return dispatch('database', db, call, rest);
}

async function open(call, world) {
  const path = call.text('path');
  const options = call.json('options');
  call.everythingWasUsed();
  return settle(async () => {
    world.databases.set(call.as, await world.open(path, options));
    return null;
  });
}

function dispatch(kind, target, call, rest) {
  if (call.has('table')) return callTable(target.table(call.text('table')), call, rest);
  const { method } = call;
  if (!METHODS[kind].includes(method)) throw new Failure(`a ${kind} has no method ${method}`);
  if (kind === 'watch') return meanwhile(() => target.next(), call, rest);
  if (kind === 'outbox') return callOutbox(target, call, rest);
  if (kind === 'replica') return callReplica(target, call);
  if (kind === 'stream') {
    call.everythingWasUsed();
    return settle(async () => optionalRowOf(await target.next()));
  }
  if (method === 'migrations') return callMigrations(target, call);
  if (method === 'watch') {
    const key = call.has('key') ? { key: call.texts('key') } : {};
    const args = withOptions(call, [call.text('sql'), call.params()], key);
    return watch(() => target.watch(...args), call, rest);
  }
  if (method === 'watch_all') {
    const queries = call.queries();
    const args = withOptions(call, [queries]);
    return watch(() => target.watchAll(...args), call, rest, new ResultsOfAll(queries.length));
  }
  if (method === 'stream') {
    const args = withOptions(call, [call.text('sql'), call.params()]);
    return stream(() => target.stream(...args), call, rest);
  }
  if (method === 'transaction' || method === 'savepoint') return block(target, call, rest);
  if (method in HELD) return hold(target, call, rest);
  const [args, convert] = SIMPLE[method];
  const given = withOptions(call, args(call));
  return settle(() => target[camelCase(method)](...given), convert);
}

/** Returns the arguments with the options at the end; a missing one before them is undefined. */
function withOptions(call, args, more) {
  const options = call.options(more);
  call.everythingWasUsed();
  // Trailing arguments that are left out are not passed: that a call accepts this is part of the test.
  while (options.length === 0 && args.length > 0 && args.at(-1) === undefined) args.pop();
  return [...args, ...options];
}

/**
 * Makes a call and awaits it. It must return a promise: an exception thrown instead
 * would surprise everybody who wrote `.catch`.
 */
export async function settle(begin, convert = (found) => found) {
  let pending;
  try {
    pending = begin();
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`threw where a promise rejects: ${error}`);
  }
  let raw;
  try {
    raw = await pending;
  } catch (error) {
    if (error instanceof Failure) throw error;
    return { error };
  }
  return { found: convert(raw) };
}

/** Reads a stream to its end, or keeps it open for the steps of the call. */
export async function stream(begin, call, rest) {
  let rows;
  try {
    rows = begin();
  } catch (error) {
    throw new Failure(`a stream that can't be read is told when it is read, not by: ${error}`);
  }
  if (call.has('steps')) {
    try {
      await rest.with(call, 'stream', rows);
    } finally {
      // What a `for await` does when it is left early.
      await rows.return();
    }
    return { found: null };
  }
  const found = [];
  try {
    for await (const row of rows) found.push(row);
  } catch (error) {
    return { error };
  }
  return { found: from.fromRows(found) };
}

/** Keeps a watch for the steps of the call. */
export async function watch(begin, call, rest, results) {
  let live;
  try {
    live = new Watching(begin(), results);
  } catch (error) {
    throw new Failure(`a query that can't be watched is told when it is read, not by: ${error}`);
  }
  try {
    await rest.with(call, 'watch', live);
  } catch (exit) {
    // The first failure is the one to report.
    await live.end().catch(() => {});
    throw exit;
  }
  await live.end();
  return { found: null };
}

/** Makes a call that may wait. Steps that run meanwhile begin when it waits. */
export async function meanwhile(begin, call, rest) {
  const steps = call.json('meanwhile');
  call.everythingWasUsed();
  const waiting = settle(begin);
  if (steps !== undefined) {
    waiting.catch(() => {});
    // The package sends the requests of one turn together.
    await new Promise((resolve) => setTimeout(resolve, 0));
    await rest.run(steps);
  }
  return waiting;
}

function optionalRowOf(result) {
  if (result.done) return from.fromOptionalRow(result.value);
  return from.fromRow(result.value);
}

/** Runs the block form of a transaction or savepoint. */
async function block(target, call, rest) {
  const kind = call.method;
  const args = withOptions(call, [], kind === 'transaction' ? call.mode() : {});
  const token = {};
  let runs = 0;
  let exit;
  const inside = async (handle) => {
    runs += 1;
    try {
      await rest.with(call, kind, handle);
    } catch (thrown) {
      exit = thrown;
      throw thrown instanceof Escape ? thrown.error : thrown;
    }
    return token;
  };
  const outcome = await settle(() => target[kind](inside, ...args));
  const abandoned = call.signal?.aborted;
  if (runs > 1) throw new Failure(`ran its block ${runs} times`);
  if (abandoned) return outcome;
  if (exit !== undefined && !(exit instanceof Escape)) throw exit;
  if (exit && outcome.error !== exit.error) {
    throw new Failure(`gave another error than the one that left its block: ${outcome.error}`);
  }
  if ('error' in outcome) return outcome;
  if (outcome.found !== token) throw new Failure('does not answer what its block returns');
  return { found: null };
}

/** Runs the steps of a call while the handle that it returned is open. */
async function hold(target, call, rest) {
  const { method } = call;
  const given = method === 'outbox' ? [call.texts('tables')] : method === 'replicate' ? toReplicate(call, rest.world.place) : [];
  const args = withOptions(call, given, method === 'begin' ? call.mode() : {});
  const outcome = await settle(() => target[camelCase(method)](...args));
  if ('error' in outcome) return outcome;
  const [kind, giveBack] = HELD[method];
  try {
    await rest.with(call, kind, outcome.found);
  } catch (exit) {
    // The first failure is the one to report.
    await settle(() => giveBack(outcome.found));
    throw exit;
  }
  return settle(() => giveBack(outcome.found), from.fromNothing);
}
