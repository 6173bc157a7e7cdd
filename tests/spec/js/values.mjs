/**
 * Converts between the data of a scenario and what the package takes and returns. Results
 * of the package are checked as strictly as a program may rely on them.
 */

import { Failure } from './failure.mjs';
import { ANY, JsonText, integer, list, mapOfPairs, show } from './data.mjs';

/** Converts data to one value to bind. */
export function toValue(data) {
  if (data instanceof JsonText) return structuredClone(data.content);
  if (data === ANY || data instanceof Map || Array.isArray(data)) {
    throw new Failure(`${show(data)} is no value`);
  }
  return data;
}

/** Converts data to parameters, by position or by name. */
export function toParams(data) {
  if (Array.isArray(data)) return data.map(toValue);
  if (data instanceof Map) return toObject(data);
  throw new Failure(`${show(data)} are no parameters`);
}

/** Makes a plain object; a column may have any name, even `__proto__`. */
export function toObject(map) {
  const object = {};
  for (const [name, value] of map) {
    Object.defineProperty(object, name, {
      value: toValue(value), writable: true, enumerable: true, configurable: true,
    });
  }
  return object;
}

/** Converts data to a record: a map, or a list of pairs. */
export function toRecord(data) {
  return toObject(data instanceof Map ? data : mapOfPairs(data));
}

/** Converts data to a key: a value, or a list for a composite key. */
export function toKey(data) {
  return Array.isArray(data) ? data.map(toValue) : toValue(data);
}

/** Converts a cell of a row to data. */
export function fromValue(value) {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value;
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'bigint') {
    if (integer(value) !== value) throw new Failure(`BigInt ${value} should be a number`);
    return value;
  }
  throw new Failure(`a cell is ${describe(value)}`);
}

/** Converts a row to data: a plain object, all of whose properties are columns. */
export function fromRow(row) {
  if (typeof row !== 'object' || row === null) throw new Failure(`a row is ${describe(row)}`);
  const prototype = Object.getPrototypeOf(row);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Failure('a row is no plain object');
  }
  const names = Object.keys(row);
  if (Reflect.ownKeys(row).length !== names.length) {
    throw new Failure('a row has properties that are not enumerable');
  }
  return new Map(names.map((name) => [name, fromValue(row[name])]));
}

export function fromRows(rows) {
  return array(rows).map(fromRow);
}

/** Converts a row to data, or undefined where there is none. */
export function fromOptionalRow(row) {
  return row === undefined ? null : fromRow(row);
}

export function fromCount(count) {
  if (!Number.isSafeInteger(count) || count < 0) throw new Failure(`a count is ${describe(count)}`);
  return count;
}

export function fromYes(yes) {
  if (typeof yes !== 'boolean') throw new Failure(`yes or no is ${describe(yes)}`);
  return yes;
}

export function fromNothing(nothing) {
  if (nothing !== undefined) throw new Failure(`nothing is ${describe(nothing)}`);
  return null;
}

/** Converts positions of rows: ascending, and each less than `rows`. */
export function fromPositions(positions, rows) {
  array(positions).forEach((position, index) => {
    const least = index === 0 ? 0 : positions[index - 1] + 1;
    if (!Number.isSafeInteger(position) || position < least || position >= rows) {
      throw new Failure(`positions in ${rows} rows are ${positions.join(', ')}`);
    }
  });
  return positions;
}

/** Converts the key of an inserted row to data. */
export function fromKey(key) {
  return Array.isArray(key) ? key.map(fromValue) : fromValue(key);
}

/** Converts the outcome of a statement to data. */
export function fromExecuted(done) {
  const names = Object.keys(Object(done));
  if (names.length !== 2 || !names.includes('rowsChanged') || !names.includes('lastRowId')) {
    throw new Failure(`what a statement did is ${describe(done)}`);
  }
  return new Map([
    ['rows_changed', fromCount(done.rowsChanged)],
    ['last_row_id', fromValue(done.lastRowId)],
  ]);
}

export function fromExecutedList(done) {
  return array(done).map(fromExecuted);
}

export function fromDamages(found) {
  return array(found).map(({ kind, table, rowid, parent, message, ...more }) => {
    if (Object.keys(more).length > 0) throw new Failure(`a check has also said ${Object.keys(more)}`);
    const fields = { kind, table, rowid, parent, message };
    return new Map(Object.entries(fields).map(([name, value]) => [name, value === undefined ? null : fromValue(value)]));
  });
}

export function fromRecovered({ tables, lostAndFound, ...more }) {
  if (Object.keys(more).length > 0) throw new Failure(`a recovery has also said ${Object.keys(more)}`);
  const counted = [...tables].map(([name, rows]) => [fromValue(name), fromCount(rows)]);
  return new Map([['tables', counted], ['lost_and_found', fromCount(lostAndFound)]]);
}

/** Statistics by the names that the other languages have for them; a time may be any number of milliseconds. */
export function fromStats(stats) {
  const fields = Object.entries(Object(stats));
  if (fields.length === 0) throw new Failure(`the statistics are ${describe(stats)}`);
  const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const value = (it) => (it === undefined ? null : typeof it === 'object' ? fromStats(it) : fromValue(it));
  return new Map(fields.map(([name, it]) => [snake(name), value(it)]));
}

export function fromCapabilities(known) {
  const fields = Object.entries(Object(known));
  if (fields.length === 0) throw new Failure(`the capabilities are ${describe(known)}`);
  return new Map(fields.map(([name, has]) => [name, fromYes(has)]));
}

function array(value) {
  if (!Array.isArray(value)) throw new Failure(`a list is ${describe(value)}`);
  return list(value);
}

function describe(value) {
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`;
  return `an object with the keys [${Object.keys(value).slice(0, 8).join(', ')}]`;
}
