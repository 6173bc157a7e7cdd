import { freshId } from './id.js';

/** How many calls that run long in one turn of the worker can be stopped. */
const STOCK = 4;

/** After how many milliseconds a call counts as long. */
const LONG = 12;

/** How often its token is looked at, in milliseconds: a look takes up to 1 ms. */
const PAUSE = 15;

interface Token {
  name: string;
  file: File;
}

/** A call that runs. */
interface Call {
  client: number;
  request: number;
  /** When it is worth the next look. */
  next: number;
  /** By what it is stopped, once it runs long. */
  token?: Token | undefined;
  reported: boolean;
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
  private making: Promise<void> | undefined;
  /** Those who wait for the first. */
  private readonly waiting: (() => void)[] = [];
  private failed = false;
  private current: Call | undefined;

  /** Tells a client that its request runs, and by which file it is stopped. */
  report: (client: number, request: number, token: string | undefined) => void = () => {};

  constructor(private readonly within: FileSystemDirectoryHandle) {
    this.reader = typeof FileReaderSync === 'function' ? new FileReaderSync() : undefined;
  }

  /** What is to be waited for until there is one; nothing where there is, or can't be. */
  ready(): Promise<void> | undefined {
    if (this.stock.length > 0 || this.reader === undefined || this.failed) return undefined;
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      void this.refill();
    });
  }

  /** Fills the stock. */
  refill(): Promise<void> {
    this.making ??= this.fill().finally(() => (this.making = undefined));
    return this.making;
  }

  private async fill(): Promise<void> {
    if (this.reader === undefined) return;
    try {
      while (this.stock.length < STOCK) {
        this.stock.push(await this.make());
        // The others can be made while the first is used.
        this.release();
      }
      this.failed = false;
    } catch {
      // The disk is full, for example. Statements then run to their end.
      this.failed = true;
    }
    this.release();
  }

  private release(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Whether the call that runs is to stop. The engine asks often, in the middle of it. */
  poll(client: number, request: number): boolean {
    const now = performance.now();
    const call = this.current;
    if (call?.client !== client || call.request !== request) {
      this.retire();
      this.current = { client, request, next: now + LONG, reported: false };
      return false;
    }
    if (now < call.next) return false;
    call.next = now + PAUSE;
    if (!call.reported) this.announce(call);
    return call.token !== undefined && this.isGone(call.token);
  }

  private announce(call: Call): void {
    call.reported = true;
    call.token = this.stock.pop();
    this.report(call.client, call.request, call.token?.name);
    // Takes effect when the worker is idle again.
    void this.refill();
  }

  private isGone(token: Token): boolean {
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
