/**
 * Values, rows and lists: what a scenario writes in JSON and what a call returns,
 * as one kind of data that can be compared:
 *
 * null, boolean, string, Uint8Array; number for every double and for safe integers;
 * bigint for the other integers, and only for them; arrays for lists; Map for rows
 * and records, in order; JsonText; ANY; Update.
 */

import { Failure } from './failure.mjs';

/** Only in expectations: anything but NULL. */
export const ANY = Symbol('any');

/** A list or map of the language, which binds as JSON text. */
export class JsonText {
  constructor(content) {
    this.content = content;
  }
}

/** Only as a result, of a watch: its rows, and the positions of those that differ from before. */
export class Update {
  constructor(rows, { added, removed, updated }) {
    Object.assign(this, { rows, added, removed, updated });
  }
}

/**
 * Reads the notation of `tests/spec/README.md`.
 *
 * @param {unknown} json
 * @param {Map<string, unknown>} names results that earlier calls named
 * @param {number} [number] that of the enclosing `$for`
 */
export function read(json, names, number) {
  switch (typeof json) {
    case 'boolean':
    case 'string':
      return json;
    case 'number':
      // JSON does not distinguish 1 from 1.0, so a plain number beyond 2^53 is ambiguous.
      if (Number.isInteger(json) && !Number.isSafeInteger(json)) {
        throw new Failure(`${json} needs $int or $real`);
      }
      return json;
    default:
  }
  if (json === null) return null;
  if (Array.isArray(json)) return json.map((item) => read(item, names, number));
  const notation = Object.keys(json).find((key) => key.startsWith('$'));
  if (notation !== undefined) return readNotation(notation, json, names, number);
  return new Map(Object.entries(json).map(([name, value]) => [name, read(value, names, number)]));
}

function readNotation(notation, fields, names, number) {
  const content = fields[notation];
  const allowed = notation === '$for' ? [notation, 'item'] : [notation];
  const other = Object.keys(fields).find((key) => !allowed.includes(key));
  if (other !== undefined) throw new Failure(`"${other}" has no place beside ${notation}`);
  switch (notation) {
    case '$int':
      return integer(BigInt(text(content)));
    case '$real':
      return real(text(content));
    case '$blob':
      return bytesOfHex(text(content));
    case '$text16':
      return textOfUnits(text(content));
    case '$json':
      return new JsonText(content);
    case '$moment':
      return new Date(content);
    case '$any':
      return ANY;
    case '$i':
      if (number === undefined) throw new Failure('$i stands outside of $for');
      return number;
    case '$ref':
      if (!names.has(content)) throw new Failure(`nothing has the name "${content}"`);
      return names.get(content);
    case '$repeat': {
      const [what, times] = list(content, 2);
      return repeat(read(what, names, number), times);
    }
    case '$concat':
      return list(content).map((part) => text(read(part, names, number))).join('');
    case '$for': {
      const [first, last] = list(content, 2);
      if (!(first <= last) || !('item' in fields)) throw new Failure('a $for of nothing');
      const numbers = Array.from({ length: last - first + 1 }, (_, index) => first + index);
      return numbers.map((each) => read(fields.item, names, each));
    }
    case '$pairs':
      return mapOfPairs(list(content).map((pair) => read(pair, names, number)));
    default:
      throw new Failure(`${notation} is no notation that this runner knows`);
  }
}

/** Returns an integer as ubiqlite does: a number where that is exact, else a BigInt. */
export function integer(value) {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function real(word) {
  const value = Number(word);
  if (Number.isNaN(value) && word !== 'NaN') throw new Failure(`"${word}" is no $real`);
  return value;
}

function repeat(what, times) {
  if (!Number.isSafeInteger(times) || times < 0) throw new Failure('$repeat wants a number');
  if (typeof what === 'string') return what.repeat(times);
  if (Array.isArray(what)) return Array.from({ length: times }, () => what).flat(1);
  if (what instanceof Uint8Array) {
    const whole = new Uint8Array(what.length * times);
    for (let index = 0; index < times; index += 1) whole.set(what, index * what.length);
    return whole;
  }
  throw new Failure(`${show(what)} can't be repeated`);
}

function bytesOfHex(hex) {
  if (!/^([0-9a-f]{2})*$/.test(hex)) throw new Failure(`"${hex}" is not hexadecimal`);
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function textOfUnits(hex) {
  if (!/^([0-9a-f]{4})*$/.test(hex)) throw new Failure(`"${hex}" are no UTF-16 units`);
  const units = (hex.match(/..../g) ?? []).map((unit) => Number.parseInt(unit, 16));
  return String.fromCharCode(...units);
}

/** Reads a map that is written as a list of pairs. */
export function mapOfPairs(pairs) {
  const map = new Map(list(pairs).map((pair) => list(pair, 2)).map(([name, value]) => [text(name), value]));
  if (map.size !== pairs.length) throw new Failure('a name stands twice, which no object has');
  return map;
}

/** Returns the data, which must be a text. */
export function text(data) {
  if (typeof data !== 'string') throw new Failure(`${show(data)} is no text`);
  return data;
}

/** Returns the data, which must be a list (of `length` items, if given). */
export function list(data, length) {
  if (!Array.isArray(data)) throw new Failure(`${show(data)} is no list`);
  if (length !== undefined && data.length !== length) {
    throw new Failure(`${show(data)} has not ${length} items`);
  }
  return data;
}

/** Describes data in readable form; long values are shortened. */
export function show(data) {
  if (data === null) return 'NULL';
  if (data === ANY) return 'anything';
  if (typeof data === 'string') {
    if (data.length <= 200) return `text ${JSON.stringify(data)}`;
    return `text of ${data.length} units ${JSON.stringify(data.slice(0, 40))}…`;
  }
  if (typeof data === 'bigint') return `BigInt ${data}`;
  if (typeof data === 'number') return `number ${Object.is(data, -0) ? '-0' : data}`;
  if (data instanceof Uint8Array) {
    const hex = Array.from(data.subarray(0, 40), (byte) => byte.toString(16).padStart(2, '0'));
    return `blob of ${data.length} bytes ${hex.join('')}${data.length > 40 ? '…' : ''}`;
  }
  if (data instanceof Update) return `a result of ${show(data.rows)}`;
  if (data instanceof JsonText) return `JSON ${JSON.stringify(data.content)}`;
  if (Array.isArray(data)) {
    const items = data.slice(0, 8).map(show).join(', ');
    return `[${items}${data.length > 8 ? ', …' : ''}] (${data.length} items)`;
  }
  if (data instanceof Map) {
    const fields = [...data].slice(0, 12).map(([name, value]) => `${name.slice(0, 60)}: ${show(value)}`);
    return `{${fields.join(', ')}${data.size > 12 ? ', …' : ''}}`;
  }
  return String(data);
}
