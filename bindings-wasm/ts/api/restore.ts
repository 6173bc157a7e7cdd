import type { CallOptions } from '../client/options.js';
import { onAbort } from '../client/signals.js';
import { cancelled } from '../client/timeouts.js';
import { errorOf } from '../errors.js';
import { asBytes } from '../wire/kinds.js';
import { Op } from '../wire/ops.js';
import type { Writer } from '../wire/writer.js';
import type { Database } from './database.js';
import { type ImportSource, chunksOf, joined } from './import.js';
import { isPath, resolved } from './paths.js';
import type { CallTarget } from './statements.js';

/** The content of a database file, which is gathered in memory. */
export type DatabaseBytes = ImportSource | ArrayBufferView;

/** What follows in a request: a path, or bytes. */
const FILE = 0;
const BYTES = 1;

/** What a request can contain, less than what its length can say. */
const MOST = 0xffff_0000;

/** Replaces what the database contains. @internal */
export async function restore(target: CallTarget, source: DatabaseBytes | string | URL, options: CallOptions | undefined): Promise<void> {
  const checked = target.options(options);
  if (checked.refused !== undefined) throw checked.refused;
  if (isPath(source)) {
    const path = resolved(source, 'give the bytes of the file');
    const write = (out: Writer): void => {
      out.u8(FILE);
      out.text(path);
    };
    return replaced(target, write, options);
  }
  // Bytes that are here are written within this call, so that they may be changed after it.
  const bytes = asBytes(source) ?? (await gathered(source as ImportSource, checked.signal));
  if (bytes.length > MOST) {
    throw errorOf({ kind: 'TooBig', message: 'more than 4 GB can be restored from a path only' });
  }
  const write = (out: Writer): void => {
    out.u8(BYTES);
    out.blob(bytes);
  };
  return replaced(target, write, options);
}

function replaced(target: CallTarget, write: (out: Writer) => void, options: CallOptions | undefined): Promise<void> {
  return target.call(Op.restore, write, (reply) => reply.done(), options);
}

/** Reads the source to its end, unless it is aborted before. */
function gathered(source: ImportSource, signal: AbortSignal | undefined): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) throw cancelled(signal);
    const unlisten = signal && onAbort(signal, () => reject(cancelled(signal)));
    const read = async (): Promise<Uint8Array> => {
      const parts: Uint8Array[] = [];
      for await (const part of chunksOf(source)) {
        // Whoever makes the parts learns it by this.
        if (signal?.aborted === true) break;
        parts.push(part);
      }
      return joined(parts);
    };
    read().then(resolve, reject).finally(() => unlisten?.());
  });
}

/** Opens a database in memory with this content. @internal */
export async function deserialized(open: () => Promise<Database>, source: DatabaseBytes, options: CallOptions): Promise<Database> {
  const db = await open();
  try {
    await db.restore(source, options);
    return db;
  } catch (error) {
    await db.close();
    throw error;
  }
}
