// The engine in a worker, whatever platform the worker is of.
import init, { type InitOutput, type Port, connect, install } from '../../dist/wasm/ubiqlite_wasm.js';
import { type Batch, spell } from '../wire/letters.js';

/**
 * The files that databases are kept in. Each call is done when it returns; errors
 * are negative: -1 input or output, -2 not found, -3 disk or quota full, -4 not
 * permitted, -5 a directory, -6 held by somebody else, -7 not available here.
 */
export interface Files {
  /** Opens a file, or makes it, and answers its number. */
  open(name: string, create: boolean, readOnly: boolean): number;
  close(file: number): void;
  /** Reads from a place on, and answers how many bytes: fewer at the file's end. */
  read(file: number, into: Uint8Array, at: number): number;
  /** Writes all of it, and answers 0. */
  write(file: number, from: Uint8Array, at: number): number;
  truncate(file: number, size: number): number;
  /** Waits until what was written survives a loss of power. */
  sync(file: number): number;
  size(file: number): number;
  /** Removes a file; one that is not there is no error. */
  remove(name: string): number;
  /** Whether there is a file of this name with anything in it. */
  exists(name: string): boolean;
}

/** What the engine needs of its worker, beside files. */
export interface Hooks {
  /** Whether the request that runs was given up; asked about every millisecond while it runs. */
  poll?: (client: number, request: number) => boolean;
  /** What is to be waited for, if anything, before requests run: without it they could not be stopped. */
  ready?: () => Promise<void> | undefined;
  /** The engine broke, and answers nothing any more. */
  crashed: (reason: string) => void;
}

/** One client of the engine. */
export interface EnginePort {
  submit(batch: Batch): void;
  /** Rolls back what the client has open, and lets it go. */
  close(): Promise<void>;
}

/** Sends replies, which are these bytes of the engine's memory until it returns. */
export type Send = (memory: Uint8Array, from: number, to: number) => void;

/** Opens a database for a client, whose number is `options.client`. */
export type Connect = (path: string, options: object, send: Send) => Promise<EnginePort>;

/** The engine. */
export interface Engine {
  /** To be called once, before anything else. */
  install(files: Files | undefined, hooks: Hooks): void;
  connect: Connect;
}

/** Loads the engine from its wasm: an address, which is compiled while it loads, the bytes, or what was compiled. */
export async function load(wasm: string | URL | Uint8Array | WebAssembly.Module): Promise<Engine> {
  const bytes = wasm instanceof Uint8Array ? (wasm as Uint8Array<ArrayBuffer>) : wasm;
  return new WasmEngine(new Memory(await init({ module_or_path: bytes })));
}

const turns: (() => void)[] = [];
const turn = new MessageChannel();
turn.port1.onmessage = () => turns.shift()?.();
// In Node a port keeps its thread alive.
(turn.port1 as { unref?: () => void }).unref?.();

/** Resolves after the messages that are there: a timer would be late. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    turns.push(resolve);
    turn.port2.postMessage(null);
  });
}

/** The memory of the engine. */
class Memory {
  private all = new Uint8Array();

  constructor(private readonly wasm: InitOutput) {}

  get bytes(): Uint8Array {
    // Memory that has grown has another buffer; the one before is empty.
    if (this.all.length === 0) this.all = new Uint8Array(this.wasm.memory.buffer);
    return this.all;
  }
}

class WasmEngine implements Engine {
  private crashed: (reason: string) => void = () => {};
  private ready: () => Promise<void> | undefined = () => undefined;
  private broken = false;

  constructor(private readonly memory: Memory) {}

  install(files: Files | undefined, hooks: Hooks): void {
    this.crashed = hooks.crashed;
    if (hooks.ready !== undefined) this.ready = hooks.ready;
    install(files, hooks.poll);
  }

  connect: Connect = async (path, options, send) => {
    let port: Port | undefined;
    let asked = false;
    // Everything that became ready in this turn travels in one message.
    const post = (): void => {
      if (port === undefined) return;
      const length = this.guarded(() => open.take()) ?? 0;
      if (length === 0) return;
      const from = open.taken();
      send(this.memory.bytes, from, from + length);
    };
    const flush = (): void => {
      asked = false;
      post();
    };
    let submitting = false;
    const notify = (now = false): void => {
      // In the middle of a long reply or batch the client is to have work at once.
      if (now) return post();
      if (asked || submitting) return;
      asked = true;
      queueMicrotask(flush);
    };
    port = await connect(path, options, notify);
    const open = port;
    const room = open.room();
    const take = (batch: Batch): void => {
      if (typeof batch !== 'string') open.submit(new Uint8Array(batch));
      else if (spell(batch, this.memory.bytes, room)) open.submitRoom(batch.length);
    };
    let over = false;
    const waiting: Batch[] = [];
    let going = false;
    // Behind a long call, messages are looked for before the next one begins: it
    // may have been given up meanwhile.
    const goOn = async (): Promise<void> => {
      if (going) return;
      going = true;
      while (!over && !this.broken && (waiting.length > 0 || open.isBehind())) {
        await this.ready();
        if (!over && open.isBehind()) await nextTurn();
        if (over) return;
        this.guarded(() => open.resume());
        for (const batch of waiting.splice(0)) this.guarded(() => take(batch));
      }
      going = false;
    };
    return {
      submit: (batch) => {
        // The room is gone with the port.
        if (over) return;
        if (going || this.ready() !== undefined) {
          waiting.push(batch);
        } else {
          submitting = true;
          this.guarded(() => take(batch));
          submitting = false;
          // What was answered within the call travels at once.
          if (!asked) flush();
        }
        if (waiting.length > 0 || (!this.broken && open.isBehind())) void goOn();
      },
      close: async () => {
        over = true;
        if (this.broken) return;
        try {
          await open.close();
        } finally {
          if (!this.broken) open.free();
        }
      },
    };
  };

  /** What fails inside the wasm, and not as a request, leaves nothing to go on with. */
  private guarded<T>(work: () => T): T | undefined {
    if (this.broken) return undefined;
    try {
      return work();
    } catch (error) {
      // Bytes that are no requests: who sent them gets no answer, and nobody else suffers.
      if (!(error instanceof WebAssembly.RuntimeError)) return undefined;
      this.broken = true;
      this.crashed(String(error.stack ?? error));
      return undefined;
    }
  }
}
