/**
 * What a value is, even if it comes from another realm, where `instanceof` fails: another
 * window, a `vm` context, or the realm outside the one that Jest runs tests in.
 */

export function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value);
}

export function isArrayBuffer(value: unknown): value is ArrayBuffer {
  return value instanceof ArrayBuffer || tagOf(value) === '[object ArrayBuffer]';
}

export function isSharedArrayBuffer(value: unknown): boolean {
  return tagOf(value) === '[object SharedArrayBuffer]';
}

export function isUint8Array(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array || tagOf(value) === '[object Uint8Array]';
}

/** Returns the memory of a buffer or a view, of whatever type; `undefined` for anything else. */
export function asBytes(value: unknown): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return isArrayBuffer(value) || isSharedArrayBuffer(value) ? new Uint8Array(value as ArrayBuffer) : undefined;
}

export function isDate(value: unknown): value is Date {
  return value instanceof Date || tagOf(value) === '[object Date]';
}

/** Whether it is an object literal, or an object without a prototype. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Returns the kind of a value, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  const tag = tagOf(value).slice(8, -1);
  if (tag !== 'Object') return tag;
  return typeof value.constructor === 'function' && value.constructor.name !== '' ? value.constructor.name : tag;
}

/** Returns the same with its article, if it takes one. */
export function aKindOf(value: unknown): string {
  const kind = kindOf(value);
  return value === null || value === undefined ? kind : `${/^[AEIO]/i.test(kind) ? 'an' : 'a'} ${kind}`;
}
