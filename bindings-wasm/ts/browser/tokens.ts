import { freshId } from './id.js';

/** How many long calls within one turn of the worker can be stopped. */
const STOCK = 4;

/** After how many milliseconds a call counts as long. */
const LONG = 12;

/** How often the token of a call is checked, in milliseconds: a check takes up to 1 ms. */
const PAUSE = 15;

interface Token {
  name: string;
  file: File;
}

/** A running call. */
interface StoppableCall {
  client: number;
  request: number;
  /** When the next check is due. */
  next: number;
  /** The token that stops it, once it has run for long. */
  token?: Token | undefined;
  reported: boolean;
}

/**
 * The files whose removal stops a running call (see `stop.ts`). Each serves one call, so
 * that a late removal never stops the next one. They are created in advance: in the middle
 * of a call nothing can be awaited.
 */
export class Tokens {
  private readonly stock: Token[] = [];
  private readonly reader: FileReaderSync | undefined;
  private readonly prefix = `stop-${freshId()}-`;
  private made = 0;
  private making: Promise<void> | undefined;
  /** The callers that wait for the first token. */
  private readonly waiting: (() => void)[] = [];
  private failed = false;
  private current: StoppableCall | undefined;

  /** Reports to a client that its request is running, and which file stops it. */
  report: (client: number, request: number, token: string | undefined) => void = () => {};

  constructor(private readonly within: FileSystemDirectoryHandle) {
    this.reader = typeof FileReaderSync === 'function' ? new FileReaderSync() : undefined;
  }

  /** Returns what to wait for until there is a token; `undefined` if there is one, or can't be. */
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
        // The others can be created while the first is in use.
        this.release();
      }
      this.failed = false;
    } catch {
      // The disk is full, for example. Then statements run to their end.
      this.failed = true;
    }
    this.release();
  }

  private release(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Whether the running call must stop. The engine asks often, in the middle of the call. */
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

  private announce(call: StoppableCall): void {
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
    // An empty file is read without checking whether it exists.
    const access = await handle.createSyncAccessHandle();
    access.write(new Uint8Array(1), { at: 0 });
    access.close();
    return { name, file: await handle.getFile() };
  }
}
