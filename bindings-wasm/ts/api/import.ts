import { type UbiqliteError, errorOf } from '../errors.js';
import { isArrayBuffer, isUint8Array } from '../wire/kinds.js';

/** A source that a database can be imported from. */
export type ImportSource =
  | Blob
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** How many bytes are copied at a time. @internal */
export const CHUNK = 1 << 20;

/**
 * Yields the imported bytes, piece by piece.
 *
 * @throws `InvalidArgument` for anything that is not an `ImportSource`
 * @internal
 */
export async function* chunksOf(source: ImportSource): AsyncGenerator<Uint8Array> {
  if (isArrayBuffer(source)) {
    yield new Uint8Array(source);
  } else if (isUint8Array(source)) {
    yield source;
  } else if (isBlob(source)) {
    // Not `stream()`: some browsers read ahead without limit.
    for (let at = 0; at < source.size; at += CHUNK) {
      yield new Uint8Array(await source.slice(at, at + CHUNK).arrayBuffer());
    }
  } else if (isStream(source)) {
    // Not every browser can iterate over a stream.
    const reader = source.getReader();
    let done = false;
    try {
      for (;;) {
        const step = await reader.read();
        done = step.done;
        if (step.done) return;
        yield bytesOf(step.value);
      }
    } finally {
      if (!done) await reader.cancel().catch(() => {});
      reader.releaseLock();
    }
  } else if (isIterable(source)) {
    for await (const chunk of source) yield bytesOf(chunk);
  } else {
    throw invalid('the bytes of a file come as a Blob, Uint8Array, ArrayBuffer, ReadableStream or iterable of Uint8Array');
  }
}

/** Returns the parts as one. @internal */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function bytesOf(chunk: unknown): Uint8Array {
  if (isUint8Array(chunk)) return chunk;
  if (isArrayBuffer(chunk)) return new Uint8Array(chunk);
  throw invalid('the data to import must come as Uint8Array');
}

/** Tests by shape: jsdom has its own Blob alongside Node's, and no ReadableStream. */
function isBlob(source: unknown): source is Blob {
  const { arrayBuffer, slice, size } = (source ?? {}) as Partial<Blob>;
  return typeof arrayBuffer === 'function' && typeof slice === 'function' && typeof size === 'number';
}

function isStream(source: unknown): source is ReadableStream<Uint8Array> {
  return typeof (source as Partial<ReadableStream> | undefined | null)?.getReader === 'function';
}

function isIterable(source: unknown): source is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof source !== 'object' || source === null) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}

function invalid(message: string): UbiqliteError {
  return errorOf({ kind: 'InvalidArgument', message });
}
