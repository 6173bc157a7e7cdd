/** Bytes as text. */

const decoder = new TextDecoder('latin1');
// A byte order mark is a character like any other, and invalid bytes are not text.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Up to this many bytes are faster by hand. */
const FEW = 24;

/** In Node, a method of Buffer that works on any bytes is faster than the decoder. */
const slice = (globalThis as { Buffer?: { prototype: { latin1Slice?: (this: Uint8Array, start: number, end: number) => string } } })
  .Buffer?.prototype.latin1Slice;

/** Returns one character per byte. Only ASCII is decoded correctly. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > FEW) return slice?.call(bytes, start, end) ?? decoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let at = start; at < end; at += 1) text += String.fromCharCode(bytes[at]);
  return text;
}

/** Returns the text of these bytes, or `undefined` if they are not text. */
export function utf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return strict.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}
