import { freshId } from './id.js';

/** How many calls that run long in one turn of the worker can be stopped. */
const STOCK = 4;

interface Token {
  name: string;
  file: File;
}

/**
 * The files by whose removal a running call is stopped (see `stop.ts`). Each
 * serves one call, so that a removal that comes too late never stops the next.
 * They are made in advance: in the middle of a call nothing can be awaited.
 */
export class Tokens {
  private readonly stock: Token[] = [];
  private readonly reader: FileReaderSync | undefined;
  private readonly prefix = `stop-${freshId()}-`;
  private made = 0;
  private making = false;
  private current: { client: number; request: number; token: Token | undefined } | undefined;

  /** @param report tells a client that its request runs, and by which file it is stopped */
  constructor(
    private readonly within: FileSystemDirectoryHandle,
    private readonly report: (client: number, request: number, token: string | undefined) => void,
  ) {
    this.reader = typeof FileReaderSync === 'function' ? new FileReaderSync() : undefined;
  }

  /** Fills the stock. */
  async refill(): Promise<void> {
    if (this.making || this.reader === undefined) return;
    this.making = true;
    try {
      while (this.stock.length < STOCK) this.stock.push(await this.make());
    } catch {
      // The disk is full, for example. Statements then run to their end.
    } finally {
      this.making = false;
    }
  }

  /** Whether the call that has been running for a while is to stop. The engine asks in the middle of it. */
  poll(client: number, request: number): boolean {
    if (this.current?.client !== client || this.current.request !== request) {
      this.retire();
      const token = this.stock.pop();
      this.current = { client, request, token };
      // Takes effect when the worker is idle again.
      void this.refill();
      this.report(client, request, token?.name);
      return false;
    }
    const { token } = this.current;
    if (token === undefined) return false;
    try {
      this.reader?.readAsArrayBuffer(token.file);
      return false;
    } catch {
      return true;
    }
  }

  private retire(): void {
    const token = this.current?.token;
    this.current = undefined;
    if (token !== undefined) this.within.removeEntry(token.name).catch(() => {});
  }

  private async make(): Promise<Token> {
    this.made += 1;
    const name = this.prefix + String(this.made);
    const handle = await this.within.getFileHandle(name, { create: true });
    // An empty file is read without looking whether it is there.
    const access = await handle.createSyncAccessHandle();
    access.write(new Uint8Array(1), { at: 0 });
    access.close();
    return { name, file: await handle.getFile() };
  }
}
