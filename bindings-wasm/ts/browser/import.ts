import { contents, clear, directory, fileOf, isNamed, mainSize, mark } from './directory.js';
import { failure, portable } from './failure.js';
import { requireHandles } from './handles.js';
import { isPipeMessage } from './pipe.js';
import type { FromWorker, ToWorker } from './protocol.js';

type ImportStart = Extract<ToWorker, { import: string }>;

const HEADER = 100;
const MAGIC = 'SQLite format 3\0';

/**
 * Imports a file as a database, chunk by chunk, in the worker. Returns the handler for the
 * page's further messages. The file is a generation of its own until it is complete (see
 * `directory.ts`).
 */
export function importDatabase(start: ImportStart, tell: (message: FromWorker) => void): (event: MessageEvent<ToWorker>) => void {
  let last: Promise<Incoming | undefined> = Incoming.begin(start.import, start.replace);
  let failed = false;
  const step = (action: (incoming: Incoming) => Promise<FromWorker>): void => {
    last = last
      .then(async (incoming) => {
        if (incoming === undefined) return undefined;
        try {
          tell(await action(incoming));
          return incoming;
        } catch (error) {
          await incoming.abandon();
          throw error;
        }
      })
      .catch((error: unknown) => {
        if (!failed) tell({ failed: portable(error) });
        failed = true;
        return undefined;
      });
  };
  step(() => Promise.resolve({ next: true }));
  return ({ data }) => {
    if (isPipeMessage(data)) return;
    if ('chunk' in data) {
      step((incoming) => {
        incoming.add(new Uint8Array(data.chunk));
        return Promise.resolve({ next: true });
      });
    } else if ('end' in data) {
      step(async (incoming) => {
        await incoming.finish();
        return { imported: true };
      });
    } else if ('abort' in data) {
      step(async (incoming) => {
        await incoming.abandon();
        return { imported: false };
      });
    }
  };
}

class Incoming {
  private size = 0;
  private header = new Uint8Array(0);

  private constructor(
    private readonly name: string,
    private readonly within: FileSystemDirectoryHandle,
    private readonly generation: number,
    private readonly handle: FileSystemSyncAccessHandle,
  ) {}

  static async begin(name: string, replace: boolean): Promise<Incoming> {
    requireHandles();
    const within = await directory(name);
    if (!replace && (await mainSize(within)) > 0) {
      throw failure('InvalidArgument', `a database ${name} already exists; replace it with { replace: true }`);
    }
    const { next, stale } = await contents(within);
    await clear(within, stale);
    const file = await within.getFileHandle(fileOf(next, ''), { create: true });
    return new Incoming(name, within, next, await file.createSyncAccessHandle());
  }

  add(chunk: Uint8Array): void {
    if (this.header.length < HEADER) {
      const more = chunk.subarray(0, HEADER - this.header.length);
      const header = new Uint8Array(this.header.length + more.length);
      header.set(this.header);
      header.set(more, this.header.length);
      this.header = header;
      // Reported at once, not after a gigabyte.
      if (header.length === HEADER) this.pageSize();
    }
    try {
      if (this.handle.write(chunk, { at: this.size }) !== chunk.length) throw this.full();
    } catch (error) {
      throw isNamed(error, 'QuotaExceededError') ? this.full() : error;
    }
    this.size += chunk.length;
  }

  /** Checks that the file is whole, and makes it the database. */
  async finish(): Promise<void> {
    const pageSize = this.pageSize();
    const view = new DataView(this.header.buffer);
    // The header's count is valid if it was written with the last change; old writers leave it alone.
    const pages = view.getUint32(24) === view.getUint32(92) ? view.getUint32(28) : 1;
    if (this.size % pageSize !== 0 || this.size < pages * pageSize) {
      throw this.unfit(`it is cut short: ${this.size} of ${pages * pageSize} bytes`);
    }
    this.handle.flush();
    this.handle.close();
    await mark(this.within, this.generation);
    const { stale } = await contents(this.within);
    await clear(this.within, stale);
  }

  async abandon(): Promise<void> {
    this.handle.close();
    await clear(this.within, [fileOf(this.generation, '')]);
  }

  private pageSize(): number {
    if (new TextDecoder().decode(this.header.subarray(0, 16)) !== MAGIC || this.header.length < HEADER) {
      throw this.unfit('it does not begin like one');
    }
    const stored = new DataView(this.header.buffer).getUint16(16);
    const size = stored === 1 ? 65536 : stored;
    if (size < 512 || (size & (size - 1)) !== 0) throw this.unfit(`its page size can't be ${size} bytes`);
    return size;
  }

  private unfit(why: string): Error {
    return failure('NotADatabase', `the data to import as ${this.name} is not a complete SQLite database: ${why}`);
  }

  private full(): Error {
    return failure('DiskFull', `this site has no browser storage left for ${this.name}`);
  }
}
