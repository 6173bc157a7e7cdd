import { chunksOf } from './import.js';
import type { ReplicaStorage } from './replica-storage.js';
import { type UbiqliteError, errorOf } from '../errors.js';
import { CellReader } from '../wire/cells.js';
import { Op, PIECE } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import type { EngineClient } from '../client/engine-client.js';
import type { Checked } from '../client/options.js';
import type { RemoteHandle } from '../client/remote-handle.js';

/** What the engine wants to be done with the files of a replica. */
interface Task {
  number: number;
  what: number;
  name: string;
}

/** What is to be done. */
const PUT = 0;
const LIST = 1;
const GET = 2;

/** What became of it. */
const DONE = 0;
const MORE = 1;
const NAMES = 2;
const BYTES = 3;
const END = 4;
const NOT_FOUND = 5;
const FAILED = 6;

/** Does with a program's storage what the engine wants, until that ends it. */
export class StorageTasks {
  private forget: (() => void) | undefined;

  private constructor(
    private readonly client: EngineClient,
    private readonly handle: RemoteHandle,
    private readonly storage: ReplicaStorage,
  ) {}

  static async begin(client: EngineClient, storage: ReplicaStorage, options: Checked): Promise<StorageTasks> {
    const tasks = new StorageTasks(client, await client.openHandle({ op: Op.storage, options }), storage);
    // The loop ends with the storage, whatever ends that.
    tasks.run().catch(() => {});
    return tasks;
  }

  /** The number by which other requests name the storage. */
  get id(): number {
    return this.handle.id;
  }

  /** Makes the client call `end` before it closes, unless it is over by then. */
  endAtClose(end: () => Promise<unknown>): void {
    // What could not be stored is told nobody, as by a folder.
    this.forget = this.client.atClose.addLast(() => end().catch(() => {}));
    if (this.handle.over !== undefined) this.forget();
  }

  /** Ends it: the engine gets nothing done any more. */
  end(): void {
    this.client.drop(this.handle, over);
  }

  private async run(): Promise<void> {
    try {
      for (;;) {
        const task = await this.client.call({ op: Op.next, on: this.handle, background: true, write: (out) => out.u32(0), read: taskOf });
        if (task === undefined) break;
        void this.carryOut(task);
      }
    } finally {
      this.client.release(this.handle, over);
      this.forget?.();
    }
  }

  private async carryOut({ number, what, name }: Task): Promise<void> {
    const { storage } = this;
    try {
      if (what === PUT) await storage.put(name, this.contentOf(number));
      else if (what === LIST) return await this.say(number, NAMES, namesOf(await all(await storage.list())));
      else if (what === GET) return await this.send(number, await storage.get(name));
      else await storage.remove(name);
      await this.say(number, DONE);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      await this.say(number, FAILED, (out) => out.tryText(why) || out.text('the storage has failed')).catch(() => {});
    }
  }

  /** Returns the content of a file that is stored. The engine reads what the reader wants. */
  private contentOf(number: number): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const bytes = await this.tell(number, MORE, (reply) => reply.rows().lists<[Uint8Array]>()[0]?.[0]);
          if (bytes === undefined) controller.close();
          else controller.enqueue(bytes);
        },
      },
      { highWaterMark: 0 },
    );
  }

  private async send(number: number, file: Awaited<ReturnType<ReplicaStorage['get']>>): Promise<void> {
    if (file === undefined || file === null) return this.say(number, NOT_FOUND);
    for await (const chunk of chunksOf(file)) {
      for (let at = 0; at < chunk.length; at += PIECE) {
        const bytes = chunk.subarray(at, at + PIECE);
        const wanted = await this.tell(number, BYTES, (reply) => reply.bool(), (out) => out.blob(bytes));
        if (!wanted) return;
      }
    }
    await this.say(number, END);
  }

  private say(number: number, what: number, more?: (out: Writer) => void): Promise<void> {
    return this.tell(number, what, (reply) => reply.done(), more);
  }

  private tell<T>(number: number, what: number, read: (reply: Reply) => T, more?: (out: Writer) => void): Promise<T> {
    const write = (out: Writer): void => {
      out.integer(number);
      out.u8(what);
      more?.(out);
    };
    return this.client.call({ op: Op.stored, on: this.handle, write, read });
  }
}

function taskOf(reply: Reply): Task | undefined {
  if (reply.ends) return undefined;
  const cells = new CellReader(reply, 'a task of a storage');
  return { number: cells.count(), what: cells.count(), name: (cells.optional() ?? '') as string };
}

async function all(names: Iterable<unknown> | AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const name of names) all.push(name);
  return all;
}

function namesOf(names: readonly unknown[]): (out: Writer) => void {
  if (!names.every((name) => typeof name === 'string')) throw new TypeError('list() must return names, which are strings');
  return (out) => {
    out.u32(names.length);
    for (const name of names) out.text(name);
  };
}

function over(): UbiqliteError {
  return errorOf({ kind: 'Closed', message: 'the storage of a replica has ended' });
}
