/** Results as JSON that tells apart what JSON does not: what two programs have got is compared by it. */

/** Returns a value with the type of each that JSON would lose. */
export function tagged(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'bigint') return { $bigint: `${value}` };
  if (typeof value === 'number' && !Number.isFinite(value)) return { $number: `${value}` };
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return { $date: value.toISOString() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('hex') };
  if (typeof value.toFixed === 'function') return { $decimal: value.toString() };
  if (value instanceof Error) return failed(value);
  if (Array.isArray(value)) return value.map(tagged);
  return Object.fromEntries(Object.entries(value).map(([name, it]) => [name, tagged(it)]));
}

/** Returns all that a program may look at in an error. */
function failed({ name, message, code, meta, cause }) {
  return { $error: name, message, ...tagged({ code, meta, cause }) };
}
