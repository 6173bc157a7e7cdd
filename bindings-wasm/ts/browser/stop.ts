import { stopFiles } from './directory.js';

/** How many requests to remember that must be stopped once they run. */
const REMEMBERED = 64;

/**
 * Stops a statement that runs in an engine, without a SharedArrayBuffer.
 *
 * The thread of a running statement receives no messages. But it can check whether a file
 * still exists: `FileReaderSync` fails at once for a file that anybody has removed in the
 * meantime. So once a call has run for some time, the engine names such a file to the
 * client that made the call, and checks it now and then. To stop the call, the client
 * removes the file, from whichever tab. Measured from the removal to the failure: 2 ms in
 * Chromium, 10 ms in Firefox. (The alternative is to terminate the worker. It takes 2 s in
 * Chromium and 1 s in Firefox, and costs all other clients their engine.)
 */
export class StopRequests {
  private readonly wanted = new Set<number>();
  private current: { request: number; token: string } | undefined;
  /** Looked up before a call must be stopped: each step on the way is a request to another process. */
  private within: Promise<FileSystemDirectoryHandle | undefined> | undefined;

  constructor(private readonly name: string) {}

  /** Stops `request`, whether it is running now or only runs later. */
  stop(request: number): void {
    if (this.current?.request === request) {
      this.remove(this.current.token);
      return;
    }
    this.wanted.add(request);
    if (this.wanted.size > REMEMBERED) {
      for (const oldest of this.wanted) {
        this.wanted.delete(oldest);
        break;
      }
    }
  }

  /** Records that `request` is running, and which file stops it. */
  running(request: number, token: string | undefined): void {
    this.current = token === undefined ? undefined : { request, token };
    if (token !== undefined) this.within ??= this.look();
    if (token !== undefined && this.wanted.delete(request)) this.remove(token);
  }

  private remove(token: string): void {
    void this.removeKnown(token).then(async (removed) => {
      // A database that was removed and created again is in another directory.
      if (!removed) await (await (this.within = this.look()))?.removeEntry(token);
      // The file is gone if the call has ended by itself.
    }).catch(() => {});
  }

  private async removeKnown(token: string): Promise<boolean> {
    const within = await this.within;
    return within?.removeEntry(token).then(() => true, () => false) ?? false;
  }

  private look(): Promise<FileSystemDirectoryHandle | undefined> {
    return stopFiles(this.name).catch(() => undefined);
  }
}
