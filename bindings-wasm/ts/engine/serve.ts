// The engine in a worker, on any platform.
import init, { type InitOutput, type Port, connect, install, runningChanges, runningClient, runningRequest } from '../../dist/wasm/ubiqlite_wasm.js';
import type { Culprit } from './broken.js';
import { type Batch, writeLatin1 } from '../wire/latin1.js';

/**
 * The files that databases are kept in. Each call is complete when it returns. Errors
 * are negative: -1 input or output, -2 not found, -3 disk or quota full, -4 not
 * permitted, -5 a directory, -6 held by somebody else, -7 not available here.
 */
export interface Files {
  /** Opens or creates a file, and returns its number. */
  open(name: string, create: boolean, readOnly: boolean): number;
  close(file: number): void;
  /** Reads from a position on, and returns how many bytes it read: fewer at the end of the file. */
  read(file: number, into: Uint8Array, at: number): number;
  /** Writes all bytes, and returns 0. */
  write(file: number, from: Uint8Array, at: number): number;
  truncate(file: number, size: number): number;
  /** Waits until everything written survives a loss of power. */
  sync(file: number): number;
  size(file: number): number;
  /** Removes a file. A missing file is not an error. */
  remove(name: string): number;
  /** Whether there is a non-empty file of this name. */
  exists(name: string): boolean;
  /** Returns the canonical name of a file that may have several; `undefined`: the name as it is. */
  fullName(name: string): string | undefined;
  /** Whether an open file is no longer the one at its name. Checked before each commit. */
  hasMoved(file: number): boolean;
}

/** What the engine needs from its worker, apart from files. */
export interface Hooks {
  /** Whether the running request was cancelled. Called about every millisecond while it runs. */
  poll?: (client: number, request: number) => boolean;
  /** Whether a request may begin, because it was not cancelled in a way that is faster than messages. */
  leave?: (client: number, request: number) => boolean;
  /** Returns what to wait for, if anything, before requests run: without it they could not be stopped. */
  ready?: () => Promise<void> | undefined;
  /** Called when the engine broke, through this client's request if one was running. It sends no more replies. */
  crashed: (reason: string, by: Culprit | undefined) => void;
}

/** After this many milliseconds of work, messages are looked for before anything else begins. */
const LONG = 8;
/** After this many they are waited for: for a `SHARE`th of the time, and at most `LOOK` milliseconds. */
const LONGER = 40;
const SHARE = 20;
const LOOK = 5;

/** One client of the engine. */
export interface EnginePort {
  submit(batch: Batch): void;
  /** Whether no request of the client is in progress and nothing is open for it. */
  isIdle(): boolean;
  /** Rolls back what the client has open, and releases the client. */
  close(): Promise<void>;
}

/** Sends replies: these bytes of the engine's memory, valid until it returns. */
export type Send = (memory: Uint8Array, from: number, to: number) => void;

/** Opens a database for a client, whose number is `options.client`. */
export type Connect = (path: string, options: object, send: Send) => Promise<EnginePort>;

/** The engine. */
export interface EngineModule {
  /** Must be called once, before anything else. */
  install(files: Files | undefined, hooks: Hooks): void;
  connect: Connect;
  /** Reports an exception from outside any call of ours. Its aftermath can't be used any further. */
  fail(error: unknown): void;
}

/** Loads the engine from its wasm: an address, which is compiled while it loads, the bytes, or a compiled module. */
export async function load(wasm: string | URL | Uint8Array | WebAssembly.Module): Promise<EngineModule> {
  const bytes = wasm instanceof Uint8Array ? (wasm as Uint8Array<ArrayBuffer>) : wasm;
  return new WasmEngine(new Memory(await init({ module_or_path: bytes })));
}

const turns: (() => void)[] = [];
const turn = new MessageChannel();
turn.port1.onmessage = () => turns.shift()?.();
// In Node, a port keeps its thread alive.
(turn.port1 as { unref?: () => void }).unref?.();

/** Resolves after the messages that are already queued. A timer would be late. */
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
    // Memory that has grown has another buffer; the previous one is empty.
    if (this.all.length === 0) this.all = new Uint8Array(this.wasm.memory.buffer);
    return this.all;
  }
}

