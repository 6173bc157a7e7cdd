import type { ImportSource } from './import.js';

/**
 * Where the files of a replica are kept, if that is no folder: an object store, for example. A program writes its own.
 *
 * The names are as `ltx/0/0000000000000002-0000000000000007.ltx`, and `ubiqlite.owner`, which says whose the storage is: a second
 * replica of the process is refused (`Busy`), and one of another process takes it over, after which the first ends. What a method throws or rejects with is told by
 * {@link Replica.state}, and is tried again later; it never concerns those who write to the database. One method at a time is
 * called for a replica, except that a file of which only the beginning was wanted may still be closing. While one waits for
 * something that never comes, so does the replica, until `stop()` or `close()` has waited for the close timeout; it has ended then,
 * and what the method still does is ignored.
 *
 * ```js
 * const objects = new Map(); // stands for the client of an object store
 * const replica = await db.replicate({
 *   put: async (name, content) => void objects.set(name, await new Response(content).arrayBuffer()),
 *   list: async () => objects.keys(),
 *   get: async (name) => objects.get(name),
 *   remove: async (name) => void objects.delete(name),
 * });
 * ```
 */
export interface ReplicaStorage {
  /**
   * Stores a file, in place of one that has the name: whole and lasting once this resolves. It reads the content to its end,
   * or throws. A file with all pages of a large database is large, too: its content may be passed on as it comes, in pieces of 256 KiB at most.
   */
  put(name: string, content: ReadableStream<Uint8Array>): void | PromiseLike<void>;
  /** Returns the names of all files; there may be others among them. */
  list(): Iterable<string> | AsyncIterable<string> | PromiseLike<Iterable<string> | AsyncIterable<string>>;
  /** Returns a file, as its bytes or as a stream of them; `undefined` if there is none of that name. */
  get(name: string): ImportSource | undefined | PromiseLike<ImportSource | undefined>;
  /** Removes a file, if there is one. */
  remove(name: string): void | PromiseLike<void>;
}
