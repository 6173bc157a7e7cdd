import type { Database } from '../api/database.js';

/** How much is handed out at a time. */
const CHUNK = 1 << 18;

/** Where the header says how the file is written and read: 1 is the rollback journal, 2 the log. */
const FORMATS = [18, 19];

/**
 * The database as a SQLite file, of one moment, while others go on writing. The
 * engine reads its own pages in a snapshot, so the log needs no checkpoint, and
 * a page is in memory only on its way. Closes `database` when it ends.
 *
 * The file says that it is in rollback-journal mode, as a file without a log
 * beside it: then it can be opened from a medium that only reads, too.
 */
export function exported(database: Database): ReadableStream<Uint8Array> {
  const pages = pagesOf(database);
  let first = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const parts: Uint8Array[] = [];
        let size = 0;
        while (size < CHUNK) {
          const { done, value } = await pages.next();
          if (done) break;
          parts.push(value);
          size += value.length;
        }
        if (size === 0) {
          controller.close();
          return;
        }
        const chunk = joined(parts, size);
        if (first) {
          for (const at of FORMATS) chunk[at] = 1;
          first = false;
        }
        controller.enqueue(chunk);
      },
      async cancel() {
        await pages.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

async function* pagesOf(database: Database): AsyncGenerator<Uint8Array, undefined> {
  try {
    const snapshot = await database.snapshot();
    try {
      for await (const { data } of snapshot.stream<{ data: Uint8Array }>('SELECT data FROM sqlite_dbpage')) yield data;
    } finally {
      await snapshot.close();
    }
  } finally {
    await database.close();
  }
  return undefined;
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
