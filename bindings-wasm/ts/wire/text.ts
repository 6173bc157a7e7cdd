/** Bytes as text. */

const decoder = new TextDecoder('latin1');
// A byte order mark is a character like others, and wrong bytes are not a text.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** So few bytes are faster by hand. */
const FEW = 24;

/** In Node a method of Buffer, which works on any bytes, is faster than the decoder. */
const slice = (globalThis as { Buffer?: { prototype: { latin1Slice?: (this: Uint8Array, start: number, end: number) => string } } })
  .Buffer?.prototype.latin1Slice;

/** A letter for each byte; those of ASCII are right. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > FEW) return slice?.call(bytes, start, end) ?? decoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let at = start; at < end; at += 1) text += String.fromCharCode(bytes[at]);
  return text;
}

/** The text of these bytes, or `undefined` if they are none. */
export function utf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}