class WasmEngine implements EngineModule {
  private crashed: Hooks['crashed'] = () => {};
  private ready: () => Promise<void> | undefined = () => undefined;
  private broken = false;
  /** How long it worked. Messages that arrived in the meantime may cancel requests that arrived with them. */
  private worked = 0;
  /** Settles once messages were looked for after that work. */
  private looking: Promise<void> | undefined;

  constructor(private readonly memory: Memory) {}

  install(files: Files | undefined, hooks: Hooks): void {
    this.crashed = hooks.crashed;
    if (hooks.ready !== undefined) this.ready = hooks.ready;
    install(files, hooks.poll, hooks.leave);
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
      // In the middle of a long reply or batch, the client must get work at once.
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
      else if (writeLatin1(batch, this.memory.bytes, room)) open.submitRoom(batch.length);
    };
    let over = false;
    const waiting: Batch[] = [];
    let going = false;
    // After a long call, messages are looked for before the next one begins: it may
    // have been cancelled in the meantime.
    const goOn = async (): Promise<void> => {
      if (going) return;
      going = true;
      while (!over && !this.broken && (waiting.length > 0 || this.isBehind(open))) {
        await this.ready();
        if (!over && this.isBehind(open)) await (this.looking ?? nextTurn());
        if (over) return;
        // Everything that arrived is taken in before any of it begins.
        for (const batch of waiting.splice(0)) this.guarded(() => hear(batch));
        this.timed(() => open.resume());
      }
      going = false;
    };
    const hear = (batch: Batch): void => {
      open.fallBehind();
      take(batch);
    };
    return {
      submit: (batch) => {
        // The room went with the port.
        if (over) return;
        if (going || this.ready() !== undefined) {
          waiting.push(batch);
        } else if (this.looking !== undefined) {
          this.guarded(() => hear(batch));
        } else {
          submitting = true;
          this.timed(() => take(batch));
          submitting = false;
          // Replies made within the call travel at once.
          if (!asked) flush();
        }
        if (waiting.length > 0 || this.isBehind(open)) void goOn();
      },
      isIdle: () => over || this.broken || (waiting.length === 0 && !asked && open.isIdle()),
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

  private isBehind(port: Port): boolean {
    return !this.broken && port.isBehind();
  }

  /** Runs `work`, and notes if it kept messages waiting. */
  private timed(work: () => void): void {
    const begun = performance.now();
    this.guarded(work);
    const worked = performance.now() - begun;
    if (worked < LONG) return;
    this.worked = Math.max(this.worked, worked);
    this.looking ??= this.look();
  }

  /** Takes in the messages that arrived while it worked, before anything else begins. */
  private async look(): Promise<void> {
    await nextTurn();
    if (this.worked >= LONGER) {
      // In browsers, messages of other threads and tabs take paths of their own, which a turn does not wait for.
      await new Promise((resolve) => setTimeout(resolve, Math.min(LOOK, this.worked / SHARE)));
      await nextTurn();
    }
    this.worked = 0;
    this.looking = undefined;
  }

  /**
   * Runs `work` in the wasm. If it fails there, other than as a request, the engine is
   * unusable: it was left in the middle of something, whatever the exception is. A stack
   * overflow is a RangeError in one browser and an InternalError in another.
   */
  private guarded<T>(work: () => T): T | undefined {
    if (this.broken) return undefined;
    try {
      return work();
    } catch (error) {
      // Bytes that are not requests: their sender gets no reply, and nobody else is affected.
      if (!(error instanceof Error) && typeof (error as { kind?: unknown } | null)?.kind === 'string') return undefined;
      this.fail(error);
      return undefined;
    }
  }

  fail(error: unknown): void {
    if (this.broken) return;
    this.broken = true;
    // Its stack has no names, and is longer than everything that is known.
    this.crashed(String(error), culprit());
  }
}

/** Reads what the module left behind when it broke: just three numbers. */
function culprit(): Culprit | undefined {
  try {
    const client = runningClient();
    return client === 0 ? undefined : { client, request: runningRequest(), changes: runningChanges() };
  } catch {
    return undefined;
  }
}
