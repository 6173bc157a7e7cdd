import { errorOf } from '../errors.js';
import { CHUNK, type ImportSource, chunksOf } from '../api/import.js';
import { exclusively } from './exclusive.js';
import { failure } from './failure.js';
import { directoryName } from './names.js';
import { isPipeMessage } from './pipe.js';
import type { FromWorker, ToWorker } from './protocol.js';
import { requireStorage } from './requirements.js';
import { spawn } from './standby.js';

/**
 * Makes the SQLite file `source` the database `name`. It is read and written piece by
 * piece, and becomes the database once it is whole. Whatever happens before that leaves
 * the existing one alone.
 *
 * @throws `Busy` while somebody has the database open, `InvalidArgument` if it exists and
 * `replace` is not set, `NotADatabase` if the source is not a database or is cut short
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
  private reply: ((message: FromWorker) => void) | undefined;
  private failed: Error | undefined;
  private finished = false;

  constructor(start: ToWorker) {
    this.worker = spawn();
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.reply?.(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.reply?.({ failed: { kind: 'CannotOpen', message: `the worker failed: ${event.message}` } });
    };
    this.begun = this.ask(start);
  }

  /** Writes a chunk. Its buffer stays the caller's. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += CHUNK) {
      // A copy, which can be transferred.
      const chunk = bytes.slice(at, at + CHUNK).buffer;
      await this.ask({ chunk }, [chunk]);
    }
  }

  async finish(): Promise<void> {
    await this.ask({ end: true });
    this.finished = true;
  }

  /** Ends the worker. An unfinished import is undone. */
  async end(): Promise<void> {
    if (!this.finished && this.failed === undefined) await this.ask({ abort: true }).catch(() => {});
    this.worker.terminate();
  }

  private ask(message: ToWorker, transfer: Transferable[] = []): Promise<void> {
    return new Promise((resolve, reject) => {
      this.reply = (reply) => {
        this.reply = undefined;
        if (isPipeMessage(reply)) return;
        if ('failed' in reply) reject((this.failed = errorOf(reply.failed)));
        else resolve();
      };
      this.worker.postMessage(message, transfer);
    });
  }
}
