import type { Database } from './database.js';

/** How many bytes may be buffered for a slow reader. */
const AHEAD = 512 * 1024;

/**
 * Returns the database as a file: its pages in order, all of one moment, however long
 * that takes and whatever others write in the meantime. The database is closed when the
 * stream ends.
 *
 * @internal
 */
export async function exported(db: Database): Promise<ReadableStream<Uint8Array>> {
  const moment = await db.snapshot();
  const pages = moment.stream<{ data: Uint8Array }>('SELECT data FROM sqlite_dbpage');
  let first = true;
  const end = async (): Promise<void> => {
    await pages.return();
    moment.close();
    await db.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const page = await pages.next();
          if (!page.done) {
            const { data } = page.value;
            // The write and read versions: a WAL-mode file that can't be written can't be read either.
            if (first) data.fill(1, 18, 20);
            first = false;
            return controller.enqueue(data);
          }
          await end();
          controller.close();
        } catch (error) {
          await end().catch(() => {});
          throw error;
        }
      },
      cancel: end,
    },
    { highWaterMark: AHEAD, size: (page) => page?.length ?? 0 },
  );
}
