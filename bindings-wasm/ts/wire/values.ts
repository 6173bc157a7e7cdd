import { UbiqliteError, invalid } from '../errors.js';
import type { Writer } from './writer.js';

/** Anything that JSON can hold: stored as JSON text. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json | undefined };

/**
 * What binds as a value: a safe integer as INTEGER, another number as REAL, a
 * bigint of 64 bits as INTEGER, a boolean as 0 or 1, a Date as ISO 8601 text in
 * UTC, bytes as BLOB, lists and plain objects as JSON text. `undefined`,
 * functions and symbols are refused.
 */
export type Value =
  | null
  | number
  | bigint
  | string
  | boolean
  | Date
  | ArrayBuffer
  | ArrayBufferView
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** Parameters by position, or by name without its sign. */
export type Params = readonly Value[] | { readonly [name: string]: Value };

/** Columns with their values. */
export type Fields = { readonly [column: string]: Value };

/** A primary key: one value, or a list of them for a composite key. */
export type Key = Exclude<Value, readonly Json[]> | readonly Value[];

const TAG = { null: 0, integer: 1, real: 2, text: 3, blob: 4 } as const;
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

/** How many parameters a list has is told before them. */
const BY_POSITION = 1;
const BY_NAME = 2;

/** @throws InvalidArgumentError that names `where` */
export function writeValue(out: Writer, value: unknown, where: () => string): void {
  switch (typeof value) {
    case 'number':
      // -0 keeps its sign as a real.
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        out.u8(TAG.integer);
        out.integer(value);
      } else {
        out.u8(TAG.real);
        out.f64(value);
      }
      return;
    case 'string':
      out.u8(TAG.text);
      named(where, () => out.text(value));
      return;
    case 'boolean':
      out.u8(TAG.integer);
      out.integer(value ? 1 : 0);
      return;
    case 'bigint':
      if (value < LEAST || value > MOST) {
        throw invalid(`${where()} is an integer beyond 64 bits; store it as text`);
      }
      out.u8(TAG.integer);
      out.bigint(value);
      return;
    case 'object':
      writeObject(out, value, where);
      return;
    default:
      throw invalid(`${where()} is ${typeof value === 'undefined' ? 'undefined; null stands for NULL' : `a ${typeof value}`}`);
  }
}

function writeObject(out: Writer, value: object | null, where: () => string): void {
  if (value === null) {
    out.u8(TAG.null);
  } else if (ArrayBuffer.isView(value)) {
    out.u8(TAG.blob);
    out.blob(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  } else if (value instanceof ArrayBuffer || isShared(value)) {
    out.u8(TAG.blob);
    out.blob(new Uint8Array(value as ArrayBuffer));
  } else if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid(`${where()} is an invalid Date`);
    out.u8(TAG.text);
    out.text(value.toISOString());
  } else {
    out.u8(TAG.text);
    named(where, () => out.text(json(value, where)));
  }
}

function isShared(value: object): boolean {
  return typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer;
}

/** Lists and plain objects; what JSON would change in silence is refused. */
function json(value: object, where: () => string): string {
  if (!Array.isArray(value) && !isPlain(value) && typeof (value as { toJSON?: unknown }).toJSON !== 'function') {
    throw invalid(`${where()} is a ${value.constructor?.name ?? 'thing'}, which is no value; bind one of its fields`);
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(value, (name, inner: unknown) => {
      if (typeof inner === 'bigint') throw invalid(`${where()} holds a bigint at ${JSON.stringify(name)}, which JSON has not`);
      if (typeof inner === 'function' || typeof inner === 'symbol') {
        throw invalid(`${where()} holds a ${typeof inner} at ${JSON.stringify(name)}`);
      }
      return inner;
    });
  } catch (error) {
    if (error instanceof UbiqliteError) throw error;
    throw invalid(`${where()} can't be JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw invalid(`${where()} can't be JSON`);
  return text;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function named(where: () => string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (error instanceof UbiqliteError && error.message.startsWith('a text')) {
      throw invalid(`${where()}: ${error.message}`);
    }
    throw error;
  }
}

export function writeParams(out: Writer, params: Params | undefined): void {
  if (params === undefined) {
    out.u8(0);
  } else if (Array.isArray(params)) {
    out.u8(BY_POSITION);
    out.u32(params.length);
    for (let index = 0; index < params.length; index++) {
      writeValue(out, params[index], () => `parameter ${index + 1}`);
    }
  } else if (params !== null && typeof params === 'object' && isPlain(params)) {
    const names = Object.keys(params);
    out.u8(BY_NAME);
    out.u32(names.length);
    for (const name of names) {
      out.text(name);
      writeValue(out, (params as Record<string, unknown>)[name], () => `parameter ${JSON.stringify(name)}`);
    }
  } else {
    throw invalid('parameters are a list by position, or an object by name');
  }
}

export function writeFields(out: Writer, fields: Fields): void {
  if (fields === null || typeof fields !== 'object' || Array.isArray(fields)) {
    throw invalid('a record is an object with the names of columns');
  }
  const names = Object.keys(fields);
  out.u32(names.length);
  for (const name of names) {
    out.text(name);
    writeValue(out, fields[name], () => `field ${JSON.stringify(name)}`);
  }
}

export function writeKey(out: Writer, key: Key): void {
  const values: readonly unknown[] = Array.isArray(key) ? (key as readonly unknown[]) : [key];
  out.u32(values.length);
  for (const value of values) writeValue(out, value, () => 'the key');
}
