/**
 * Compares the result of a call with what its step expects.
 */

import { Failure, Lacking, Thrown } from './failure.mjs';
import { ANY, Update, read, show, text } from './data.mjs';

/**
 * @typedef {{ found: unknown } | { error: unknown }} Outcome the result of a call
 */

/** Methods whose results have several numbers, of which a scenario names only those that
 * matter; rows are compared completely. */
const PARTIAL = ['execute', 'batch', 'capabilities', 'apply', 'migrations', 'stats', 'flush', 'state', 'stop'];

/**
 * Compares the outcome with the expectation; throws the difference in readable form.
 *
 * @param {import('./call.mjs').Call} call
 * @param {Outcome} outcome
 * @param {import('./world.mjs').World} world
 */
export function check(call, outcome, world) {
  const expected = call.has('error') ? call.step.error : undefined;
  if (!('error' in outcome)) {
    if (expected === undefined) return checkResult(call, outcome.found);
    throw new Failure(
      `expected the error  ${JSON.stringify(expected)}\n      found the result ${show(outcome.found)}`,
    );
  }
  const { error } = outcome;
  if (error instanceof world.api.UbiqliteError && error.kind === 'Unsupported' && world.lacks.length > 0) {
    throw new Lacking(`${world.lacks.join(', ')}: ${error.message}`);
  }
  if (expected === undefined) throw new Failure(`failed with ${tell(error)}`);
  return checkError(error, typeof expected === 'object' && !Array.isArray(expected) ? expected : { kind: expected }, call, world);
}

function checkResult(call, result) {
  const partial = PARTIAL.includes(call.method);
  for (const key of ['added', 'removed', 'updated']) {
    if (!call.has(key)) continue;
    if (!(result instanceof Update)) throw new Failure(`${show(result)} is no result of a watch`);
    compare(read(call.step[key], call.names), result[key], false, key);
  }
  const found = result instanceof Update ? result.rows : result;
  for (const key of ['gives', 'rows']) {
    if (call.has(key)) compare(read(call.step[key], call.names), found, partial, 'result');
  }
  if (call.has('count')) {
    if (!Array.isArray(found)) throw new Failure(`${show(found)} are no rows`);
    if (found.length !== call.step.count) {
      throw new Failure(`expected ${call.step.count} rows, found ${found.length}`);
    }
  }
  if (call.has('columns')) {
    const row = Array.isArray(found) ? found[0] : found;
    if (!(row instanceof Map)) throw new Failure('no row that would tell the columns');
    const columns = JSON.stringify([...row.keys()]);
    const expected = JSON.stringify(call.step.columns);
    if (columns !== expected) {
      throw new Failure(`expected the columns ${expected}\n         found ${columns}`);
    }
  }
}

/** Compares data; throws the first place where they differ. */
export function compare(expected, found, partial, place) {
  if (same(expected, found, partial, place)) return;
  const indent = ' '.repeat(place.length);
  throw new Failure(`${place}: expected ${show(expected)}\n      ${indent}  found ${show(found)}`);
}

function same(expected, found, partial, place) {
  if (expected === ANY) return found !== null;
  if (expected instanceof Uint8Array) {
    return found instanceof Uint8Array && found.length === expected.length
      && expected.every((byte, index) => byte === found[index]);
  }
  if (Array.isArray(expected)) {
    if (Array.isArray(found)) {
      expected.slice(0, found.length)
        .forEach((item, index) => compare(item, found[index], partial, `${place}[${index}]`));
      return expected.length === found.length;
    }
    // A row written as its values alone.
    if (!(found instanceof Map)) return false;
    [...found].slice(0, expected.length)
      .forEach(([name, value], index) => compare(expected[index], value, partial, `${place}.${name}`));
    return expected.length === found.size;
  }
  if (expected instanceof Map) {
    if (!(found instanceof Map)) return false;
    for (const [name, value] of expected) {
      if (!found.has(name)) throw new Failure(`${place} has no "${name}"; found ${show(found)}`);
      compare(value, found.get(name), partial, `${place}.${name}`);
    }
    return partial || expected.size === found.size;
  }
  // Bit by bit: -0 is not 0, and a number is not a BigInt.
  return Object.is(expected, found);
}

function checkError(error, expected, call, world) {
  if (Object.keys(expected).length === 0) throw new Failure('an error of which nothing is expected');
  if ('thrown' in expected) {
    if (Object.keys(expected).length !== 1) throw new Failure('"thrown" stands alone');
    // The class is the runner's own, so the package cannot have created another instance.
    if (error instanceof Thrown && error.message === expected.thrown) return;
    throw new Failure(`expected the caller's "${expected.thrown}", unchanged\n         found ${tell(error)}`);
  }
  isOfThePackage(error, world.api);
  for (const [name, value] of Object.entries(expected)) {
    const found = property(error, name, world);
    if (!holds(name, value, found, call)) {
      throw new Failure(`the error's ${name}: expected ${JSON.stringify(value)}\n      found ${JSON.stringify(found)} in ${tell(error)}`);
    }
  }
}

/** Checks the class of an error too: `catch (error) { if (error instanceof BusyError)`. */
function isOfThePackage(error, api) {
  if (!(error instanceof Error) || !(error instanceof api.UbiqliteError)) {
    throw new Failure(`failed with what is no UbiqliteError: ${tell(error)}`);
  }
  // JavaScript has a SyntaxError of its own.
  const name = error.kind === 'Syntax' ? 'SqlSyntaxError' : `${error.kind}Error`;
  if (typeof api[name] !== 'function' || !(error instanceof api[name])) {
    throw new Failure(`an error of the kind ${error.kind} is no ${name}: ${tell(error)}`);
  }
  // A minifier renames classes; that must not change what logs print.
  if (error.name !== name) throw new Failure(`a ${name} calls itself ${error.name}`);
}

function property(error, name, world) {
  switch (name) {
    case 'kind':
    case 'message':
    case 'columns':
      return error[name];
    case 'code':
    case 'table':
    case 'index':
    case 'offset':
      return error[name] ?? null;
    case 'path':
      return typeof error.path === 'string' ? world.nameOf(error.path) : null;
    default:
      throw new Failure(`an error has no "${name}"`);
  }
}

function holds(name, expected, found, call) {
  if (name === 'kind' && Array.isArray(expected)) return expected.includes(found);
  if (name === 'message') {
    return found.toLowerCase().includes(text(read(expected, call.names)).toLowerCase());
  }
  return JSON.stringify(expected) === JSON.stringify(found);
}

/** Describes an error in readable form, with all that it carries. */
export function tell(error) {
  if (!(error instanceof Error)) return `${typeof error} ${String(error)}`;
  const carried = Object.entries({ ...error }).filter(([name]) => name !== 'message' && name !== 'stack');
  const fields = carried.map(([name, value]) => `${name}: ${typeof value === 'bigint' ? value : JSON.stringify(value)}`);
  return `${error.name}: ${error.message} {${fields.join(', ')}}`;
}
