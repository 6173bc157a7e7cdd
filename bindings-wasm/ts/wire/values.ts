import { type UbiqliteError, invalid } from '../errors.js';
import { timeText } from './date.js';
import { jsonText } from './json.js';
import { aKindOf, isArrayBuffer, isPlain, isSharedArrayBuffer, kindOf } from './kinds.js';
import type { Writer } from './writer.js';

/** A moment, date or time: a `Date`, or a Temporal type where there is Temporal. */
export type Time =
  | Date
  | {
      readonly [Symbol.toStringTag]:
        | 'Temporal.Instant'
        | 'Temporal.ZonedDateTime'
        | 'Temporal.PlainDateTime'
        | 'Temporal.PlainDate'
        | 'Temporal.PlainTime';
    };

/**
 * What is stored as JSON text, and what its lists and objects may hold. A `Date` has the
 * same text as outside of JSON. Non-finite numbers, `undefined` and bytes are refused.
 */
export type Json = null | boolean | number | string | Time | readonly Json[] | { readonly [name: string]: Json };

/**
 * What can be bound as a value: a safe integer as INTEGER, any other number as REAL, a
 * 64-bit bigint as INTEGER, a boolean as 0 or 1, bytes as BLOB, lists and plain objects as
 * JSON text. A Date or a Temporal type is bound as ISO 8601 text of constant width, with
 * moments in UTC (`2026-01-31T12:00:00.000000000Z`). `undefined`, functions and symbols are refused.
 */
export type Value =
  | null
  | number
  | bigint
  | string
  | boolean
  | Time
  | ArrayBuffer
  | ArrayBufferView
  | readonly Json[]
  | { readonly [name: string]: Json };

/** Parameters by position, or by name without the leading sign. */
export type Params = readonly Value[] | { readonly [name: string]: Value };

/** Columns with their values. */
export type Fields = { readonly [column: string]: Value };

/** A primary key: one value, or a list of them for a composite key. */
export type Key = Exclude<Value, readonly Json[]> | readonly Value[];

const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4 } as const;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** The number of parameters precedes them. */
const BY_POSITION = 1;
const BY_NAME = 2;

/**
 * @param what what kind of value it is, for the error that refuses it
 * @param which its name, or its index from 0
 * @throws InvalidArgumentError that names it
 */
export function writeValue(out: Writer, value: unknown, what: string, which?: string | number): void {
  switch (typeof value) {
    case 'number':
      // -0 keeps its sign as a real.
      if (Number.isSafeInteger(value) && (value !== 0 || 1 / value > 0)) {
        out.u8(TAG.integer);
        out.integer(value);
      } else {
        out.u8(TAG.real);
        out.f64(value);
      }
      return;
    case 'string':
      out.u8(TAG.text);
      if (!out.tryText(value)) throw refused(what, which, HALF);
      return;
    case 'boolean':
      out.u8(TAG.integer);
      out.integer(value ? 1 : 0);
      return;
    case 'bigint':
      if (value < LEAST || value > MOST) {
        throw refused(what, which, 'is an integer that does not fit in 64 bits; store it as text');
      }
      out.u8(TAG.integer);
      out.bigint(value);
      return;
    case 'object':
      writeObject(out, value, what, which);
      return;
    default:
      throw refused(what, which, typeof value === 'undefined' ? 'is undefined; use null for NULL' : `is a ${typeof value}`);
  }
}

const HALF = 'contains half of a surrogate pair, which is not valid text; store it as bytes';

/** @param between the text between what is refused and why */
function refused(what: string, which: string | number | undefined, why: string, between = ' '): UbiqliteError {
  const name = which === undefined ? '' : ` ${typeof which === 'number' ? which + 1 : JSON.stringify(which)}`;
  return invalid(`${what}${name}${between}${why}`);
}

function writeObject(out: Writer, value: object | null, what: string, which: string | number | undefined): void {
  if (value === null) {
    out.u8(TAG.null);
  } else if (ArrayBuffer.isView(value)) {
    out.u8(TAG.blob);
    out.blob(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (isArrayBuffer(value) || isSharedArrayBuffer(value)) {
    out.u8(TAG.blob);
    out.blob(new Uint8Array(value as ArrayBuffer));
  } else {
    const time = timeText(value, (why) => refused(what, which, why));
    if (time !== undefined) {
      out.u8(TAG.text);
      out.text(time);
      return;
    }
    if (!Array.isArray(value) && !isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== 'function') {
      throw refused(what, which, `is ${aKindOf(value)}, which can't be stored; bind one of its fields`);
    }
    const name = typeof which === 'string' ? which : 'value';
    const text = jsonText(value, name, (why) => refused(what, which, why, ': '));
    out.u8(TAG.text);
    out.text(text);
  }
}

export function writeParams(out: Writer, params: Params | undefined): void {
  if (params === undefined) {
    out.u8(0);
  } else if (Array.isArray(params)) {
    out.u8(BY_POSITION);
    out.u32(params.length);
    for (let index = 0; index < params.length; index++) writeValue(out, params[index], 'parameter', index);
  } else {
    checkNamed(params, 'parameters must be a list by position or an object by name');
    out.u8(BY_NAME);
    writeNamed(out, params as Record<string, unknown>, 'parameter');
  }
}

export function writeFields(out: Writer, fields: Fields): void {
  checkNamed(fields, 'a record must be an object with column names');
  writeNamed(out, fields, 'field');
}

function writeNamed(out: Writer, fields: Readonly<Record<string, unknown>>, what: string): void {
  const names = Object.keys(fields);
  out.u32(names.length);
  for (const name of names) {
    out.text(name);
    writeValue(out, fields[name], what, name);
  }
}

/** Refuses, say, an unawaited promise, a Map or a Date: they have no fields and would count as an empty record. */
function checkNamed(value: unknown, wanted: string): void {
  if (typeof value === 'object' && value !== null) {
    if (Object.getPrototypeOf(value) === Object.prototype) return;
    if (Object.prototype.toString.call(value) === '[object Object]') return;
  }
  throw invalid(`${wanted}, not ${kindOf(value)}`);
}

export function writeKey(out: Writer, key: Key): void {
  const values: readonly unknown[] = Array.isArray(key) ? (key as readonly unknown[]) : [key];
  out.u32(values.length);
  for (const value of values) writeValue(out, value, 'the key');
}
