import { type UbiqliteError, errorOf } from '../errors.js';

/** What a database can be imported from. */
export type ImportSource =
  | Blob
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** How much is copied at a time, in bytes. @internal */
export const CHUNK = 1 << 20;

/**
 * What is imported, piece by piece.
 *
 * @throws `InvalidArgument` for what is neither
 * @internal
 */
export async function* chunksOf(source: ImportSource): AsyncGenerator<Uint8Array> {
  if (source instanceof ArrayBuffer) {
    yield new Uint8Array(source);
  } else if (source instanceof Uint8Array) {
    yield source;
  } else if (source instanceof Blob) {
    // Not `stream()`: some browsers read ahead without end.
    for (let at = 0; at < source.size; at += CHUNK) {
      yield new Uint8Array(await source.slice(at, at + CHUNK).arrayBuffer());
    }
  } else if (source instanceof ReadableStream) {
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
    throw invalid('a database is imported from a Blob, Uint8Array, ArrayBuffer, ReadableStream or iterable of Uint8Array');
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw invalid('what is imported must come as Uint8Array');
}

function isIterable(source: unknown): source is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof source !== 'object' || source === null) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}

function invalid(message: string): UbiqliteError {
  return errorOf({ kind: 'InvalidArgument', message });
}
