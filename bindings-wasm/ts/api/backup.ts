import { Pages } from '../client/pages.js';
import type { CallOptions } from '../client/options.js';
import { limitOf } from '../client/timeouts.js';
import { type UbiqliteError, errorOf, invalid } from '../errors.js';
import { CellReader } from '../wire/cells.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import { joined } from './import.js';
import { resolved } from './paths.js';
import type { CallTarget } from './statements.js';

/** How far a copy into a file is. */
export interface BackupProgress {
  /** The pages that are copied. It begins anew at 0 when the copy does. */
  readonly done: number;
  /** The pages that the database has now. */
  readonly total: number;
}

/** How a copy is made as bytes. */
export interface BackupStreamOptions extends CallOptions {
  /**
   * Makes the copy without the space that deleted rows have left, by SQLite's `VACUUM INTO`. It is the moment at which the
   * copy was begun. Rows of tables without an `INTEGER PRIMARY KEY` may get other rowids. Default: false.
   */
  compact?: boolean;
}

/** How a copy is made in a file. */
export interface BackupOptions extends BackupStreamOptions {
  /** Replaces a file of that name, in one step once the copy is complete. Default: false. */
  overwrite?: boolean;
  /**
   * Called when the copy has come further, with `compact` only at its end. It does not wait for a promise. If it throws,
   * the copy ends as by its signal, and the call is rejected with that error. Default: none.
   */
  onProgress?: (progress: BackupProgress) => void;
}

const STREAM = ['compact'];
const FILE = ['compact', 'overwrite', 'onProgress'];

/** Copies the database into a file. @internal */
export async function backup(target: CallTarget, path: string | URL, options: BackupOptions = {}): Promise<void> {
  const { client } = target;
  const checked = target.options(options, FILE);
  const limit = limitOf(checked.timeout);
  const until = limit === undefined ? undefined : performance.now() + limit;
  const { onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== 'function') throw invalid('the option onProgress must be a function');
  const write = (out: Writer): void => {
    const place = resolved(path, 'read the copy as bytes, with backupStream()');
    writeFlag(out, options, 'overwrite');
    writeFlag(out, options, 'compact');
    out.text(place);
  };
  const handle = await client.openHandle({ op: Op.backup, on: target.handle, write, options: checked });
  try {
    for (;;) {
      // The limit is that of the whole copy, which takes many calls.
      const timeout = until === undefined ? undefined : Math.max(0, until - performance.now());
      const progress = await client.call({ op: Op.next, on: handle, write: writeNext, read: progressOf, options: { ...checked, timeout } });
      if (progress === undefined) break;
      onProgress?.(progress);
    }
  } catch (error) {
    client.drop(handle, copyOver);
    throw error;
  }
  client.release(handle, copyOver);
}

/** Copies the database as bytes. @internal */
export function backupStream(target: CallTarget, options?: BackupStreamOptions): ReadableStream<Uint8Array> {
  const chunks = chunksOfCopy(target, options);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => chunks.end(),
    },
    // The chunks are requested ahead already.
    { highWaterMark: 0 },
  );
}

/** Returns a copy of the database as the bytes of its file. @internal */
export async function serialize(target: CallTarget, options?: BackupStreamOptions): Promise<Uint8Array<ArrayBuffer>> {
  const chunks = chunksOfCopy(target, options);
  const all: Uint8Array[] = [];
  for (;;) {
    const more = await chunks.rest();
    if (more.length === 0) return joined(all);
    all.push(...more);
  }
}

function chunksOfCopy(target: CallTarget, options: BackupStreamOptions | undefined): Pages<Uint8Array> {
  const write = (out: Writer): void => writeFlag(out, options ?? {}, 'compact');
  return new Pages(target.client, { op: Op.backupStream, on: target.handle, write, options: target.options(options, STREAM) }, chunksIn);
}

function writeFlag(out: Writer, options: object, name: 'overwrite' | 'compact'): void {
  const on = (options as Record<string, unknown>)[name] ?? false;
  if (typeof on !== 'boolean') throw invalid(`the option ${name} must be a boolean`);
  out.u8(on ? 1 : 0);
}

const writeNext = (out: Writer): void => out.u32(1);

function progressOf(reply: Reply): BackupProgress | undefined {
  if (reply.ends) return undefined;
  const cells = new CellReader(reply, 'the progress of a copy');
  return { done: cells.count(), total: cells.count() };
}

function chunksIn(reply: Reply): Uint8Array[] {
  const cells = new CellReader(reply, 'a copy');
  return cells.all(() => cells.next() as Uint8Array);
}

function copyOver(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the copy has ended' });
}
