import { errorOf } from '../errors.js';
import { exclusively } from './exclusive.js';
import { failure } from './failure.js';
import { directoryName } from './names.js';
import { isOnLine } from './line.js';
import type { FromWorker, ToWorker } from './protocol.js';
import { requestPersistence } from './persistence.js';
import { requireStorage } from './requirements.js';
import { spawn } from './standby.js';

/** What a database can be imported from. */
export type ImportSource =
  | Blob
  | Uint8Array
  | ArrayBuffer
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** How much is copied at a time. */
const CHUNK = 1 << 20;

/**
 * Makes the SQLite file `source` the database `name`. It is read and written
 * piece by piece, and becomes the database when it is whole: whatever happens
 * before leaves what was there.
 *
 * @throws `Busy` while somebody has the database open, `InvalidArgument` if there
 * is one and `replace` is not set, `NotADatabase` if the source is none or is cut
 * short
 */
export async function importFile(
  name: string,
  source: ImportSource,
  { replace = false }: { replace?: boolean } = {},
): Promise<void> {
  directoryName(name);
  if (requireStorage() === 'follower') {
    throw failure('Unsupported', 'importing needs a worker: import from a page or a dedicated worker');
  }
  const chunks = chunksOf(source);
  requestPersistence();
  await exclusively(name, 'import', async () => {
    const importer = new Importer({ import: name, replace });
    try {
      await importer.begun;
      for await (const chunk of chunks) await importer.add(chunk);
      await importer.finish();
    } finally {
      await importer.end();
    }
  });
}

/** The worker that writes the file. */
class Importer {
  readonly begun: Promise<void>;
  private readonly worker: Worker;
  private answer: ((message: FromWorker) => void) | undefined;
  private failed: Error | undefined;
  private finished = false;

  constructor(start: ToWorker) {
    this.worker = spawn();
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.answer?.(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.answer?.({ failed: { kind: 'CannotOpen', message: `the worker failed: ${event.message}` } });
    };
    this.begun = this.ask(start);
  }

  /** Writes a chunk, whose buffer it may keep. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += CHUNK) {
      // The caller's buffer stays the caller's.
      const chunk = bytes.slice(at, at + CHUNK).buffer;
      await this.ask({ chunk }, [chunk]);
    }
  }

  async finish(): Promise<void> {
    await this.ask({ end: true });
    this.finished = true;
  }

  /** Ends the worker; what is not finished is taken back. */
  async end(): Promise<void> {
    if (!this.finished && this.failed === undefined) await this.ask({ abort: true }).catch(() => {});
    this.worker.terminate();
  }

  private ask(message: ToWorker, transfer: Transferable[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      this.answer = (answer) => {
        this.answer = undefined;
        if (isOnLine(answer)) return;
        if ('failed' in answer) reject((this.failed = errorOf(answer.failed)));
        else resolve();
      };
      this.worker.postMessage(message, transfer);
    });
  }
}

async function* chunksOf(source: ImportSource): AsyncGenerator<Uint8Array> {
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
    throw failure(
      'InvalidArgument',
      'a database is imported from a Blob, Uint8Array, ArrayBuffer, ReadableStream or iterable of Uint8Array',
    );
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw failure('InvalidArgument', 'what is imported must come as Uint8Array');
}

function isIterable(source: unknown): source is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof source !== 'object' || source === null) return false;
  return Symbol.asyncIterator in source || Symbol.iterator in source;
}
