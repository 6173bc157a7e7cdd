/**
 * What a value is, also where it comes from another realm: another window, a `vm`
 * context, or the world outside that Jest runs tests in. There `instanceof` fails.
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

export function isDate(value: unknown): value is Date {
  return value instanceof Date || tagOf(value) === '[object Date]';
}

/** An object literal, or one without a prototype. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** What a thing is, for people. */
export function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  const tag = tagOf(value).slice(8, -1);
  if (tag !== 'Object') return tag;
  return typeof value.constructor === 'function' && value.constructor.name !== '' ? value.constructor.name : tag;
}

/** The same with its article. */
export function aKindOf(value: unknown): string {
  const kind = kindOf(value);
  return `${/^[AEIO]/i.test(kind) ? 'an' : 'a'} ${kind}`;
}
